-- Handles that nobody else may take for a while: those that an account had before, and those of accounts that are gone.
CREATE TABLE kept_handles (
    handle_key TEXT PRIMARY KEY,
    -- Who may take it back; NULL once its owner is gone.
    account_id INTEGER,
    free_at    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX kept_handles_by_time ON kept_handles (free_at);
CREATE INDEX kept_handles_by_account ON kept_handles (account_id) WHERE account_id IS NOT NULL;
-- The row of an account that is gone holds no handle any more. No handle has a `#`.
INSERT INTO kept_handles (handle_key, free_at)
    SELECT handle_key, deleted_at + 7776000000 FROM accounts WHERE deleted_at IS NOT NULL;
UPDATE accounts SET handle_key = '#' || account_id WHERE deleted_at IS NOT NULL;
