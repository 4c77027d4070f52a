-- Living sessions. A session that ends leaves this table for `revocations`; one that expires just goes.
CREATE TABLE sessions (
    session_id   INTEGER PRIMARY KEY,
    account_id   INTEGER NOT NULL,
    device_name  TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    -- The number of the newest refresh token, and when it was first handed out.
    generation   INTEGER NOT NULL,
    rotated_at   INTEGER NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id, session_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Sessions that ended while access tokens of theirs may still be good. `sequence` is the cursor of those who follow: it
-- rises in commit order and is never given twice, also after rows are pruned.
CREATE TABLE revocations (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL
);
CREATE INDEX revocations_by_age ON revocations (ended_at);

-- Accounts erased a short while ago: a sign-in that was under way then must not open a session any more.
CREATE TABLE erased_accounts (
    account_id INTEGER PRIMARY KEY,
    erased_at  INTEGER NOT NULL
);
CREATE INDEX erased_accounts_by_age ON erased_accounts (erased_at);

-- Ed25519 keys that sign access tokens, by their RFC 7638 thumbprint. The newest signs.
CREATE TABLE signing_keys (
    kid        TEXT PRIMARY KEY,
    seed       BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
