//! Batches, lists, references.

use std::time::Duration;

use plaza_core::{AccountId, Cx, PostId, reason};

use super::{Subject, cx, like, new, unlike};
use crate::domain::{Mark, PostRef, Sight, Visibility};
use crate::store::{END, FEW_MARKS, NewPost};

pub(super) async fn posts_come_in_the_order_asked(s: Subject) {
    let (a, b) = (s.publish(new(1, "a")).await.post, s.publish(new(2, "b")).await.post);
    for _ in 0..2 {
        let asked = [b, PostId(1), a, b, PostId(1)];
        let found = s.store.posts(&cx(), &asked).await.unwrap();
        let ids: Vec<_> = found.iter().map(|post| post.as_ref().map(|p| p.id)).collect();
        assert_eq!(ids, [Some(b), None, Some(a), Some(b), None]);
    }
    assert_eq!(s.store.posts(&cx(), &[]).await.unwrap(), []);
}

/// A reader that asks too early must not hide the post from those who ask later.
pub(super) async fn an_unknown_id_shows_once_it_is_published(s: Subject) {
    let at = s.publish(new(1, "a")).await.post;
    let coming: Vec<PostId> = (1..=100).map(|n| PostId(at.0 + n)).collect();
    assert!(s.store.posts(&cx(), &coming).await.unwrap().iter().all(Option::is_none));
    // Without time passing ids are drawn at random or follow closely, so that some were asked for.
    for _ in 0..50 {
        let id = s.publish(new(1, "b")).await.post;
        let next: Vec<PostId> = (1..=20).map(|n| PostId(id.0 + n)).collect();
        assert!(s.post(id).await.is_some());
        s.store.posts(&cx(), &next).await.unwrap();
    }
}

pub(super) async fn likes_of_many_posts_are_told_at_once(s: Subject) {
    let mut ids = Vec::new();
    for n in 0..20 {
        ids.push(s.publish(new(1, "a")).await.post);
        if n % 3 == 0 {
            s.store.set_mark(&cx(), like(2, ids[n])).await.unwrap();
        }
        s.store.set_mark(&cx(), like(3, ids[n])).await.unwrap();
    }
    let mut liked = s.store.marked(&cx(), AccountId(2), &ids).await.unwrap();
    liked.sort_unstable();
    let expected: Vec<(PostId, Mark)> = ids.iter().map(|id| (*id, Mark::Like)).step_by(3).collect();
    assert_eq!(liked, expected);
    assert_eq!(s.store.marked(&cx(), AccountId(4), &ids).await.unwrap(), []);
}

/// Whether they come along is the engine's choice; if they do, nobody may be missing.
pub(super) async fn likers_that_come_along_are_all_there_are(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    for account in 1..=FEW_MARKS + 2 {
        s.store.set_mark(&cx(), like(account, id)).await.unwrap();
        let post = s.post(id).await.unwrap();
        if let Some(mut marks) = post.marks.clone() {
            marks.sort_unstable();
            assert_eq!(marks, (1..=account).map(|n| (Mark::Like, AccountId(n))).collect::<Vec<_>>());
        }
    }
    for account in 1..=FEW_MARKS + 2 {
        s.store.set_mark(&cx(), unlike(account, id)).await.unwrap();
        let marks = s.post(id).await.unwrap().marks.clone().unwrap_or_default();
        assert!(!marks.contains(&(Mark::Like, AccountId(account))));
    }
}

pub(super) async fn an_authors_pages_are_full_and_join(s: Subject) {
    let (mut public, mut all) = (Vec::new(), Vec::new());
    for n in 0..30 {
        let visibility = if n % 3 == 0 { Visibility::Public } else { Visibility::Followers };
        let id = s.publish(NewPost { visibility, ..new(1, "a") }).await.post;
        s.publish(new(2, "of somebody else")).await;
        if n % 10 == 9 {
            s.store.delete(&cx(), AccountId(1), id).await.unwrap();
            continue;
        }
        all.insert(0, id);
        if visibility == Visibility::Public {
            public.insert(0, id);
        }
    }
    for (sight, expected) in [(Sight::Everything, all), (Sight::Public, public), (Sight::Nothing, Vec::new())] {
        let (mut walked, mut before) = (Vec::new(), END);
        for page in expected.chunks(4) {
            let ids = s.store.ids_by_author(&cx(), AccountId(1), sight, before, 4).await.unwrap();
            assert_eq!(ids, page, "{sight:?}");
            before = *ids.last().unwrap();
            walked.extend(ids);
        }
        assert_eq!(walked, expected);
        let rest = s.store.ids_by_author(&cx(), AccountId(1), sight, before, 4).await.unwrap();
        assert!(expected.is_empty() || rest.is_empty());
    }
}

/// Each list is asked for before and after each change, so that one that is kept in memory must follow.
pub(super) async fn an_authors_list_follows_each_change(s: Subject) {
    let mut all: Vec<(PostId, Visibility)> = Vec::new();
    for n in 0..150_usize {
        let visibility = if n % 4 == 0 { Visibility::Followers } else { Visibility::Public };
        if n % 5 == 4 {
            let (gone, _) = all.remove(n * 7 % all.len());
            s.store.delete(&cx(), AccountId(1), gone).await.unwrap();
        } else {
            all.insert(0, (s.publish(NewPost { visibility, ..new(1, "a") }).await.post, visibility));
        }
        for sight in [Sight::Everything, Sight::Followers, Sight::Public, Sight::Mentions, Sight::Nothing] {
            let shown: Vec<PostId> = all.iter().filter(|(_, v)| sight.shows(*v, false)).map(|(id, _)| *id).collect();
            for (before, limit) in [(END, 11), (END, 101), (all[all.len() / 2].0, 11), (PostId(1), 11)] {
                let ids = s.store.ids_by_author(&cx(), AccountId(1), sight, before, limit).await.unwrap();
                let expected: Vec<PostId> = shown.iter().copied().filter(|id| *id < before).take(limit).collect();
                assert_eq!(ids, expected, "{sight:?} below {before} after {n} changes");
            }
        }
    }
}

/// All living posts of `authors` below `before`, newest first, counted out by hand.
fn expected(all: &[PostRef], authors: &[AccountId], before: PostId, limit: usize) -> Vec<PostRef> {
    let mut refs: Vec<PostRef> =
        all.iter().filter(|r| authors.contains(&r.author) && r.post < before).copied().collect();
    refs.sort_unstable_by(|a, b| b.cmp(a));
    refs.truncate(limit);
    refs
}

pub(super) async fn refs_merge_many_authors_newest_first(s: Subject) {
    let mut all = Vec::new();
    for n in 0..200_i64 {
        let author = AccountId(1 + n * n % 7);
        let post = s.publish(new(author.0, "a")).await.post;
        if n % 11 == 0 {
            s.store.delete(&cx(), author, post).await.unwrap();
        } else {
            all.push(PostRef { post, author });
        }
    }
    let authors: Vec<AccountId> = (1..=8).map(AccountId).collect();
    let middle = all[100].post;
    for (authors, before, limit) in [
        (&authors[..], END, 1_000),
        (&authors[..], END, 17),
        (&authors[..], middle, 50),
        (&authors[..], PostId(middle.0 + 1), 1),
        (&authors[1..3], END, 1_000),
        (&authors[..1], middle, 1_000),
        (&authors[7..], END, 10),
        (&authors[..], PostId(1), 10),
    ] {
        let refs = s.store.refs(&cx(), authors, before, limit).await.unwrap();
        assert_eq!(refs, expected(&all, authors, before, limit), "{authors:?} {before} {limit}");
    }
}

pub(super) async fn refs_of_a_busy_and_many_silent_authors(s: Subject) {
    let mut all = Vec::new();
    for n in 0..400_i64 {
        let author = AccountId(if n % 4 == 0 { 1_000 + n } else { 1 });
        all.push(PostRef { post: s.publish(new(author.0, "a")).await.post, author });
    }
    let authors: Vec<AccountId> = (1..=5_000).map(AccountId).collect();
    let refs = s.store.refs(&cx(), &authors, END, 1_000).await.unwrap();
    assert_eq!(refs, expected(&all, &authors, END, 1_000));
    let (mut walked, mut before) = (Vec::new(), END);
    while let Some(last) = s.store.refs(&cx(), &authors, before, 37).await.unwrap().last() {
        let page = s.store.refs(&cx(), &authors, before, 37).await.unwrap();
        walked.extend(page);
        before = last.post;
    }
    assert_eq!(walked, refs);
}

pub(super) async fn refs_keep_to_the_deadline(s: Subject) {
    let authors: Vec<AccountId> = (1..=5_000).map(AccountId).collect();
    let late = Cx::background("conformance", Duration::ZERO);
    let error = s.store.refs(&late, &authors, END, 1_000).await.unwrap_err();
    assert!(error.is(reason::DEADLINE_EXCEEDED), "{error}");
}
