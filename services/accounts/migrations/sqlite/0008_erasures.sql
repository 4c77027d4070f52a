-- What other services have erased of accounts that are gone. It stays, and tells nobody who they were.
CREATE TABLE erasures (
    account_id INTEGER NOT NULL,
    service    TEXT    NOT NULL,
    -- One a line.
    kinds      TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (account_id, service)
) WITHOUT ROWID;
