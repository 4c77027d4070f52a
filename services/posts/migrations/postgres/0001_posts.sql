-- A deleted post stays as a tombstone without its text, so that its id never names another.
CREATE TABLE posts (
    id          bigint   PRIMARY KEY,
    author_id   bigint   NOT NULL,
    text        text     NOT NULL,
    spans       text,
    visibility  smallint NOT NULL CHECK (visibility IN (1, 2)),
    reply_to_id bigint,
    root_id     bigint   NOT NULL,
    deleted_at  bigint
);

-- An author's living posts: all of them, and the public ones. Lists are read off these alone.
CREATE INDEX posts_by_author ON posts (author_id, id) WHERE deleted_at IS NULL;
CREATE INDEX posts_public_by_author ON posts (author_id, id) WHERE deleted_at IS NULL AND visibility = 1;
CREATE INDEX posts_by_reply_to ON posts (reply_to_id) WHERE reply_to_id IS NOT NULL AND deleted_at IS NULL;

-- Counters of living posts, in stripes: a transaction changes the stripe of its connection, which the default names, so
-- that those of several connections do not wait for one another, and a reader adds up the few stripes there are. One
-- stripe alone may be below zero. Room is left in the pages, so that a changed row stays in its page and no index changes.
CREATE TABLE post_counts (
    post_id bigint   NOT NULL,
    stripe  smallint NOT NULL DEFAULT pg_backend_pid() % 16,
    likes   integer  NOT NULL DEFAULT 0,
    replies integer  NOT NULL DEFAULT 0,
    PRIMARY KEY (post_id, stripe)
) WITH (fillfactor = 60);

CREATE TABLE likes (
    post_id    bigint NOT NULL,
    account_id bigint NOT NULL,
    at         bigint NOT NULL,
    PRIMARY KEY (post_id, account_id)
);
CREATE INDEX likes_by_account ON likes (account_id, post_id);

CREATE TABLE hashtags (
    tag     text   NOT NULL COLLATE "C",
    post_id bigint NOT NULL,
    PRIMARY KEY (tag, post_id)
);
CREATE INDEX hashtags_by_post ON hashtags (post_id);

-- Deleted posts that had more likes than one write removes; pruning removes the rest.
CREATE TABLE leftovers (
    post_id bigint PRIMARY KEY
);

-- Accounts that were erased: nothing of them is taken in any more, however late a write of theirs comes.
CREATE TABLE gone (
    account_id bigint PRIMARY KEY
);
