//! What an account's export says of its posts, and of what it did with others'.

use plaza_core::{Code, reason};
use plaza_proto::posts::v1::export_record::Record;
use plaza_proto::posts::v1::*;
use plaza_stores::StoreAddress;
use plaza_stores::postgres::Scratch;
use plaza_testkit::Store;

use crate::drafts::{create_draft, said};
use crate::support::{World, service, user};

/// All that is handed out of an account.
async fn exported(w: &World, account_id: i64) -> Vec<Record> {
    let (mut told, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = w.posts.export_records(&service(), ExportRecordsRequest { account_id, page_token }).await.unwrap();
        assert!(page.records.len() <= 50 + 5);
        told.extend(page.records.into_iter().map(|record| record.record.unwrap()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return told;
        }
    }
}

/// The kind, the post, and what it says.
fn brief(record: Record) -> (&'static str, i64, String) {
    match record {
        Record::Post(post) => ("post", post.post_id, post.text),
        Record::PostRevision(said) => ("revision", said.post_id, said.revision.unwrap().text),
        Record::DeletedPost(post) => ("deleted", post.post_id, post.text),
        Record::Like(mark) => ("like", mark.post_id, String::new()),
        Record::Repost(mark) => ("repost", mark.post_id, String::new()),
        Record::Bookmark(mark) => ("bookmark", mark.post_id, String::new()),
        Record::PinnedPost(pin) => ("pin", pin.post_id, String::new()),
        Record::Draft(draft) => ("draft", draft.draft_id, draft.post.unwrap().text),
        Record::Vote(vote) => ("vote", vote.post_id, format!("{:?}", vote.choices)),
    }
}

async fn briefs(w: &World, account: i64) -> Vec<(&'static str, i64, String)> {
    exported(w, account).await.into_iter().map(brief).collect()
}

async fn all_kinds(store: StoreAddress) {
    let w = World::on(store).await;
    let others = w.post(2, w.text("another's")).await;
    let (first, gone) = (w.post(1, w.text("first")).await, w.post(1, w.followers("gone")).await);
    let last = w.post(1, w.reply("answer", others)).await;
    for (post, text) in [(first, "second"), (first, "third"), (gone, "gone for good")] {
        w.edit(1, post, text).await.unwrap();
    }
    w.delete(1, gone).await.unwrap();
    w.like(1, others).await.unwrap();
    w.like(1, first).await.unwrap();
    w.like(2, first).await.unwrap();
    w.repost(1, others).await.unwrap();
    w.bookmark(1, others).await.unwrap();
    w.bookmark(2, first).await.unwrap();
    w.pin(1, first).await.unwrap();
    let (options, media) =
        (vec!["a".to_owned(), "b".to_owned()], vec![Media { source: "m1".to_owned(), alt: String::new() }]);
    let poll = NewPoll { options: options.clone(), duration_seconds: 300, ..NewPoll::default() };
    let asking = |text| CreatePostRequest { poll: Some(poll.clone()), media: media.clone(), ..w.text(text) };
    let (theirs, own) = (w.post(2, asking("theirs")).await, w.post(1, asking("own")).await);
    let asked = w.post(1, asking("asked")).await;
    for (account, post_id, choice) in [(1, theirs, 1), (2, theirs, 0), (1, own, 0)] {
        let request = VotePollRequest { request_id: w.request_id(), post_id, choices: vec![choice] };
        w.posts.vote_poll(&user(account), request).await.unwrap();
    }
    w.delete(1, asked).await.unwrap();
    let draft = create_draft(&w, 1, said("not yet"), None).await.unwrap();
    create_draft(&w, 2, said("another's"), None).await.unwrap();
    let expected = [
        ("post", own, "own"),
        ("post", last, "answer"),
        ("post", first, "third"),
        ("revision", first, "second"),
        ("revision", first, "first"),
        ("deleted", asked, "asked"),
        ("deleted", gone, "gone for good"),
        ("revision", gone, "gone"),
        ("like", first, ""),
        ("like", others, ""),
        ("repost", others, ""),
        ("bookmark", others, ""),
        ("pin", first, ""),
        ("draft", draft, "not yet"),
        ("vote", own, "[0]"),
        ("vote", theirs, "[1]"),
    ];
    assert_eq!(briefs(&w, 1).await, expected.map(|(kind, post, text)| (kind, post, text.to_owned())));
    let told = exported(&w, 1).await;
    assert!(matches!(&told[2], Record::Post(post) if post.liked && !post.bookmarked), "as its author sees it");
    let seconds = w.env.now().0 / 1_000;
    assert!(matches!(&told[9], Record::Like(like) if like.create_time.unwrap().seconds == seconds));
    let polled = |post: &Post| post.media == media && post.poll.as_ref().is_some_and(|poll| poll.own_choices == [0]);
    assert!(matches!(&told[0], Record::Post(post) if polled(post)));
    assert!(matches!(&told[5], Record::DeletedPost(post) if post.media == media && post.poll_options == options));
    assert!(exported(&w, 3).await.is_empty());
    w.app.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn export_records_hands_out_all_there_is_of_one_account() {
    all_kinds(StoreAddress::Memory).await;
    if let Some(server) = Store::Postgres.address() {
        let schema = Scratch::new(server, Store::unique_name());
        all_kinds(schema.address().unwrap()).await;
    }
}

#[tokio::test]
async fn export_records_goes_on_page_by_page_also_within_what_a_post_said() {
    let w = World::new().await;
    let mut expected = Vec::new();
    for n in 0..70 {
        let post = w.post(1, w.text(&format!("{n}.0"))).await;
        let edits = if n == 35 { 100 } else { n % 3 };
        for edit in 1..=edits {
            w.edit(1, post, &format!("{n}.{edit}")).await.unwrap();
        }
        let revisions = (0..edits).map(|edit| ("revision", post, format!("{n}.{edit}")));
        expected.extend(revisions.chain([("post", post, format!("{n}.{edits}"))]));
    }
    expected.reverse();
    assert_eq!(briefs(&w, 1).await, expected);
    for (_, post, _) in expected.iter().filter(|(kind, ..)| *kind == "post") {
        w.delete(1, *post).await.unwrap();
    }
    let deleted =
        expected.into_iter().map(|(kind, post, text)| (if kind == "post" { "deleted" } else { kind }, post, text));
    assert_eq!(briefs(&w, 1).await, deleted.collect::<Vec<_>>());
}

#[tokio::test]
async fn export_records_is_for_services_and_its_tokens_for_one_account() {
    let w = World::new().await;
    for _ in 0..60 {
        w.post(1, w.text("a")).await;
    }
    let ask = |account_id, token: &str| ExportRecordsRequest { account_id, page_token: token.to_owned() };
    let refused = w.posts.export_records(&user(1), ask(1, "")).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "the owner asks accounts");
    let refused = w.posts.export_records(&service(), ask(0, "")).await.unwrap_err();
    assert_eq!(refused.violations()[0].field, "account_id");
    let token = w.posts.export_records(&service(), ask(1, "")).await.unwrap().next_page_token;
    let refused = w.posts.export_records(&service(), ask(2, &token)).await.unwrap_err();
    assert!(refused.is(reason::PAGE_TOKEN_INVALID) && refused.violations()[0].field == "page_token");
}
