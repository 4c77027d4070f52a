-- What accounts do with a post besides answering it, in one table: kind 1 likes it, 2 reposts it, 3 keeps it. The id says
-- when, and sorts as the ids of posts do; 22 bits below the milliseconds since 2025 are drawn at random.
CREATE TABLE marks (
    post_id    INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    kind       INTEGER NOT NULL CHECK (kind IN (1, 2, 3)),
    id         INTEGER NOT NULL,
    PRIMARY KEY (post_id, account_id, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO marks (post_id, account_id, kind, id)
SELECT post_id, account_id, 1, max(at - 1735689600000, 0) << 22 FROM likes;
DROP TABLE likes;

CREATE INDEX marks_by_post ON marks (post_id, kind, id DESC, account_id DESC);
CREATE INDEX marks_by_account ON marks (account_id, kind, id DESC, post_id DESC);

ALTER TABLE post_counts ADD COLUMN reposts INTEGER NOT NULL DEFAULT 0 CHECK (reposts >= 0);
ALTER TABLE post_counts ADD COLUMN quotes INTEGER NOT NULL DEFAULT 0 CHECK (quotes >= 0);
ALTER TABLE post_counts ADD COLUMN bookmarks INTEGER NOT NULL DEFAULT 0 CHECK (bookmarks >= 0);

ALTER TABLE posts ADD COLUMN quote_of_id INTEGER;
ALTER TABLE posts ADD COLUMN quote_policy INTEGER NOT NULL DEFAULT 1;
CREATE INDEX posts_by_quote_of ON posts (quote_of_id, id DESC) WHERE quote_of_id IS NOT NULL AND deleted_at IS NULL;
