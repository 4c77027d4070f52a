-- How far accounts have read, by feed. Room is left in the pages, so that a position that moves stays in its page.
CREATE TABLE positions (
    account bigint   NOT NULL,
    feed    smallint NOT NULL,
    place   bigint   NOT NULL,
    at      bigint   NOT NULL,
    PRIMARY KEY (account, feed)
) WITH (fillfactor = 70);

-- Accounts that were erased: nothing of them is taken in any more, however late a write of theirs comes.
CREATE TABLE gone (
    account bigint PRIMARY KEY
);
