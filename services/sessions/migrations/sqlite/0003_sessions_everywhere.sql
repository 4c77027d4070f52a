-- Where the session was used from last.
ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';

-- When an account last ended its sessions: a sign-in that was under way then must not open one.
CREATE TABLE barred_sign_ins (
    account_id INTEGER PRIMARY KEY,
    until      INTEGER NOT NULL
);
CREATE INDEX barred_sign_ins_by_age ON barred_sign_ins (until);
