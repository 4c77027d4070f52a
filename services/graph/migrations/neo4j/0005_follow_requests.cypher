// Who asked to follow whom and waits for the answer, since when (`at`).
CREATE CONSTRAINT requests_pair{ns} IF NOT EXISTS
    FOR ()-[r:REQUESTS{ns}]-() REQUIRE (r.requester, r.target) IS UNIQUE;
CREATE INDEX requests_by_target{ns} IF NOT EXISTS FOR ()-[r:REQUESTS{ns}]-() ON (r.target, r.requester);
// The list of those that wait for an account's answer, newest first.
CREATE INDEX requests_newest{ns} IF NOT EXISTS FOR ()-[r:REQUESTS{ns}]-() ON (r.target, r.at, r.requester);
