-- Who follows whom, since when (milliseconds since the Unix epoch).
CREATE TABLE follows (
    follower INTEGER NOT NULL,
    followee INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (follower, followee),
    CHECK (follower <> followee)
) WITHOUT ROWID;
-- Followers by rising id, for fan-out and erasure.
CREATE INDEX follows_by_followee ON follows (followee, follower);
-- Both lists, newest first.
CREATE INDEX follows_newest_followers ON follows (followee, at, follower);
CREATE INDEX follows_newest_following ON follows (follower, at, followee);

-- Who blocks whom.
CREATE TABLE blocks (
    blocker INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (blocker, blocked),
    CHECK (blocker <> blocked)
) WITHOUT ROWID;
CREATE INDEX blocks_by_blocked ON blocks (blocked, blocker);

-- How many rows of follows name the account at either end. No row means no follows; kept in the transaction that
-- changes follows.
CREATE TABLE counts (
    account   INTEGER PRIMARY KEY,
    followers INTEGER NOT NULL CHECK (followers >= 0),
    following INTEGER NOT NULL CHECK (following >= 0)
);

-- Accounts that are gone. Their ids never come back, so a write that was under way when the account was deleted is
-- refused by this row, and nothing of it is left behind.
CREATE TABLE erased (account INTEGER PRIMARY KEY);
