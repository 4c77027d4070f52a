-- How far accounts have read, by feed.
CREATE TABLE positions (
    account INTEGER NOT NULL,
    feed    INTEGER NOT NULL,
    place   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (account, feed)
) WITHOUT ROWID;

-- Accounts that were erased: nothing of them is taken in any more, however late a write of theirs comes.
CREATE TABLE gone (
    account INTEGER PRIMARY KEY
);
