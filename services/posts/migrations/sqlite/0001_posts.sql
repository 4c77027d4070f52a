-- A deleted post stays as a tombstone without its text, so that its id never names another.
CREATE TABLE posts (
    id          INTEGER PRIMARY KEY,
    author_id   INTEGER NOT NULL,
    text        TEXT    NOT NULL,
    spans       TEXT,
    visibility  INTEGER NOT NULL CHECK (visibility IN (1, 2)),
    reply_to_id INTEGER,
    root_id     INTEGER NOT NULL,
    deleted_at  INTEGER
) STRICT;

-- An author's living posts, newest first: all of them, and the public ones. The columns that are constant in an index
-- stand at its end, so that SQLite need not look at the table to see that they are.
CREATE INDEX posts_by_author ON posts (author_id, id DESC, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX posts_public_by_author ON posts (author_id, id DESC, deleted_at, visibility)
    WHERE deleted_at IS NULL AND visibility = 1;
CREATE INDEX posts_by_reply_to ON posts (reply_to_id) WHERE reply_to_id IS NOT NULL AND deleted_at IS NULL;

-- Counters of living posts, apart from the texts, so that a like rewrites a few bytes.
CREATE TABLE post_counts (
    post_id INTEGER PRIMARY KEY,
    likes   INTEGER NOT NULL DEFAULT 0 CHECK (likes >= 0),
    replies INTEGER NOT NULL DEFAULT 0 CHECK (replies >= 0)
) STRICT;

CREATE TABLE likes (
    post_id    INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (post_id, account_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX likes_by_account ON likes (account_id, post_id);

CREATE TABLE hashtags (
    tag     TEXT    NOT NULL,
    post_id INTEGER NOT NULL,
    PRIMARY KEY (tag, post_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX hashtags_by_post ON hashtags (post_id);

-- Deleted posts that had more likes than one write removes; pruning removes the rest.
CREATE TABLE leftovers (
    post_id INTEGER PRIMARY KEY
) STRICT;

-- Accounts that were erased: nothing of them is taken in any more, however late a write of theirs comes.
CREATE TABLE gone (
    account_id INTEGER PRIMARY KEY
) STRICT;
