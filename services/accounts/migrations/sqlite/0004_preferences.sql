-- What an owner has set: pictures by reference, and preferences.
ALTER TABLE accounts ADD COLUMN avatar TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN header TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN protected INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN discoverable INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN language TEXT NOT NULL DEFAULT '';
-- The number of `DefaultVisibility`.
ALTER TABLE accounts ADD COLUMN default_visibility INTEGER NOT NULL DEFAULT 0;
