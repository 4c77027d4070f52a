-- Whom an account does not want suggested. Ids rise with time.
CREATE TABLE dismissed (
    account INTEGER NOT NULL,
    other   INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    PRIMARY KEY (account, other)
) WITHOUT ROWID;
CREATE INDEX dismissed_by_other ON dismissed (other, account);
-- The oldest make room.
CREATE INDEX dismissed_oldest ON dismissed (account, id);
