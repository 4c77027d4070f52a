-- Who sees a post and may answer it, and how it is shown.
-- visibility: 1 public, 2 followers, 3 unlisted, 4 mentioned; reply_policy: 1 everyone, 2 followed, 3 mentioned, 4 nobody.
ALTER TABLE posts
    DROP CONSTRAINT posts_visibility_check,
    ADD CONSTRAINT posts_visibility_check CHECK (visibility IN (1, 2, 3, 4)),
    ADD COLUMN reply_policy smallint NOT NULL DEFAULT 1,
    ADD COLUMN sensitive    boolean  NOT NULL DEFAULT false,
    ADD COLUMN warning      text     NOT NULL DEFAULT '',
    ADD COLUMN language     text     NOT NULL DEFAULT '';

-- An author's living posts: those that everybody sees, and those that followers see.
DROP INDEX posts_public_by_author;
CREATE INDEX posts_public_by_author ON posts (author_id, id) WHERE deleted_at IS NULL AND visibility IN (1, 3);
CREATE INDEX posts_for_followers_by_author ON posts (author_id, id) WHERE deleted_at IS NULL AND visibility <> 4;
