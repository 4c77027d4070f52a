-- Who asked to follow whom and waits for the answer, since when (milliseconds since the Unix epoch).
CREATE TABLE follow_requests (
    requester INTEGER NOT NULL,
    target    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (requester, target),
    CHECK (requester <> target)
) WITHOUT ROWID;
CREATE INDEX follow_requests_by_target ON follow_requests (target, requester);
-- The list of those that wait for an account's answer, newest first.
CREATE INDEX follow_requests_newest ON follow_requests (target, at, requester);
