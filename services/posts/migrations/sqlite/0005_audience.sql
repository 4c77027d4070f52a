-- Who sees a post and may answer it, and how it is shown. SQLite cannot change a check, so the table is made anew.
-- visibility: 1 public, 2 followers, 3 unlisted, 4 mentioned; reply_policy: 1 everyone, 2 followed, 3 mentioned, 4 nobody.
CREATE TABLE posts_anew (
    id           INTEGER PRIMARY KEY,
    author_id    INTEGER NOT NULL,
    text         TEXT    NOT NULL,
    spans        TEXT,
    visibility   INTEGER NOT NULL CHECK (visibility IN (1, 2, 3, 4)),
    reply_to_id  INTEGER,
    root_id      INTEGER NOT NULL,
    deleted_at   INTEGER,
    quote_of_id  INTEGER,
    quote_policy INTEGER NOT NULL DEFAULT 1,
    reply_policy INTEGER NOT NULL DEFAULT 1,
    sensitive    INTEGER NOT NULL DEFAULT 0,
    warning      TEXT    NOT NULL DEFAULT '',
    language     TEXT    NOT NULL DEFAULT ''
) STRICT;
INSERT INTO posts_anew
    (id, author_id, text, spans, visibility, reply_to_id, root_id, deleted_at, quote_of_id, quote_policy)
SELECT id, author_id, text, spans, visibility, reply_to_id, root_id, deleted_at, quote_of_id, quote_policy FROM posts;
DROP TABLE posts;
ALTER TABLE posts_anew RENAME TO posts;

-- An author's living posts, newest first: all of them, those that followers see, and those that everybody sees. The
-- columns that are constant in an index stand at its end, so that SQLite need not look at the table to see that they are.
CREATE INDEX posts_by_author ON posts (author_id, id DESC, deleted_at) WHERE deleted_at IS NULL;
CREATE INDEX posts_for_followers_by_author ON posts (author_id, id DESC, deleted_at, visibility)
    WHERE deleted_at IS NULL AND visibility <> 4;
CREATE INDEX posts_public_by_author ON posts (author_id, id DESC, deleted_at, visibility)
    WHERE deleted_at IS NULL AND visibility IN (1, 3);
CREATE INDEX posts_by_reply_to ON posts (reply_to_id) WHERE reply_to_id IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX posts_by_quote_of ON posts (quote_of_id, id DESC) WHERE quote_of_id IS NOT NULL AND deleted_at IS NULL;
