-- What posts ask: a JSON list of options. A poll and its votes stay for as long as its deleted post can be restored.
CREATE TABLE polls (
    post_id   INTEGER PRIMARY KEY,
    options   TEXT NOT NULL,
    multiple  INTEGER NOT NULL,
    hides     INTEGER NOT NULL,
    closes_at INTEGER NOT NULL
) STRICT;

-- Who voted for what: a bit for each option.
CREATE TABLE votes (
    post_id    INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    choices    INTEGER NOT NULL,
    PRIMARY KEY (post_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX votes_by_account ON votes (account_id, post_id);

-- Counters of the polls of living posts: how many voted for each option, and at option -1 how many voted.
CREATE TABLE poll_counts (
    post_id INTEGER NOT NULL,
    option  INTEGER NOT NULL,
    votes   INTEGER NOT NULL CHECK (votes >= 0),
    PRIMARY KEY (post_id, option)
) STRICT, WITHOUT ROWID;
