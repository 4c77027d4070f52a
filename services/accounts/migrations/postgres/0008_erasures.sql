-- What other services have erased of accounts that are gone. It stays, and tells nobody who they were.
CREATE TABLE erasures (
    account_id bigint NOT NULL,
    service    text   NOT NULL,
    -- One a line.
    kinds      text   NOT NULL,
    at         bigint NOT NULL,
    PRIMARY KEY (account_id, service)
)
