//! Edits, pins, lists by hashtag, threads with tombstones.

use plaza_core::{AccountId, PostId, Timestamp, reason};

use super::{Subject, Told, cx, like, new, reply, request};
use crate::domain::{Edits, Media, Node, Sensitive, Sight, Stands, Visibility, spans};
use crate::store::{END, Edit, MAX_EDITS, MAX_PINS, NewPost, Only, PinChange, Tags};

pub(super) fn edit(author: i64, post: PostId, text: &str) -> Edit {
    let (author, spans) = (AccountId(author), spans::parse(text));
    Edit { post, author, text: text.to_owned(), spans, sensitive: Sensitive::default(), language: String::new() }
}

pub(super) async fn tagged(s: &Subject, tag: &str) -> Vec<PostId> {
    let tags = Tags { any: vec![tag.to_owned()], ..Tags::default() };
    s.store.ids_by_hashtag(&cx(), &tags, END, 100).await.unwrap()
}

pub(super) async fn what_a_post_said_is_kept_with_each_edit(s: Subject) {
    let first = NewPost { language: "en".to_owned(), ..new(1, "first #one") };
    let id = s.publish(first).await.post;
    s.store.set_mark(&cx(), like(2, id)).await.unwrap();
    s.clock.advance(1_000);
    let wanted = Edit { sensitive: Sensitive { is: true, warning: "w".to_owned() }, ..edit(1, id, "second #two") };
    let edited = s.store.edit(&request(1, "EditPost", 1), wanted.clone()).await.unwrap();
    let at = Timestamp(id.time().0 + 1_000);
    assert_eq!((edited.count, edited.at, edited.position.is_some()), (1, Some(at.0), true));
    let read = s.post(id).await.unwrap();
    assert_eq!(
        (read.text.as_str(), read.edits, &read.sensitive),
        ("second #two", Edits { count: 1, at: Some(at) }, &wanted.sensitive)
    );
    assert_eq!((read.counts.likes, &read.spans, read.language.as_str()), (1, &wanted.spans, ""));
    assert_eq!((tagged(&s, "one").await, tagged(&s, "two").await), (vec![], vec![id]));
    s.clock.advance(1_000);
    let same = s.store.edit(&cx(), wanted.clone()).await.unwrap();
    assert_eq!((same.count, same.position), (1, None), "it says so already");
    s.store.edit(&cx(), edit(1, id, "third")).await.unwrap();
    assert_eq!(s.store.edit(&request(1, "EditPost", 1), wanted).await.unwrap(), edited, "the first answer");
    let said = s.store.revisions(&cx(), id, 2, 10).await.unwrap();
    let said: Vec<_> =
        said.iter().map(|r| (r.edits, r.at, r.text.as_str(), r.sensitive.is, r.language.as_str())).collect();
    assert_eq!(said, [(1, at, "second #two", true, ""), (0, id.time(), "first #one", false, "en")]);
    assert_eq!(s.store.revisions(&cx(), id, 2, 1).await.unwrap().len(), 1);
    assert_eq!(s.store.revisions(&cx(), id, 1, 9).await.unwrap()[0].spans, spans::parse("first #one"));
    let told: Vec<Told> = s.told().await.into_iter().map(|(_, told)| told).skip(2).collect();
    assert_eq!(told, [Told::Other("PostEdited", id), Told::Other("PostEdited", id)]);
}

pub(super) async fn only_the_author_edits_what_lives(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    for (author, post) in [(2, id), (1, PostId(5))] {
        assert!(s.store.edit(&cx(), edit(author, post, "b")).await.unwrap_err().is(reason::POST_NOT_FOUND));
    }
    s.store.delete(&cx(), AccountId(1), id).await.unwrap();
    assert!(s.store.edit(&cx(), edit(1, id, "b")).await.unwrap_err().is(reason::POST_NOT_FOUND));
    assert_eq!(s.store.revisions(&cx(), id, i32::MAX, 9).await.unwrap(), []);
}

pub(super) async fn a_post_is_edited_so_often_and_no_more(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    for n in 1..=MAX_EDITS {
        assert_eq!(s.store.edit(&cx(), edit(1, id, &format!("{n}"))).await.unwrap().count, n);
    }
    assert!(s.store.edit(&cx(), edit(1, id, "more")).await.unwrap_err().is(reason::TOO_MANY_EDITS));
    assert_eq!(s.post(id).await.unwrap().text, MAX_EDITS.to_string());
    s.store.delete(&cx(), AccountId(1), id).await.unwrap();
    assert_eq!(s.store.revisions(&cx(), id, i32::MAX, 200).await.unwrap(), [], "they go with the post");
}

pub(super) async fn own_posts_are_pinned_up_to_a_bound(s: Subject) {
    let (author, pin) = (AccountId(1), |post, set| PinChange { post, author: AccountId(1), set });
    let mut posts = Vec::new();
    for n in 0..=MAX_PINS {
        let id = s.publish(new(1, "a")).await.post;
        let pinned = s.store.set_pin(&cx(), pin(id, true)).await;
        assert_eq!(pinned.is_ok(), n < MAX_PINS);
        assert!(pinned.is_ok_and(|p| p.position.is_some()) || n == MAX_PINS);
        posts.insert(0, id);
    }
    let refused = s.store.set_pin(&cx(), pin(posts[0], true)).await.unwrap_err();
    assert!(refused.is(reason::TOO_MANY_PINS));
    assert_eq!(s.store.pins(&cx(), author).await.unwrap(), posts[1..]);
    assert_eq!(s.store.set_pin(&cx(), pin(posts[3], true)).await.unwrap().position, None);
    assert!(s.store.set_pin(&cx(), pin(posts[3], false)).await.unwrap().position.is_some());
    assert_eq!(s.store.set_pin(&cx(), pin(posts[3], false)).await.unwrap().position, None);
    s.store.set_pin(&cx(), pin(posts[0], true)).await.unwrap();
    s.store.delete(&cx(), author, posts[1]).await.unwrap();
    assert_eq!(s.store.pins(&cx(), author).await.unwrap(), [posts[0], posts[2], posts[4], posts[5]]);
    let others = s.publish(new(2, "b")).await.post;
    for post in [others, posts[1], PostId(3)] {
        assert!(s.store.set_pin(&cx(), pin(post, true)).await.unwrap_err().is(reason::POST_NOT_FOUND));
    }
}

pub(super) async fn an_authors_list_can_do_without_replies(s: Subject) {
    let root = s.publish(new(2, "root")).await.post;
    let all = [Visibility::Public, Visibility::Unlisted, Visibility::Followers, Visibility::Mentioned];
    let mut posts = Vec::new();
    for n in 0..24 {
        let visibility = all[n % 4];
        let post = if n % 3 == 0 { reply(1, "r", root) } else { new(1, "a") };
        let id = s.publish(NewPost { visibility, ..post }).await.post;
        if n % 3 != 0 {
            posts.insert(0, (id, visibility));
        }
    }
    let openers = Only { openers: true, media: false };
    for sight in [Sight::Everything, Sight::Followers, Sight::Public, Sight::Mentions, Sight::Nothing] {
        let shown: Vec<PostId> =
            posts.iter().filter(|(_, visibility)| sight.shows(*visibility, false)).map(|(id, _)| *id).collect();
        let (mut walked, mut before) = (Vec::new(), END);
        loop {
            let page = s.store.some_by_author(&cx(), AccountId(1), sight, openers, before, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            before = *last;
            walked.extend(page);
        }
        assert_eq!(walked, shown, "{sight:?}");
    }
}

pub(super) async fn an_authors_list_can_be_of_media_alone(s: Subject) {
    let root = s.publish(new(2, "root")).await.post;
    let media = || vec![Media { source: "m1".to_owned(), alt: String::new() }];
    let (mut all, mut openers, mut public) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..30 {
        let visibility = if n % 5 == 0 { Visibility::Followers } else { Visibility::Public };
        let reply_to = (n % 2 == 0).then_some(root);
        let media = if n % 3 == 0 { media() } else { Vec::new() };
        let has_media = !media.is_empty();
        let id = s.publish(NewPost { visibility, reply_to, media, ..new(1, "a") }).await.post;
        if n == 15 {
            s.store.delete(&cx(), AccountId(1), id).await.unwrap();
        } else if has_media {
            all.insert(0, id);
            openers.extend(reply_to.is_none().then_some(id));
            public.extend((visibility == Visibility::Public).then_some(id));
        }
    }
    openers.reverse();
    public.reverse();
    let list = async |sight, openers, before| {
        let only = Only { openers, media: true };
        s.store.some_by_author(&cx(), AccountId(1), sight, only, before, 100).await.unwrap()
    };
    assert_eq!(list(Sight::Everything, false, END).await, all);
    assert_eq!(list(Sight::Followers, true, END).await, openers);
    assert_eq!(list(Sight::Public, false, END).await, public);
    assert_eq!(list(Sight::Everything, false, all[3]).await, all[4..]);
    assert_eq!(list(Sight::Nothing, false, END).await, []);
    assert_eq!(s.post(all[0]).await.unwrap().media, media());
}

pub(super) async fn public_posts_are_listed_by_hashtag(s: Subject) {
    let (mut one, mut both) = (Vec::new(), Vec::new());
    for n in 0..20 {
        let text = if n % 2 == 0 { "#One" } else { "#one and #Two" };
        let visibility = if n % 5 == 0 { Visibility::Unlisted } else { Visibility::Public };
        let id = s.publish(NewPost { visibility, ..new(1, text) }).await.post;
        s.publish(new(1, "#onething")).await;
        if visibility == Visibility::Public {
            one.insert(0, id);
            if n % 2 == 1 {
                both.insert(0, id);
            }
        }
    }
    assert_eq!(tagged(&s, "one").await, one);
    assert_eq!(tagged(&s, "two").await, both);
    let list = |any: &[&str], all: &[&str], none: &[&str]| {
        let owned = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        Tags { any: owned(any), all: owned(all), none: owned(none) }
    };
    let only: Vec<PostId> = one.iter().copied().filter(|id| !both.contains(id)).collect();
    for (tags, expected) in [
        (list(&["one", "two"], &[], &[]), &one),
        (list(&["one"], &["two"], &[]), &both),
        (list(&["one"], &[], &["two", "none"]), &only),
        (list(&["one"], &["two", "three"], &[]), &vec![]),
        (list(&["none"], &[], &[]), &vec![]),
    ] {
        assert_eq!(&s.store.ids_by_hashtag(&cx(), &tags, END, 100).await.unwrap(), expected, "{tags:?}");
        let some = s.store.ids_by_hashtag(&cx(), &tags, one[2], 3).await.unwrap();
        assert_eq!(some, expected.iter().copied().filter(|id| *id < one[2]).take(3).collect::<Vec<_>>(), "{tags:?}");
    }
    s.store.delete(&cx(), AccountId(1), both[0]).await.unwrap();
    assert_eq!(tagged(&s, "two").await, both[1..]);
}

pub(super) async fn threads_hold_together_across_deleted_posts(s: Subject) {
    let root = s.publish(new(1, "root")).await.post;
    let middle = s.publish(reply(2, "middle", root)).await.post;
    let leaf = s.publish(reply(3, "leaf", middle)).await.post;
    let alone = s.publish(reply(3, "alone", root)).await.post;
    let last = s.publish(reply(1, "last", root)).await.post;
    let node = |id, reply_to, stands| Node { id, reply_to, stands };
    let up = async |post, limit| s.store.ancestors(&cx(), post, limit).await.unwrap();
    let down = async |parents: &[PostId], after, limit| s.store.replies(&cx(), parents, after, limit).await.unwrap();
    let living = |id, reply_to| node(id, Some(reply_to), Stands::Living);
    assert_eq!(up(leaf, 9).await, [living(leaf, middle), living(middle, root), node(root, None, Stands::Living)]);
    assert_eq!(up(leaf, 2).await.len(), 2);
    assert_eq!(up(PostId(4), 9).await, []);
    let children = [living(middle, root), living(alone, root), living(last, root)];
    assert_eq!(down(&[root], PostId(0), 9).await, children);
    assert_eq!(down(&[root], middle, 1).await, [children[1]]);
    for (author, id) in [(2, middle), (3, alone)] {
        s.store.delete(&cx(), AccountId(author), id).await.unwrap();
    }
    let kept = node(middle, Some(root), Stands::Kept);
    assert_eq!(up(leaf, 9).await[1], kept);
    assert_eq!(up(alone, 1).await, [node(alone, Some(root), Stands::Gone)]);
    let all = down(&[root, middle, alone], PostId(0), 9).await;
    assert_eq!(all, [kept, living(leaf, middle), living(last, root)], "no trace is left of what had nothing below it");
    s.store.delete(&cx(), AccountId(1), root).await.unwrap();
    assert_eq!(up(leaf, 9).await[2], node(root, None, Stands::Kept));
    assert_eq!(down(&[root], PostId(0), 9).await, [kept, living(last, root)]);
}
