-- Devices that accounts were signed in to with, by a keyed hash of name and network.
CREATE TABLE known_devices (
    account_id INTEGER NOT NULL,
    device     BLOB    NOT NULL,
    seen_at    INTEGER NOT NULL,
    PRIMARY KEY (account_id, device)
) WITHOUT ROWID;
CREATE INDEX known_devices_by_age ON known_devices (seen_at);

-- Whether the owner was told of these guesses.
ALTER TABLE guesses ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
