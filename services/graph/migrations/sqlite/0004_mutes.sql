-- Who mutes whom, since when and until when (milliseconds since the Unix epoch; NULL: until it is lifted), and what of
-- the other: 1 posts, 2 reposts, 4 notifications. A mute that has run out is as good as none, and goes when it is met.
CREATE TABLE mutes (
    muter    INTEGER NOT NULL,
    muted    INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    scopes   INTEGER NOT NULL,
    until    INTEGER,
    PRIMARY KEY (muter, muted),
    CHECK (muter <> muted)
) WITHOUT ROWID;
CREATE INDEX mutes_by_muted ON mutes (muted, muter);
CREATE INDEX mutes_newest ON mutes (muter, at, muted);
CREATE INDEX mutes_by_end ON mutes (until) WHERE until IS NOT NULL;

-- The list of an account's blocks, newest first.
CREATE INDEX blocks_newest ON blocks (blocker, at, blocked);
