-- Edits, tombstones that hold threads together, deleted posts that can come back, and the heads of profiles.
ALTER TABLE posts ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN edit_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE posts ADD COLUMN edited_at INTEGER;

-- Replies in order: the living, and tombstones that had something below them when they were made.
DROP INDEX posts_by_reply_to;
CREATE INDEX posts_by_reply_to ON posts (reply_to_id, id, deleted_at)
    WHERE reply_to_id IS NOT NULL AND (deleted_at IS NULL OR kept);

-- An author's living posts that reply to nothing.
CREATE INDEX posts_openers_by_author ON posts (author_id, id DESC, deleted_at, reply_to_id, visibility)
    WHERE deleted_at IS NULL AND reply_to_id IS NULL;

-- What posts said before they were edited, by how often they had been by then.
CREATE TABLE revisions (
    post_id    INTEGER NOT NULL,
    edit_count INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    text       TEXT    NOT NULL,
    spans      TEXT,
    sensitive  INTEGER NOT NULL,
    warning    TEXT    NOT NULL,
    language   TEXT    NOT NULL,
    PRIMARY KEY (post_id, edit_count)
) STRICT, WITHOUT ROWID;

-- What deleted posts said, until they can be restored no more. Their marks and revisions stay so long, too.
CREATE TABLE graves (
    post_id   INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    text      TEXT    NOT NULL,
    spans     TEXT,
    warning   TEXT    NOT NULL,
    language  TEXT    NOT NULL
) STRICT;
CREATE INDEX graves_by_age ON graves (at);
CREATE INDEX graves_by_author ON graves (author_id);

CREATE TABLE pins (
    account_id INTEGER NOT NULL,
    post_id    INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    PRIMARY KEY (account_id, post_id)
) STRICT, WITHOUT ROWID;
