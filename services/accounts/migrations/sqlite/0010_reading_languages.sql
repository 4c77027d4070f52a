-- The languages whose posts an owner wants to read, as tags with a blank between them; all if there is none.
ALTER TABLE accounts ADD COLUMN reading_languages TEXT NOT NULL DEFAULT '';
