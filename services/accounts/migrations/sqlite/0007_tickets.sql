-- What is sent by mail and comes back once: one of each kind for an account.
CREATE TABLE tickets (
    account_id INTEGER NOT NULL,
    purpose    INTEGER NOT NULL,
    ticket_id  INTEGER NOT NULL,
    email      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- How often a mail server put the mail off; whether it is sent, or never will be.
    attempts   INTEGER NOT NULL DEFAULT 0,
    done       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, purpose)
) WITHOUT ROWID;
CREATE INDEX tickets_by_time ON tickets (expires_at);
ALTER TABLE accounts ADD COLUMN email_verified INTEGER NOT NULL DEFAULT 0;
