-- One row for each account that ever was. Deletion erases what is personal and keeps the id and the handle's key, so
-- that a handle never changes hands.
CREATE TABLE accounts (
    account_id    INTEGER PRIMARY KEY,
    handle_key    TEXT    NOT NULL,
    handle        TEXT    NOT NULL,
    email         TEXT    NOT NULL,
    -- NULL once deleted: NULLs do not clash, so the address is free again.
    email_key     TEXT,
    password_hash TEXT    NOT NULL,
    display_name  TEXT    NOT NULL,
    bio           TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    deleted_at    INTEGER
);
CREATE UNIQUE INDEX accounts_by_handle ON accounts (handle_key);
CREATE UNIQUE INDEX accounts_by_email ON accounts (email_key);
