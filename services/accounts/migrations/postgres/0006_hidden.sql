-- Accounts that only their owners can read: since when, and those that are to be deleted, when.
ALTER TABLE accounts ADD COLUMN deactivated_at bigint;
ALTER TABLE accounts ADD COLUMN delete_at bigint;
CREATE INDEX accounts_to_delete ON accounts (delete_at) WHERE delete_at IS NOT NULL
