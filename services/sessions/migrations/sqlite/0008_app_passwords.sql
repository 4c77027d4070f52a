-- Passwords for programs. No password stands here: it is derived from the account and the id.
CREATE TABLE app_passwords (
    account_id      INTEGER NOT NULL,
    app_password_id INTEGER NOT NULL,
    name            TEXT    NOT NULL,
    scopes          INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    -- 0 if it never signed in.
    last_used_at    INTEGER NOT NULL,
    PRIMARY KEY (account_id, app_password_id)
) WITHOUT ROWID;

-- The app password that opened the session, and what it may do; 0 and 0 for the account's own.
ALTER TABLE sessions ADD COLUMN app_password_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN scopes INTEGER NOT NULL DEFAULT 0;
