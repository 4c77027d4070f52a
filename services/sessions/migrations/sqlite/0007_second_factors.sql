-- Second factors. No secret stands here: it is derived from the account and the nonce.
CREATE TABLE second_factors (
    account_id   INTEGER PRIMARY KEY,
    nonce        BLOB    NOT NULL,
    begun_at     INTEGER NOT NULL,
    -- 0 while it is being set up.
    confirmed_at INTEGER NOT NULL,
    -- The time step of the last code that was accepted.
    last_step    INTEGER NOT NULL,
    -- The recovery codes that were not used, one bit each.
    recovery     INTEGER NOT NULL
);
CREATE INDEX second_factors_begun ON second_factors (begun_at) WHERE confirmed_at = 0;
