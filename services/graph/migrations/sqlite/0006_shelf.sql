-- Hashtags that accounts follow, folded. Ids rise with time.
CREATE TABLE followed_tags (
    account INTEGER NOT NULL,
    tag     TEXT    NOT NULL,
    id      INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (account, tag)
) WITHOUT ROWID;
CREATE INDEX followed_tags_newest ON followed_tags (account, id);
-- Who follows a hashtag, newest first, for suggestions.
CREATE INDEX followed_tags_by_tag ON followed_tags (tag, id, account);

-- Words that accounts mute, folded, until when (NULL: until it is lifted).
CREATE TABLE muted_words (
    account INTEGER NOT NULL,
    word    TEXT    NOT NULL,
    id      INTEGER NOT NULL,
    until   INTEGER,
    PRIMARY KEY (account, word)
) WITHOUT ROWID;
CREATE INDEX muted_words_newest ON muted_words (account, id);
CREATE INDEX muted_words_by_end ON muted_words (until) WHERE until IS NOT NULL;

-- Lists of accounts, and who is on them: accounts that the owner follows.
CREATE TABLE lists (
    id        INTEGER PRIMARY KEY,
    owner     INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    public    INTEGER NOT NULL,
    exclusive INTEGER NOT NULL
);
CREATE INDEX lists_by_owner ON lists (owner, id);
CREATE TABLE list_members (
    list   INTEGER NOT NULL REFERENCES lists (id),
    member INTEGER NOT NULL,
    owner  INTEGER NOT NULL,
    PRIMARY KEY (list, member)
) WITHOUT ROWID;
-- What a follow that ends takes with it.
CREATE INDEX list_members_by_owner ON list_members (owner, member);
