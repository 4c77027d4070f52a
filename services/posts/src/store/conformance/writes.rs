//! Publishing, deleting, liking; requests and events.

use plaza_core::request::REMEMBERED_MS;
use plaza_core::{AccountId, PostId, reason};
use plaza_proto::posts::v1 as pb;

use super::{Subject, Told, cx, like, new, reply, request, unlike};
use crate::domain::{Counts, Edits, Post, QuotePolicy, ReplyPolicy, Sensitive, Visibility};
use crate::store::NewPost;

pub(super) async fn a_post_is_read_as_it_was_written(s: Subject) {
    let text = "two\nlines of #Straße, @Ann & https://a.example/x ❤️";
    let mut wanted = NewPost {
        visibility: Visibility::Followers,
        quote_policy: QuotePolicy::Nobody,
        reply_policy: ReplyPolicy::Mentioned,
        sensitive: Sensitive { is: true, warning: "höret".to_owned() },
        language: "de-AT".to_owned(),
        ..new(7, text)
    };
    wanted.spans[1].account = Some(AccountId(5));
    let spans = wanted.spans.clone();
    let published = s.publish(wanted).await;
    assert_eq!(published.mentions, [AccountId(5)]);
    assert_eq!(published.root, published.post);
    let expected = Post {
        id: published.post,
        author: AccountId(7),
        text: text.to_owned(),
        spans,
        visibility: Visibility::Followers,
        reply_to: None,
        root: published.post,
        quote_of: None,
        quote_policy: QuotePolicy::Nobody,
        reply_policy: ReplyPolicy::Mentioned,
        sensitive: Sensitive { is: true, warning: "höret".to_owned() },
        language: "de-AT".to_owned(),
        edits: Edits::default(),
        counts: Counts::default(),
        media: Vec::new(),
        poll: None,
        marks: None,
    };
    assert_eq!(expected.spans.len(), 3);
    assert_eq!(s.post(published.post).await.as_deref(), Some(&expected));
}

pub(super) async fn each_choice_of_the_author_is_kept(s: Subject) {
    use crate::domain::{QuotePolicy as Q, ReplyPolicy as R, Visibility as V};
    for visibility in [V::Public, V::Unlisted, V::Followers, V::Mentioned] {
        for (quote_policy, reply_policy) in
            [(Q::Everyone, R::Everyone), (Q::Followers, R::Followed), (Q::Nobody, R::Mentioned), (Q::Nobody, R::Nobody)]
        {
            let id = s.publish(NewPost { visibility, quote_policy, reply_policy, ..new(1, "a") }).await.post;
            let read = s.post(id).await.unwrap();
            assert_eq!((read.visibility, read.quote_policy), (visibility, quote_policy));
            assert_eq!(
                (read.reply_policy, &read.sensitive, read.language.as_str()),
                (reply_policy, &Sensitive::default(), "")
            );
        }
    }
}

pub(super) async fn ids_rise_whatever_the_clock_does(s: Subject) {
    let mut last = PostId(0);
    for step in [0, 5, -3_000, 0, 1, -1] {
        s.clock.advance(step);
        let id = s.publish(new(1, "a")).await.post;
        assert!(id > last);
        last = id;
    }
}

pub(super) async fn replies_are_counted_and_keep_their_thread(s: Subject) {
    let root = s.publish(new(1, "root")).await.post;
    let first = s.publish(reply(2, "first", root)).await;
    let second = s.publish(reply(1, "second", first.post)).await;
    assert_eq!((first.root, second.root), (root, root));
    let read = s.post(second.post).await.unwrap();
    assert_eq!((read.root, read.reply_to), (root, Some(first.post)));
    s.publish(reply(3, "another", root)).await;
    assert_eq!(s.counts(root).await, Some(Counts { likes: 0, replies: 2, ..Counts::default() }));
    assert_eq!(s.counts(first.post).await, Some(Counts { likes: 0, replies: 1, ..Counts::default() }));
    s.store.delete(&cx(), AccountId(2), first.post).await.unwrap();
    assert_eq!(s.counts(root).await, Some(Counts { likes: 0, replies: 1, ..Counts::default() }));
    // What replied to it stays, and its own end changes nothing elsewhere.
    assert_eq!(s.post(second.post).await.unwrap().reply_to, Some(first.post));
    s.store.delete(&cx(), AccountId(1), second.post).await.unwrap();
    assert_eq!(s.counts(root).await, Some(Counts { likes: 0, replies: 1, ..Counts::default() }));
}

pub(super) async fn a_reply_needs_a_living_target(s: Subject) {
    let gone = s.publish(new(1, "a")).await.post;
    s.store.delete(&cx(), AccountId(1), gone).await.unwrap();
    let before = s.told().await;
    for target in [gone, PostId(1)] {
        let error = s.store.publish(&cx(), reply(2, "b", target)).await.unwrap_err();
        assert!(error.is(reason::REPLY_TARGET_NOT_FOUND));
        assert_eq!(error.violations()[0].field, "reply_to_id");
    }
    assert_eq!(s.told().await, before);
}

pub(super) async fn a_deleted_post_is_gone_for_every_reader(s: Subject) {
    let id = s.publish(new(1, "#gone")).await.post;
    s.store.set_mark(&cx(), like(2, id)).await.unwrap();
    assert!(s.post(id).await.is_some());
    s.store.delete(&cx(), AccountId(1), id).await.unwrap();
    assert_eq!(s.counts(id).await, None);
    assert_eq!(s.store.held(&cx(), AccountId(0), 10).await.unwrap(), []);
    let authors = [AccountId(1)];
    assert_eq!(s.store.refs(&cx(), &authors, PostId(i64::MAX), 10).await.unwrap(), []);
}

pub(super) async fn a_deletion_tells_who_could_see_the_post(s: Subject) {
    let told = [
        (Visibility::Public, pb::Visibility::Public),
        (Visibility::Unlisted, pb::Visibility::Unlisted),
        (Visibility::Followers, pb::Visibility::Followers),
        (Visibility::Mentioned, pb::Visibility::Mentioned),
    ];
    for (visibility, expected) in told {
        let post = s.publish(NewPost { visibility, ..new(1, "a") }).await.post;
        let position = s.store.delete(&cx(), AccountId(1), post).await.unwrap().position;
        // An engine may hold events back while other transactions are open.
        let event = loop {
            let mut events = s.store.outbox().read_after(&cx(), position - 1, 1).await.unwrap();
            if let Some(event) = events.pop() {
                break event;
            }
            tokio::task::yield_now().await;
        };
        let deleted = event.decode::<pb::PostDeleted>().unwrap().unwrap();
        assert_eq!((deleted.post_id, deleted.visibility()), (post.0, expected));
    }
}

pub(super) async fn only_the_author_deletes_and_only_once(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    for (author, post) in [(2, id), (1, PostId(id.0 + 1))] {
        let error = s.store.delete(&cx(), AccountId(author), post).await.unwrap_err();
        assert!(error.is(reason::POST_NOT_FOUND));
    }
    assert!(s.post(id).await.is_some());
    s.store.delete(&cx(), AccountId(1), id).await.unwrap();
    let again = s.store.delete(&cx(), AccountId(1), id).await.unwrap_err();
    assert!(again.is(reason::POST_NOT_FOUND));
}

pub(super) async fn likes_are_set_once_and_counted(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    let mut changed = Vec::new();
    for (change, likes) in [
        (unlike(2, id), 0),
        (like(2, id), 1),
        (like(2, id), 1),
        (like(1, id), 2),
        (unlike(2, id), 1),
        (unlike(2, id), 1),
        (like(2, id), 2),
    ] {
        let liked = s.store.set_mark(&cx(), change).await.unwrap();
        changed.push(liked.position.is_some());
        assert_eq!(s.counts(id).await, Some(Counts { likes, ..Counts::default() }), "{change:?}");
    }
    assert_eq!(changed, [false, true, false, true, true, false, true]);
}

pub(super) async fn a_like_needs_a_living_post(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    s.store.delete(&cx(), AccountId(1), id).await.unwrap();
    for change in [like(2, id), unlike(2, id), like(2, PostId(5))] {
        assert!(s.store.set_mark(&cx(), change).await.unwrap_err().is(reason::POST_NOT_FOUND));
    }
}

pub(super) async fn a_repeated_request_gets_the_first_answer(s: Subject) {
    let target = s.publish(new(1, "target")).await.post;
    let publish = || request(1, "CreatePost", 1);
    assert_eq!(s.store.answered_publish(&publish()).await.unwrap(), None);
    let first = s.store.publish(&publish(), reply(2, "a", target)).await.unwrap();
    let liking = || request(2, "LikePost", 1);
    assert_eq!(s.store.answered_mark(&liking()).await.unwrap(), None);
    let liked = s.store.set_mark(&liking(), like(2, target)).await.unwrap();
    let deletion = || request(3, "DeletePost", 1);
    let deleted = s.store.delete(&deletion(), AccountId(1), target).await.unwrap();
    let told = s.told().await;
    // The target is gone by now, and the answers stay what they were.
    assert_eq!(s.store.publish(&publish(), reply(2, "a", target)).await.unwrap(), first);
    assert_eq!(s.store.set_mark(&liking(), like(2, target)).await.unwrap(), liked);
    assert_eq!(s.store.delete(&deletion(), AccountId(1), target).await.unwrap(), deleted);
    assert_eq!(s.store.answered_publish(&publish()).await.unwrap(), Some(first));
    assert_eq!(s.store.answered_mark(&liking()).await.unwrap(), Some(liked));
    assert_eq!(s.told().await, told);
}

pub(super) async fn a_reused_request_id_is_refused(s: Subject) {
    let id = s.store.publish(&request(1, "CreatePost", 1), new(1, "a")).await.unwrap().post;
    let other = s.store.publish(&request(1, "CreatePost", 2), new(1, "b")).await.unwrap_err();
    let elsewhere = s.store.set_mark(&request(1, "LikePost", 1), like(1, id)).await.unwrap_err();
    let asked = s.store.answered_mark(&request(1, "LikePost", 1)).await.unwrap_err();
    for error in [other, elsewhere, asked] {
        assert!(error.is(reason::REQUEST_ID_REUSED));
        assert_eq!(error.violations()[0].field, "request_id");
    }
    assert_eq!(s.told().await.len(), 1);
    assert_eq!(s.counts(id).await, Some(Counts::default()));
}

pub(super) async fn answers_are_forgotten_after_their_time(s: Subject) {
    let first = s.store.publish(&request(1, "CreatePost", 1), new(1, "a")).await.unwrap();
    s.clock.advance(REMEMBERED_MS - 1);
    assert_eq!(s.store.prune(&cx()).await.unwrap(), 0);
    assert_eq!(s.store.publish(&request(1, "CreatePost", 1), new(1, "a")).await.unwrap(), first);
    s.clock.advance(1);
    assert_eq!(s.store.prune(&cx()).await.unwrap(), 1);
    assert_ne!(s.store.publish(&request(1, "CreatePost", 1), new(1, "a")).await.unwrap(), first);
}

pub(super) async fn every_change_is_told_once(s: Subject) {
    let (one, two) = (AccountId(1), AccountId(2));
    let a = s.publish(new(1, "a")).await;
    let b = s.publish(reply(2, "b", a.post)).await;
    let liked = s.store.set_mark(&cx(), like(2, a.post)).await.unwrap();
    s.store.set_mark(&cx(), like(2, a.post)).await.unwrap();
    let unliked = s.store.set_mark(&cx(), unlike(2, a.post)).await.unwrap();
    let c = s.publish(reply(1, "c", a.post)).await;
    let taken_back = s.store.delete(&cx(), one, c.post).await.unwrap();
    let deleted = s.store.delete(&cx(), one, a.post).await.unwrap();
    let expected = [
        (a.position, Told::Created(a.post, one, None)),
        (b.position, Told::Created(b.post, two, Some(a.post))),
        (liked.position.unwrap(), Told::Liked(a.post, one, two)),
        (unliked.position.unwrap(), Told::Unliked(a.post, one, two)),
        (c.position, Told::Created(c.post, one, Some(a.post))),
        (taken_back.position, Told::Deleted(c.post, one, Some(a.post))),
        (deleted.position, Told::Deleted(a.post, one, None)),
    ];
    assert_eq!(s.told().await, expected);
}
