-- Wrong passwords and codes of a while, by a keyed hash of the login, account or address that they are counted for.
CREATE TABLE guesses (
    subject BLOB    PRIMARY KEY,
    -- The subject that these are counted for instead, once it is known.
    counts_as BLOB,
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    -- The one before the last.
    before  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX guesses_by_age ON guesses (last_at);
