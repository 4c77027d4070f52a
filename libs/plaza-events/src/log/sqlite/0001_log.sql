CREATE TABLE log (
    "offset"       INTEGER PRIMARY KEY AUTOINCREMENT,
    source         TEXT    NOT NULL,
    position       INTEGER NOT NULL,
    id             BLOB    NOT NULL UNIQUE,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   INTEGER NOT NULL,
    type           TEXT    NOT NULL,
    payload        BLOB    NOT NULL,
    traceparent    TEXT,
    at             INTEGER NOT NULL,
    UNIQUE (source, position)
);

CREATE TABLE cursors (
    consumer  TEXT PRIMARY KEY,
    "offset"  INTEGER NOT NULL,
    positions TEXT    NOT NULL
) WITHOUT ROWID;

CREATE TABLE dead_letters (
    letter         INTEGER PRIMARY KEY AUTOINCREMENT,
    consumer       TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    tries          INTEGER NOT NULL,
    given_up_at    INTEGER NOT NULL,
    source         TEXT    NOT NULL,
    position       INTEGER NOT NULL,
    id             BLOB    NOT NULL,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   INTEGER NOT NULL,
    type           TEXT    NOT NULL,
    payload        BLOB    NOT NULL,
    traceparent    TEXT,
    at             INTEGER NOT NULL,
    UNIQUE (consumer, source, position)
);
