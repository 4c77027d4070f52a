-- Edits, tombstones that hold threads together, deleted posts that can come back, and the heads of profiles.
ALTER TABLE posts
    ADD COLUMN kept       boolean NOT NULL DEFAULT false,
    ADD COLUMN edit_count integer NOT NULL DEFAULT 0,
    ADD COLUMN edited_at  bigint;

-- Replies in order: the living, and tombstones that had something below them when they were made.
DROP INDEX posts_by_reply_to;
CREATE INDEX posts_by_reply_to ON posts (reply_to_id, id)
    WHERE reply_to_id IS NOT NULL AND (deleted_at IS NULL OR kept);

-- An author's living posts that reply to nothing.
CREATE INDEX posts_openers_by_author ON posts (author_id, id) INCLUDE (visibility)
    WHERE deleted_at IS NULL AND reply_to_id IS NULL;

-- What posts said before they were edited, by how often they had been by then.
CREATE TABLE revisions (
    post_id    bigint  NOT NULL,
    edit_count integer NOT NULL,
    at         bigint  NOT NULL,
    text       text    NOT NULL,
    spans      text,
    sensitive  boolean NOT NULL,
    warning    text    NOT NULL,
    language   text    NOT NULL,
    PRIMARY KEY (post_id, edit_count)
);

-- What deleted posts said, until they can be restored no more. Their marks and revisions stay so long, too.
CREATE TABLE graves (
    post_id   bigint PRIMARY KEY,
    author_id bigint NOT NULL,
    at        bigint NOT NULL,
    text      text   NOT NULL,
    spans     text,
    warning   text   NOT NULL,
    language  text   NOT NULL
);
CREATE INDEX graves_by_age ON graves (at);
CREATE INDEX graves_by_author ON graves (author_id);

CREATE TABLE pins (
    account_id bigint NOT NULL,
    post_id    bigint NOT NULL,
    id         bigint NOT NULL,
    PRIMARY KEY (account_id, post_id)
);
