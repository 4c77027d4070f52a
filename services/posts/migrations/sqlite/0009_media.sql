-- Pictures and the like of posts: a JSON list of pairs of where one is and what it shows.
ALTER TABLE posts ADD COLUMN media TEXT;
ALTER TABLE graves ADD COLUMN media TEXT;

-- An author's living posts with media.
CREATE INDEX posts_media_by_author ON posts (author_id, id DESC, deleted_at, visibility, reply_to_id)
    WHERE deleted_at IS NULL AND media IS NOT NULL;
