-- What an owner has set: pictures by reference, and preferences. The number is that of `DefaultVisibility`.
ALTER TABLE accounts
    ADD COLUMN avatar             text    NOT NULL DEFAULT '',
    ADD COLUMN header             text    NOT NULL DEFAULT '',
    ADD COLUMN protected          boolean NOT NULL DEFAULT false,
    ADD COLUMN discoverable       boolean NOT NULL DEFAULT true,
    ADD COLUMN language           text    NOT NULL DEFAULT '',
    ADD COLUMN default_visibility integer NOT NULL DEFAULT 0
