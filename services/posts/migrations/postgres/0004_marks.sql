-- What accounts do with a post besides answering it, in one table: kind 1 likes it, 2 reposts it, 3 keeps it. The id says
-- when, and sorts as the ids of posts do; 22 bits below the milliseconds since 2025 are drawn at random.
CREATE TABLE marks (
    post_id    bigint   NOT NULL,
    account_id bigint   NOT NULL,
    kind       smallint NOT NULL CHECK (kind IN (1, 2, 3)),
    id         bigint   NOT NULL,
    PRIMARY KEY (post_id, account_id, kind)
);
INSERT INTO marks (post_id, account_id, kind, id)
SELECT post_id, account_id, 1, greatest(at - 1735689600000, 0) << 22 FROM likes;
DROP TABLE likes;

CREATE INDEX marks_by_post ON marks (post_id, kind, id, account_id);
CREATE INDEX marks_by_account ON marks (account_id, kind, id, post_id);

ALTER TABLE post_counts
    ADD COLUMN reposts   integer NOT NULL DEFAULT 0,
    ADD COLUMN quotes    integer NOT NULL DEFAULT 0,
    ADD COLUMN bookmarks integer NOT NULL DEFAULT 0;

ALTER TABLE posts
    ADD COLUMN quote_of_id  bigint,
    ADD COLUMN quote_policy smallint NOT NULL DEFAULT 1;
CREATE INDEX posts_by_quote_of ON posts (quote_of_id, id) WHERE quote_of_id IS NOT NULL AND deleted_at IS NULL;
