//! Deleted posts that come back, on a store with an hour of grace.

use plaza_core::{AccountId, PostId, reason};

use super::threads::{edit, tagged};
use super::{Subject, Told, bookmark, cx, like, new, quote, reply, repost, request, undone};
use crate::domain::{Counts, Media, Sensitive};
use crate::store::{Buried, END, NewPost};

const AUTHOR: AccountId = AccountId(1);
const HOUR_MS: i64 = 3_600_000;

pub(super) async fn a_deleted_post_comes_back_with_all_that_belongs_to_it(s: Subject) {
    let (target, quoted) = (s.publish(new(2, "target")).await.post, s.publish(new(3, "quoted")).await.post);
    let answer = NewPost {
        reply_to: Some(target),
        sensitive: Sensitive { is: true, warning: "w".to_owned() },
        language: "en".to_owned(),
        media: vec![Media { source: "m1".to_owned(), alt: "a cat".to_owned() }],
        ..quote(1, "first #tag", quoted)
    };
    let id = s.publish(answer).await.post;
    s.store.edit(&cx(), edit(1, id, "text #tag")).await.unwrap();
    for change in [like(4, id), like(5, id), repost(4, id), bookmark(6, id)] {
        s.store.set_mark(&cx(), change).await.unwrap();
    }
    let below = s.publish(reply(4, "below", id)).await.post;
    s.publish(reply(5, "below too", id)).await;
    let before = s.post(id).await.unwrap();
    s.store.delete(&cx(), AUTHOR, id).await.unwrap();
    assert_eq!(s.counts(id).await, None);
    assert_eq!(s.counts(target).await, Some(Counts::default()));
    assert_eq!((tagged(&s, "tag").await, s.store.refs(&cx(), &[AUTHOR], END, 9).await.unwrap()), (vec![], vec![]));
    // Meanwhile an answer goes, and so does an account with its marks.
    s.store.delete(&cx(), AccountId(4), below).await.unwrap();
    s.store.erase_marks(&cx(), AccountId(5), 10).await.unwrap();
    assert!(s.store.set_mark(&cx(), undone(bookmark(6, id))).await.unwrap_err().is(reason::POST_NOT_FOUND));
    s.clock.advance(HOUR_MS - 1);
    s.store.prune(&cx()).await.unwrap();
    let restored = s.store.restore(&request(7, "RestorePost", 1), AUTHOR, id).await.unwrap();
    let again = s.store.restore(&request(7, "RestorePost", 1), AUTHOR, id).await.unwrap();
    assert_eq!(again, restored);
    let counts = Counts { likes: 1, reposts: 1, bookmarks: 1, replies: 1, quotes: 0 };
    assert_eq!(s.counts(id).await, Some(counts));
    let after = s.post(id).await.unwrap();
    assert_eq!(
        (&after.text, &after.spans, &after.media, after.edits),
        (&before.text, &before.spans, &before.media, before.edits)
    );
    assert_eq!((after.quote_of, after.reply_to, after.root), (before.quote_of, before.reply_to, before.root));
    assert_eq!(s.store.revisions(&cx(), id, 9, 9).await.unwrap()[0].sensitive.warning, "w");
    assert_eq!(s.counts(target).await, Some(Counts { replies: 1, ..Counts::default() }));
    assert_eq!(s.counts(quoted).await, Some(Counts { quotes: 1, ..Counts::default() }));
    assert_eq!(tagged(&s, "tag").await, [id]);
    assert_eq!(s.told().await.last(), Some(&(restored.position, Told::Other("PostRestored", id))));
}

pub(super) async fn only_the_author_brings_back_what_is_deleted_and_in_time(s: Subject) {
    let (id, late) = (s.publish(new(1, "a")).await.post, s.publish(new(1, "late")).await.post);
    let refused = async |author, post| {
        s.store.restore(&cx(), AccountId(author), post).await.unwrap_err().is(reason::POST_NOT_RESTORABLE)
    };
    assert!(refused(1, id).await && refused(1, PostId(3)).await, "it lives, and there is none");
    s.store.delete(&cx(), AUTHOR, id).await.unwrap();
    assert!(refused(2, id).await);
    s.store.restore(&cx(), AUTHOR, id).await.unwrap();
    assert!(refused(1, id).await, "it is back");
    s.store.set_mark(&cx(), like(2, late)).await.unwrap();
    s.store.delete(&cx(), AUTHOR, late).await.unwrap();
    s.clock.advance(HOUR_MS);
    assert!(refused(1, late).await);
    assert_eq!(s.store.held_among(&cx(), &[AccountId(2)]).await.unwrap(), [AccountId(2)]);
    while s.store.prune(&cx()).await.unwrap() > 0 {}
    assert_eq!(s.store.held_among(&cx(), &[AccountId(2)]).await.unwrap(), [], "nothing is kept longer");
}

pub(super) async fn an_erasure_leaves_nothing_of_deleted_posts(s: Subject) {
    for n in 0..5 {
        let id = s.publish(new(1, "a")).await.post;
        if n < 3 {
            s.store.delete(&cx(), AUTHOR, id).await.unwrap();
        }
    }
    let only_deleted = s.publish(new(8, "a")).await.post;
    s.store.delete(&cx(), AccountId(8), only_deleted).await.unwrap();
    assert_eq!(s.store.held(&cx(), AccountId(0), 10).await.unwrap(), [1, 8].map(AccountId));
    let mut erased = Vec::new();
    while erased.last() != Some(&0) {
        erased.push(s.store.erase_posts(&cx(), AUTHOR, 2).await.unwrap());
    }
    assert_eq!(erased.iter().sum::<usize>(), 5);
    assert_eq!(s.store.held(&cx(), AccountId(0), 10).await.unwrap(), [AccountId(8)]);
    assert!(s.store.restore(&cx(), AUTHOR, only_deleted).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

pub(super) async fn what_is_set_aside_of_an_accounts_posts_is_listed(s: Subject) {
    let warned = NewPost {
        sensitive: Sensitive { is: true, warning: "w".to_owned() },
        language: "en".to_owned(),
        ..new(1, "0")
    };
    let mut posts = vec![s.publish(warned).await.post];
    for n in 1..5 {
        posts.push(s.publish(new(1, &n.to_string())).await.post);
    }
    s.store.edit(&cx(), edit(1, posts[3], "edited")).await.unwrap();
    s.publish(new(2, "another's")).await;
    s.clock.advance(1_000);
    for post in [posts[3], posts[0], posts[1]] {
        s.store.delete(&cx(), AUTHOR, post).await.unwrap();
    }
    let at = plaza_core::Clock::now(&*s.clock);
    let buried = |post, text: &str, edits| Buried {
        post,
        at,
        text: text.to_owned(),
        warning: String::new(),
        language: String::new(),
        edits,
        media: Vec::new(),
        poll_options: Vec::new(),
    };
    let first = Buried { warning: "w".to_owned(), language: "en".to_owned(), ..buried(posts[0], "0", 0) };
    let expected = [buried(posts[3], "edited", 1), buried(posts[1], "1", 0), first];
    assert_eq!(s.store.graves(&cx(), AUTHOR, END, 9).await.unwrap(), expected);
    assert_eq!(s.store.graves(&cx(), AUTHOR, END, 1).await.unwrap(), expected[..1]);
    assert_eq!(s.store.graves(&cx(), AUTHOR, posts[3], 1).await.unwrap(), expected[1..2]);
    assert_eq!(s.store.revisions(&cx(), posts[3], 1, 9).await.unwrap()[0].text, "3");
    assert!(s.store.graves(&cx(), AccountId(2), END, 9).await.unwrap().is_empty());
}
