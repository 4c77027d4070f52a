// Accounts that have edges; one without any has no node.
CREATE CONSTRAINT account_id{ns} IF NOT EXISTS FOR (a:Account{ns}) REQUIRE a.id IS UNIQUE;

// Who follows whom, since when (`at`, milliseconds since the Unix epoch). A relationship carries the ids of its ends, so
// that the indexes answer what a walk over all of an account's relationships would.
CREATE CONSTRAINT follows_pair{ns} IF NOT EXISTS
    FOR ()-[f:FOLLOWS{ns}]-() REQUIRE (f.follower, f.followee) IS UNIQUE;
// Followers by rising id, for fan-out and erasure.
CREATE INDEX follows_by_followee{ns} IF NOT EXISTS FOR ()-[f:FOLLOWS{ns}]-() ON (f.followee, f.follower);
// Both lists, newest first.
CREATE INDEX follows_newest_followers{ns} IF NOT EXISTS FOR ()-[f:FOLLOWS{ns}]-() ON (f.followee, f.at, f.follower);
CREATE INDEX follows_newest_following{ns} IF NOT EXISTS FOR ()-[f:FOLLOWS{ns}]-() ON (f.follower, f.at, f.followee);

// Who blocks whom.
CREATE CONSTRAINT blocks_pair{ns} IF NOT EXISTS
    FOR ()-[b:BLOCKS{ns}]-() REQUIRE (b.blocker, b.blocked) IS UNIQUE;
CREATE INDEX blocks_by_blocked{ns} IF NOT EXISTS FOR ()-[b:BLOCKS{ns}]-() ON (b.blocked, b.blocker);

// Accounts that are gone. Their ids never come back, so a write that was under way when the account was deleted is
// refused by this node, and nothing of it is left behind.
CREATE CONSTRAINT erased_account_id{ns} IF NOT EXISTS FOR (e:ErasedAccount{ns}) REQUIRE e.id IS UNIQUE;
