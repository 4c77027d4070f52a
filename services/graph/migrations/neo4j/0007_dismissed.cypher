// Whom an account does not want suggested. Ids rise with time.
CREATE CONSTRAINT dismisses_pair{ns} IF NOT EXISTS FOR ()-[d:DISMISSES{ns}]-() REQUIRE (d.account, d.other) IS UNIQUE;
CREATE INDEX dismisses_by_other{ns} IF NOT EXISTS FOR ()-[d:DISMISSES{ns}]-() ON (d.other, d.account);
// The oldest make room.
CREATE INDEX dismisses_oldest{ns} IF NOT EXISTS FOR ()-[d:DISMISSES{ns}]-() ON (d.account, d.id);
