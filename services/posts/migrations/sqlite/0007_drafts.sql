-- Posts that are not published yet, each as a plaza.posts.v1.NewPost. One with a time is published then, once: its row goes
-- in the transaction of its publication, if its version is still the one that was read.
CREATE TABLE drafts (
    account_id INTEGER NOT NULL,
    id         INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 0,
    post       BLOB NOT NULL,
    publish_at INTEGER,
    failure    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id)
) STRICT;
CREATE INDEX drafts_by_time ON drafts (publish_at, account_id, id) WHERE publish_at IS NOT NULL;
