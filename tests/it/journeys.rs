//! What people do with the platform, step by step, whatever it runs as and on.

use std::time::Duration;

use futures::StreamExt as _;
use plaza_core::{Code, Token, reason};
use plaza_proto::accounts::v1::{
    DeleteAccountRequest, GetAccountRequest, GetErasureReceiptRequest, Preferences, UpdatePreferencesRequest,
    UpdateProfileRequest,
};
use plaza_proto::feeds::v1::stream_home_feed_response::Update;
use plaza_proto::feeds::v1::{
    GetHashtagFeedRequest, GetListFeedRequest, GetUserFeedRequest, Opened, RebuildFeedRequest, Removed,
    StreamHomeFeedRequest,
};
use plaza_proto::graph::v1::{
    AddListMembersRequest, BatchGetCountsRequest, BlockRequest, CreateListRequest, MuteWordRequest, UnfollowRequest,
};
use plaza_proto::posts::v1::{
    CreatePostRequest, DeletePostRequest, EditPostRequest, GetPostRequest, LikePostRequest, Visibility,
};
use plaza_proto::sessions::v1::{ListSessionsRequest, RefreshSessionRequest, RevokeSessionRequest, SignOutRequest};
use plaza_testkit::person::request_id;
use plaza_testkit::{Person, Sandbox, wait};

pub(crate) use crate::export::an_account_is_exported_whole;

/// Hands the names of all journeys to a macro.
#[macro_export]
macro_rules! each_journey {
    ($hand_to:ident) => {
        $hand_to! {
            a_post_reaches_its_author_and_followers,
            the_page_after_an_unfollow_or_a_block_is_clean,
            a_deleted_account_is_gone_everywhere,
            sessions_rotate_and_end,
            a_live_stream_brings_new_posts,
            a_walk_is_whole_while_others_post_and_delete,
            requests_are_answered_once,
            profiles_posts_and_likes,
            an_account_is_exported_whole,
            readers_are_spared_what_they_chose,
        }
    };
}

fn ids(page: &[plaza_proto::posts::v1::Post]) -> Vec<i64> {
    page.iter().map(|post| post.post_id).collect()
}

async fn home(person: &Person, token: &Token) -> Vec<i64> {
    ids(&person.home(token, 50).await.expect("a page").message.posts)
}

pub(crate) async fn a_post_reaches_its_author_and_followers(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben) = (guest.join("ada").await, guest.join("ben").await);
    let followed = ben.follow(&ada).await.expect("follow");
    // Both feeds are held now, so that what follows comes by fan-out.
    assert!(home(&ben, &followed).await.is_empty() && home(&ada, &Token::default()).await.is_empty());

    let (first, _) = ada.post("first").await.expect("post");
    let (second, wrote) = ada.post("second #plaza").await.expect("post");
    assert_eq!(home(&ada, &wrote).await, [second.post_id, first.post_id], "with its token the author sees it at once");
    let promised = Duration::from_secs(2);
    wait::within(promised, "the follower's feed", || async {
        (home(&ben, &Token::default()).await == [second.post_id, first.post_id]).then_some(())
    })
    .await;
    sandbox.stop().await;
}

pub(crate) async fn readers_are_spared_what_they_chose(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben, cid) = (guest.join("ada").await, guest.join("ben").await, guest.join("cid").await);
    let mut token = ada.follow(&ben).await.expect("follow");
    token.merge(&ada.follow(&cid).await.expect("follow"));
    let (listed, wrote) = ben.post("by ben #plaza").await.expect("post");
    token.merge(&wrote);
    let text = "Kuchen! #plaza".to_owned();
    let request = CreatePostRequest { request_id: request_id(), text, language: "de".to_owned(), ..Default::default() };
    let said = cid.call(request).await.expect("post");
    token.merge(&said.token);
    let (other, wrote) = cid.post("no cake, #plaza").await.expect("post");
    token.merge(&wrote);
    let said = said.message.post.unwrap_or_default().post_id;
    assert_eq!(home(&ada, &token).await, [other.post_id, said, listed.post_id]);

    let create = CreateListRequest { request_id: request_id(), name: "ben".to_owned(), public: true, exclusive: true };
    let list_id = ada.call(create).await.expect("a list").message.list.unwrap_or_default().list_id;
    let members = AddListMembersRequest { request_id: request_id(), list_id, account_ids: vec![ben.id()] };
    token.merge(&ada.call(members).await.expect("a member").token);
    assert_eq!(home(&ada, &token).await, [other.post_id, said], "who is on an exclusive list is left out at once");
    let list = cid.call(GetListFeedRequest { list_id, ..Default::default() }).await.expect("a public list");
    assert_eq!(ids(&list.message.posts), [listed.post_id]);

    let mute = MuteWordRequest { request_id: request_id(), word: "Cake".to_owned(), duration_seconds: 0 };
    token.merge(&ada.call(mute).await.expect("a muted word").token);
    assert_eq!(home(&ada, &token).await, [said]);
    let preferences = Some(Preferences { reading_languages: vec!["en".to_owned()], ..Default::default() });
    let update_mask = Some(prost_types::FieldMask { paths: vec!["reading_languages".to_owned()] });
    let update = UpdatePreferencesRequest { request_id: request_id(), account_id: ada.id(), preferences, update_mask };
    token.merge(&ada.call(update).await.expect("a preference").token);
    assert!(home(&ada, &token).await.is_empty());
    let tagged = GetHashtagFeedRequest { any_of: vec!["#Plaza".to_owned()], ..Default::default() };
    let seen = ids(&ada.call_after(&token, tagged.clone()).await.expect("a page").message.posts);
    assert_eq!(seen, [listed.post_id]);
    let all = ids(&guest.call(tagged).await.expect("a page").message.posts);
    assert_eq!(all, [other.post_id, said, listed.post_id]);
    sandbox.stop().await;
}

pub(crate) async fn the_page_after_an_unfollow_or_a_block_is_clean(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben, cid) = (guest.join("ada").await, guest.join("ben").await, guest.join("cid").await);
    let (by_ben, _) = ben.post("by ben").await.expect("post");
    let (by_cid, _) = cid.post("by cid").await.expect("post");
    let mut token = ada.follow(&ben).await.expect("follow");
    token.merge(&ada.follow(&cid).await.expect("follow"));
    assert_eq!(home(&ada, &token).await, [by_cid.post_id, by_ben.post_id], "a follow brings what was there before");

    let unfollow = UnfollowRequest { request_id: request_id(), account_id: ben.id() };
    ada.call(unfollow).await.expect("unfollow");
    assert_eq!(home(&ada, &Token::default()).await, [by_cid.post_id], "without waiting for anything");
    ada.call(BlockRequest { request_id: request_id(), account_id: cid.id() }).await.expect("block");
    assert!(home(&ada, &Token::default()).await.is_empty());

    let hidden = cid.call(GetUserFeedRequest { account_id: ada.id(), ..Default::default() }).await.expect("a page");
    assert!(hidden.message.posts.is_empty());
    let refused = cid.follow(&ada).await.expect_err("a blocked account cannot follow");
    assert!(refused.is(reason::BLOCKED), "{refused}");
    sandbox.stop().await;
}

pub(crate) async fn a_deleted_account_is_gone_everywhere(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben) = (guest.join("ada").await, guest.join("ben").await);
    let followed = ben.follow(&ada).await.expect("follow");
    let (post, wrote) = ada.post("soon gone").await.expect("post");
    let (kept, _) = ben.post("stays").await.expect("post");
    ada.call(LikePostRequest { request_id: request_id(), post_id: kept.post_id }).await.expect("like");
    let mut token = wrote;
    token.merge(&followed);
    assert_eq!(home(&ben, &token).await, [kept.post_id, post.post_id]);

    let delete = DeleteAccountRequest { request_id: request_id(), account_id: ada.id() };
    let receipt_token = ada.call(delete).await.expect("delete").message.receipt_token;
    let gone = guest.call(GetAccountRequest { account_id: ada.id() }).await.expect_err("gone at once");
    assert!(gone.is(reason::ACCOUNT_NOT_FOUND), "{gone}");
    wait::until("the erasure of posts", || async {
        let answer = ben.call(GetPostRequest { post_id: post.post_id }).await;
        answer.err().map(|e| assert!(e.is(reason::POST_NOT_FOUND), "{e}"))
    })
    .await;
    wait::until("the erasure of likes, follows and feeds", || async {
        let liked = ben.call(GetPostRequest { post_id: kept.post_id }).await.expect("own post").message.post;
        let counts =
            ben.call(BatchGetCountsRequest { account_ids: vec![ben.id()] }).await.expect("counts").message.counts;
        let clean = liked.is_some_and(|p| p.like_count == 0) && counts[0].following == 0;
        (clean && home(&ben, &Token::default()).await == [kept.post_id]).then_some(())
    })
    .await;
    wait::until("the end of the account's session", || async {
        ada.call(ListSessionsRequest::default()).await.err().map(|e| assert_eq!(e.code(), Code::Unauthenticated))
    })
    .await;
    wait::until("a receipt of all that was erased", || async {
        let request = GetErasureReceiptRequest { receipt_token: receipt_token.clone() };
        let receipt = guest.call(request).await.expect("a receipt").message;
        assert!(receipt.delete_time.is_some() && receipt.erasures.iter().all(|erasure| !erasure.kinds.is_empty()));
        (receipt.complete && receipt.erasures.len() == 5).then_some(())
    })
    .await;
    let back = guest.sign_in("ada").await.expect_err("no way back in");
    assert!(back.is(reason::SIGN_IN_FAILED), "{back}");
    sandbox.stop().await;
}

pub(crate) async fn sessions_rotate_and_end(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let ada = guest.join("ada").await;
    let refresh = |token: &str| {
        let request = RefreshSessionRequest { request_id: request_id(), refresh_token: token.to_owned() };
        let guest = guest.clone();
        async move { Ok::<_, plaza_core::Error>(guest.call(request).await?.message.tokens.expect("tokens").refresh_token) }
    };
    let first = ada.tokens.refresh_token.clone();
    let second = refresh(&first).await.expect("rotates");
    assert_eq!(refresh(&first).await.expect("the grace"), second, "a lost answer is given again");
    let third = refresh(&second).await.expect("rotates on");
    let reused = refresh(&first).await.expect_err("used twice");
    assert!(reused.is(reason::REFRESH_TOKEN_REUSED), "{reused}");
    assert!(refresh(&third).await.is_err(), "the whole family has ended");

    let tokens = guest.sign_in("ada").await.expect("sign in");
    let (phone, laptop) =
        (Person { tokens, ..ada.clone() }, Person { tokens: guest.sign_in("ada").await.expect("in"), ..ada });
    let sessions = laptop.call(ListSessionsRequest::default()).await.expect("a list").message.sessions;
    let other = sessions.iter().find(|s| !s.current).expect("the phone's").session_id;
    laptop.call(RevokeSessionRequest { request_id: request_id(), session_id: other }).await.expect("revoke");
    wait::within(Duration::from_secs(5), "the phone to be refused", || async {
        let posts = phone.post("still here?").await.err();
        let feeds = phone.home(&Token::default(), 1).await.err();
        posts.zip(feeds).map(|(a, b)| assert_eq!((a.code(), b.code()), (Code::Unauthenticated, Code::Unauthenticated)))
    })
    .await;
    laptop.call(SignOutRequest { request_id: request_id() }).await.expect("sign out");
    wait::within(Duration::from_secs(5), "the laptop to be refused", || async { laptop.post("hello").await.err() })
        .await;
    sandbox.stop().await;
}

pub(crate) async fn a_live_stream_brings_new_posts(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben, cid) = (guest.join("ada").await, guest.join("ben").await, guest.join("cid").await);
    let followed = ada.follow(&ben).await.expect("follow");
    home(&ada, &followed).await;
    let mut live = ada.stream(StreamHomeFeedRequest::default()).await.expect("a stream");
    let opened = live.next().await.expect("a message").expect("no error").update;
    assert!(matches!(opened, Some(Update::Opened(_))), "{opened:?}");
    cid.post("not for ada").await.expect("post");
    let (first, _) = ben.post("one").await.expect("post");
    let (own, _) = ada.post("two, her own").await.expect("post");
    for expected in [first.post_id, own.post_id] {
        let update = tokio::time::timeout(wait::PATIENCE, live.next()).await.expect("in time");
        match update.expect("a message").expect("no error").update {
            Some(Update::Post(post)) => assert_eq!(post.post_id, expected),
            other => panic!("not a post: {other:?}"),
        }
    }
    let edit = EditPostRequest { request_id: request_id(), post_id: first.post_id, ..Default::default() };
    ben.call(EditPostRequest { text: "one, as it should be".to_owned(), ..edit }).await.expect("edit");
    let update = tokio::time::timeout(wait::PATIENCE, live.next()).await.expect("in time");
    let update = update.expect("a message").expect("no error");
    assert!(matches!(&update.update, Some(Update::Edited(post)) if post.text == "one, as it should be"), "{update:?}");
    // What happens while nobody reads along is told to who comes back, whichever replica they come to.
    drop(live);
    let delete = DeletePostRequest { request_id: request_id(), post_id: first.post_id };
    ben.call(delete).await.expect("delete");
    let (last, _) = ben.post("three").await.expect("post");
    let resume = StreamHomeFeedRequest { resume_token: update.resume_token };
    let mut live = ada.stream(resume).await.expect("a stream");
    let mut told = Vec::new();
    while told.len() < 3 {
        let update = tokio::time::timeout(wait::PATIENCE, live.next()).await.expect("in time");
        told.extend(update.expect("a message").expect("no error").update);
    }
    assert_eq!(told[0], Update::Opened(Opened { resumed: true }));
    assert_eq!(told[1], Update::Removed(Removed { post_id: first.post_id, deleted: true }));
    assert!(matches!(&told[2], Update::Post(post) if post.post_id == last.post_id), "{:?}", told[2]);
    sandbox.stop().await;
}

pub(crate) async fn a_walk_is_whole_while_others_post_and_delete(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben, cid) = (guest.join("ada").await, guest.join("ben").await, guest.join("cid").await);
    let mut token = ada.follow(&ben).await.expect("follow");
    token.merge(&ada.follow(&cid).await.expect("follow"));
    let mut standing = Vec::new();
    for n in 0..60 {
        let (post, wrote) = if n % 2 == 0 { &ben } else { &cid }.post(&format!("post {n}")).await.expect("post");
        standing.push(post.post_id);
        token.merge(&wrote);
    }
    let noise = async {
        for n in 0..30 {
            let (post, _) = ben.post(&format!("noise {n}")).await.expect("post");
            if n % 3 == 0 {
                let delete = DeletePostRequest { request_id: request_id(), post_id: post.post_id };
                ben.call(delete).await.expect("delete");
            }
        }
    };
    let (walked, ()) = tokio::join!(ada.walk_home(&token, 7), noise);
    let walked = walked.expect("a walk");
    assert!(walked.windows(2).all(|w| w[0] > w[1]), "strictly newest first, so no post twice");
    assert!(standing.iter().all(|id| walked.contains(id)), "nothing that stood from start to end is missed");

    let rebuild = RebuildFeedRequest { request_id: request_id(), account_id: ada.id() };
    ada.call(rebuild).await.expect("rebuild");
    let before = wait::until("the feed to come to rest", || async {
        let now = ada.walk_home(&Token::default(), 50).await.expect("a walk");
        (now.len() == 80).then_some(now)
    })
    .await;
    ada.call(RebuildFeedRequest { request_id: request_id(), account_id: ada.id() }).await.expect("rebuild");
    assert_eq!(ada.walk_home(&Token::default(), 50).await.expect("a walk"), before);
    sandbox.stop().await;
}

pub(crate) async fn requests_are_answered_once(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben) = (guest.join("ada").await, guest.join("ben").await);
    let request = CreatePostRequest { request_id: request_id(), text: "once".to_owned(), ..Default::default() };
    let first = ada.call(request.clone()).await.expect("post");
    let again = ada.call(request.clone()).await.expect("the first answer again");
    assert_eq!((&again.message, &again.token), (&first.message, &first.token));
    let other = CreatePostRequest { text: "twice".to_owned(), ..request.clone() };
    let refused = ada.call(other).await.expect_err("another request");
    assert!(refused.is(reason::REQUEST_ID_REUSED), "{refused}");
    let theirs = ben.call(request).await.expect("ids are each caller's own").message.post;
    assert_eq!(theirs.map(|p| p.author_id), Some(ben.id()));
    assert_eq!(home(&ada, &first.token).await.len(), 1);
    sandbox.stop().await;
}

pub(crate) async fn profiles_posts_and_likes(sandbox: Sandbox) {
    let guest = sandbox.guest();
    let (ada, ben) = (guest.join("ada").await, guest.join("ben").await);
    let account = plaza_proto::accounts::v1::Account { bio: "counts".to_owned(), ..Default::default() };
    let update = UpdateProfileRequest {
        request_id: request_id(),
        account_id: ada.id(),
        account: Some(account),
        update_mask: Some(prost_types::FieldMask { paths: vec!["bio".to_owned()] }),
        etag: ada.account.etag.clone(),
    };
    ada.call(update.clone()).await.expect("update");
    let stale = ada.call(UpdateProfileRequest { request_id: request_id(), ..update }).await.expect_err("stale");
    assert!(stale.is(reason::ETAG_MISMATCH), "{stale}");
    let read = ben.call(GetAccountRequest { account_id: ada.id() }).await.expect("read").message.account.expect("one");
    assert_eq!((read.bio.as_str(), read.email.as_str()), ("counts", ""), "others do not see the e-mail address");

    let secret = CreatePostRequest {
        request_id: request_id(),
        text: "for #followers, @ada: https://example.org/a".to_owned(),
        visibility: Visibility::Followers.into(),
        ..CreatePostRequest::default()
    };
    let post = ada.call(secret).await.expect("post").message.post.expect("a post");
    assert_eq!(
        post.spans.iter().map(|s| s.value.as_str()).collect::<Vec<_>>(),
        ["followers", "ada", "https://example.org/a"]
    );
    let unseen = ben.call(GetPostRequest { post_id: post.post_id }).await.expect_err("no follower yet");
    assert!(unseen.is(reason::POST_NOT_FOUND), "{unseen}");
    ben.follow(&ada).await.expect("follow");
    let like = || LikePostRequest { request_id: request_id(), post_id: post.post_id };
    assert_eq!(ben.call(like()).await.expect("like").message.like_count, 1);
    assert_eq!(ben.call(like()).await.expect("like again").message.like_count, 1);
    let seen = ben.call(GetPostRequest { post_id: post.post_id }).await.expect("a follower").message.post.expect("one");
    assert!(seen.liked && seen.like_count == 1);
    sandbox.stop().await;
}
