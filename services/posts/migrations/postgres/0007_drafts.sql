-- Posts that are not published yet, each as a plaza.posts.v1.NewPost. One with a time is published then, once: its row goes
-- in the transaction of its publication, if its version is still the one that was read.
CREATE TABLE drafts (
    account_id bigint NOT NULL,
    id         bigint NOT NULL,
    version    bigint NOT NULL DEFAULT 0,
    post       bytea NOT NULL,
    publish_at bigint,
    failure    text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id)
);
CREATE INDEX drafts_by_time ON drafts (publish_at, account_id, id) WHERE publish_at IS NOT NULL;
