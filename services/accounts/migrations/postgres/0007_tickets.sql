-- What is sent by mail and comes back once: one of each kind for an account.
CREATE TABLE tickets (
    account_id bigint  NOT NULL,
    purpose    integer NOT NULL,
    ticket_id  bigint  NOT NULL,
    email      text    NOT NULL,
    created_at bigint  NOT NULL,
    expires_at bigint  NOT NULL,
    -- How often a mail server put the mail off; whether it is sent, or never will be.
    attempts   bigint  NOT NULL DEFAULT 0,
    done       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (account_id, purpose)
);
CREATE INDEX tickets_by_time ON tickets (expires_at);
ALTER TABLE accounts ADD COLUMN email_verified boolean NOT NULL DEFAULT false
