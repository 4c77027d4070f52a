-- What posts ask: a JSON list of options. A poll and its votes stay for as long as its deleted post can be restored.
CREATE TABLE polls (
    post_id   bigint PRIMARY KEY,
    options   text NOT NULL,
    multiple  boolean NOT NULL,
    hides     boolean NOT NULL,
    closes_at bigint NOT NULL
);

-- Who voted for what: a bit for each option.
CREATE TABLE votes (
    post_id    bigint NOT NULL,
    account_id bigint NOT NULL,
    choices    integer NOT NULL,
    PRIMARY KEY (post_id, account_id)
);
CREATE INDEX votes_by_account ON votes (account_id, post_id);

-- Counters of the polls of living posts, in stripes as those of posts: how many voted for each option, and at option -1 how
-- many voted.
CREATE TABLE poll_counts (
    post_id bigint   NOT NULL,
    option  smallint NOT NULL,
    stripe  smallint NOT NULL DEFAULT pg_backend_pid() % 16,
    votes   integer  NOT NULL DEFAULT 0,
    PRIMARY KEY (post_id, option, stripe)
) WITH (fillfactor = 60);
