// Who mutes whom, since when (`at`) and until when (`until`, absent if until it is lifted), and what of the other
// (`scopes`: 1 posts, 2 reposts, 4 notifications). A mute that has run out is as good as none, and goes when it is met.
CREATE CONSTRAINT mutes_pair{ns} IF NOT EXISTS FOR ()-[m:MUTES{ns}]-() REQUIRE (m.muter, m.muted) IS UNIQUE;
CREATE INDEX mutes_by_muted{ns} IF NOT EXISTS FOR ()-[m:MUTES{ns}]-() ON (m.muted, m.muter);
CREATE INDEX mutes_newest{ns} IF NOT EXISTS FOR ()-[m:MUTES{ns}]-() ON (m.muter, m.at, m.muted);
CREATE INDEX mutes_by_end{ns} IF NOT EXISTS FOR ()-[m:MUTES{ns}]-() ON (m.until);

// The list of an account's blocks, newest first.
CREATE INDEX blocks_newest{ns} IF NOT EXISTS FOR ()-[b:BLOCKS{ns}]-() ON (b.blocker, b.at, b.blocked);
