// Hashtags that accounts follow, folded. Ids rise with time.
CREATE CONSTRAINT hashtag_tag{ns} IF NOT EXISTS FOR (t:Hashtag{ns}) REQUIRE t.tag IS UNIQUE;
CREATE CONSTRAINT follows_tag_pair{ns} IF NOT EXISTS FOR ()-[f:FOLLOWS_TAG{ns}]-() REQUIRE (f.account, f.tag) IS UNIQUE;
CREATE INDEX follows_tag_newest{ns} IF NOT EXISTS FOR ()-[f:FOLLOWS_TAG{ns}]-() ON (f.account, f.id);
// Who follows a hashtag, newest first, for suggestions.
CREATE INDEX follows_tag_by_tag{ns} IF NOT EXISTS FOR ()-[f:FOLLOWS_TAG{ns}]-() ON (f.tag, f.id, f.account);

// Words that accounts mute, folded, until when (absent: until it is lifted).
CREATE CONSTRAINT muted_word_pair{ns} IF NOT EXISTS FOR (w:MutedWord{ns}) REQUIRE (w.account, w.word) IS UNIQUE;
CREATE INDEX muted_word_newest{ns} IF NOT EXISTS FOR (w:MutedWord{ns}) ON (w.account, w.id);
CREATE INDEX muted_word_by_end{ns} IF NOT EXISTS FOR (w:MutedWord{ns}) ON (w.until);

// Lists of accounts, and who is on them: accounts that the owner follows.
CREATE CONSTRAINT list_id{ns} IF NOT EXISTS FOR (l:List{ns}) REQUIRE l.id IS UNIQUE;
CREATE INDEX lists_by_owner{ns} IF NOT EXISTS FOR (l:List{ns}) ON (l.owner, l.id);
CREATE CONSTRAINT list_member_pair{ns} IF NOT EXISTS FOR ()-[m:HAS_MEMBER{ns}]-() REQUIRE (m.list, m.member) IS UNIQUE;
// What a follow that ends takes with it.
CREATE INDEX list_members_by_owner{ns} IF NOT EXISTS FOR ()-[m:HAS_MEMBER{ns}]-() ON (m.owner, m.member);
