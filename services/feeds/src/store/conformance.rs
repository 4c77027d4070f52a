//! What every engine must do, written against the trait alone. A case gets an empty store whose cap is [`CAP`].

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use plaza_core::{AccountId, Cx, PostId, RequestKey, reason};
use uuid::Uuid;

use super::FeedStore;
use crate::domain::{Entry, Page, Window};

/// The cap of the feeds of the stores that cases get.
pub(crate) const CAP: usize = 6;

pub(crate) type Case = fn(Arc<dyn FeedStore>) -> BoxFuture<'static, ()>;

const READER: AccountId = AccountId(1_001);
const OTHER: AccountId = AccountId(1_002);
const ANNA: AccountId = AccountId(2_001);
const BERT: AccountId = AccountId(2_002);

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every case with its name.
        pub(crate) fn cases() -> Vec<(&'static str, Case)> {
            vec![$((stringify!($name), |store| Box::pin($name(store)))),*]
        }
    };
}

cases![
    a_cold_feed_stays_cold_whatever_is_written,
    a_built_feed_is_read_in_pages,
    pushes_are_idempotent_and_sort_themselves_in,
    a_full_feed_trims_and_raises_its_floor,
    what_lies_below_the_floor_is_ignored,
    one_push_reaches_many_feeds,
    a_push_during_a_build_is_in_what_is_built,
    a_flood_of_pushes_during_a_build_leaves_no_hole,
    a_removal_during_a_build_is_not_undone_by_it,
    a_purge_or_merge_makes_a_build_fail,
    a_later_build_makes_an_earlier_one_fail,
    a_dropped_feed_is_cold_and_its_build_fails,
    the_old_window_serves_while_a_new_one_is_built,
    a_merge_brings_an_author_in,
    a_purge_takes_an_author_out,
    a_removed_post_is_gone,
    a_repost_is_an_entry_of_whoever_reposted,
    marks_stay,
    a_page_comes_with_the_marks,
    a_request_is_remembered,
    reading_windows_tells_warm_from_cold,
];

fn cx() -> Cx {
    Cx::background("feeds", Duration::from_secs(5))
}

fn by(author: AccountId, posts: &[i64]) -> Vec<Entry> {
    posts.iter().map(|post| Entry::post(PostId(*post), author)).collect()
}

async fn build(store: &dyn FeedStore, owner: AccountId, entries: &[Entry], floor: i64) {
    let ticket = store.begin_build(&cx(), owner).await.unwrap();
    let built = store.finish_build(&cx(), owner, ticket, entries, PostId(floor)).await.unwrap();
    assert_eq!(built, Some(entries.len()));
}

async fn page(store: &dyn FeedStore, owner: AccountId, before: Option<i64>, limit: usize) -> Option<Page> {
    store.page(&cx(), owner, before.map(PostId), limit).await.unwrap().map(|reading| reading.page)
}

/// The posts of the whole window, and its floor.
async fn all(store: &dyn FeedStore, owner: AccountId) -> Option<(Vec<i64>, i64)> {
    let page = page(store, owner, None, 100).await?;
    Some((page.entries.iter().map(|e| e.place.0).collect(), page.floor.0))
}

async fn a_cold_feed_stays_cold_whatever_is_written(store: Arc<dyn FeedStore>) {
    store.push(&cx(), &[READER], &by(ANNA, &[1])).await.unwrap();
    store.merge(&cx(), READER, &by(ANNA, &[2]), PostId(0)).await.unwrap();
    store.purge(&cx(), READER, &[ANNA]).await.unwrap();
    store.remove(&cx(), &[READER], &[PostId(1)]).await.unwrap();
    store.drop_feeds(&cx(), &[READER]).await.unwrap();
    assert_eq!(all(&*store, READER).await, None);
    assert!(store.held(&cx(), &[READER]).await.unwrap().is_empty());
}

async fn a_built_feed_is_read_in_pages(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[50, 40, 30, 20, 10]), 10).await;
    let first = page(&*store, READER, None, 2).await.unwrap();
    assert_eq!(first, Page { entries: by(ANNA, &[50, 40]), floor: PostId(10) });
    assert_eq!(page(&*store, READER, Some(40), 2).await.unwrap().entries, by(ANNA, &[30, 20]));
    assert_eq!(page(&*store, READER, Some(20), 2).await.unwrap().entries, by(ANNA, &[10]));
    assert_eq!(page(&*store, READER, Some(10), 2).await.unwrap().entries, []);
    build(&*store, OTHER, &[], 0).await;
    assert_eq!(all(&*store, OTHER).await, Some((vec![], 0)));
}

async fn pushes_are_idempotent_and_sort_themselves_in(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &[], 0).await;
    for posts in [&[3, 7][..], &[5, 3], &[7], &[1]] {
        store.push(&cx(), &[READER], &by(ANNA, posts)).await.unwrap();
    }
    assert_eq!(all(&*store, READER).await, Some((vec![7, 5, 3, 1], 0)));
}

async fn a_full_feed_trims_and_raises_its_floor(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[60, 50, 40, 30, 20, 10]), 0).await;
    assert_eq!(all(&*store, READER).await, Some((vec![60, 50, 40, 30, 20, 10], 0)));
    store.push(&cx(), &[READER], &by(BERT, &[55])).await.unwrap();
    let (posts, floor) = all(&*store, READER).await.unwrap();
    assert_eq!(posts, [60, 55, 50, 40, 30, 20]);
    assert!((11..=20).contains(&floor), "{floor}");
}

async fn what_lies_below_the_floor_is_ignored(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[60, 50]), 45).await;
    store.push(&cx(), &[READER], &by(BERT, &[44, 45])).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![60, 50, 45], 45)));
}

async fn one_push_reaches_many_feeds(store: Arc<dyn FeedStore>) {
    let readers: Vec<AccountId> = (1..=300).map(AccountId).collect();
    for reader in readers.iter().step_by(2) {
        build(&*store, *reader, &[], 0).await;
    }
    store.push(&cx(), &readers, &by(ANNA, &[7, 8])).await.unwrap();
    for (at, reader) in readers.iter().enumerate() {
        let expected = (at % 2 == 0).then(|| (vec![8, 7], 0));
        assert_eq!(all(&*store, *reader).await, expected, "{reader}");
    }
}

async fn a_push_during_a_build_is_in_what_is_built(store: Arc<dyn FeedStore>) {
    let ticket = store.begin_build(&cx(), READER).await.unwrap();
    store.push(&cx(), &[READER], &by(BERT, &[35, 5])).await.unwrap();
    assert_eq!(all(&*store, READER).await, None);
    assert_eq!(store.held(&cx(), &[READER, OTHER]).await.unwrap(), [READER]);
    let built = store.finish_build(&cx(), READER, ticket, &by(ANNA, &[40, 30]), PostId(30)).await.unwrap();
    assert_eq!(built, Some(3));
    assert_eq!(all(&*store, READER).await, Some((vec![40, 35, 30], 30)));
    // A ticket is good for one finish.
    let again = store.finish_build(&cx(), READER, ticket, &[], PostId(0)).await.unwrap();
    assert_eq!((again, all(&*store, READER).await.unwrap().0.len()), (None, 3));
}

async fn a_flood_of_pushes_during_a_build_leaves_no_hole(store: Arc<dyn FeedStore>) {
    let ticket = store.begin_build(&cx(), READER).await.unwrap();
    let flood: Vec<i64> = (101..=120).collect();
    store.push(&cx(), &[READER], &by(BERT, &flood)).await.unwrap();
    // Some of the flood is deleted again: what was trimmed below it is not known, so the floor must say so.
    store.remove(&cx(), &[READER], &[PostId(120), PostId(119)]).await.unwrap();
    let built = store.finish_build(&cx(), READER, ticket, &by(ANNA, &[40, 30]), PostId(0)).await.unwrap();
    let Some(built) = built else { return };
    let (posts, floor) = all(&*store, READER).await.unwrap();
    let expected: Vec<i64> = (101..=118).rev().chain([40, 30]).filter(|p| *p >= floor).collect();
    assert_eq!((posts.len(), &posts), (built, &expected));
}

async fn a_removal_during_a_build_is_not_undone_by_it(store: Arc<dyn FeedStore>) {
    let ticket = store.begin_build(&cx(), READER).await.unwrap();
    store.push(&cx(), &[READER], &by(BERT, &[35])).await.unwrap();
    store.remove(&cx(), &[READER], &[PostId(35), PostId(30)]).await.unwrap();
    let built = store.finish_build(&cx(), READER, ticket, &by(ANNA, &[40, 30]), PostId(30)).await.unwrap();
    assert_eq!((built, all(&*store, READER).await), (Some(1), Some((vec![40], 30))));
}

async fn a_purge_or_merge_makes_a_build_fail(store: Arc<dyn FeedStore>) {
    for purge in [true, false] {
        build(&*store, READER, &by(BERT, &[20]), 0).await;
        let ticket = store.begin_build(&cx(), READER).await.unwrap();
        if purge {
            store.purge(&cx(), READER, &[ANNA]).await.unwrap();
        } else {
            store.merge(&cx(), READER, &by(ANNA, &[30]), PostId(0)).await.unwrap();
        }
        let built = store.finish_build(&cx(), READER, ticket, &by(ANNA, &[40]), PostId(0)).await.unwrap();
        assert_eq!(built, None);
        let expected = if purge { vec![20] } else { vec![30, 20] };
        assert_eq!(all(&*store, READER).await, Some((expected, 0)));
    }
}

async fn a_later_build_makes_an_earlier_one_fail(store: Arc<dyn FeedStore>) {
    let earlier = store.begin_build(&cx(), READER).await.unwrap();
    let later = store.begin_build(&cx(), READER).await.unwrap();
    let first = store.finish_build(&cx(), READER, earlier, &by(ANNA, &[1]), PostId(0)).await.unwrap();
    assert_eq!((first, all(&*store, READER).await), (None, None));
    let second = store.finish_build(&cx(), READER, later, &by(ANNA, &[2]), PostId(0)).await.unwrap();
    assert_eq!((second, all(&*store, READER).await), (Some(1), Some((vec![2], 0))));
}

async fn a_dropped_feed_is_cold_and_its_build_fails(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[1]), 0).await;
    let ticket = store.begin_build(&cx(), READER).await.unwrap();
    store.drop_feeds(&cx(), &[READER]).await.unwrap();
    assert_eq!(store.finish_build(&cx(), READER, ticket, &[], PostId(0)).await.unwrap(), None);
    assert_eq!(all(&*store, READER).await, None);
}

async fn the_old_window_serves_while_a_new_one_is_built(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[10]), 0).await;
    let ticket = store.begin_build(&cx(), READER).await.unwrap();
    store.push(&cx(), &[READER], &by(BERT, &[20])).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![20, 10], 0)));
    store.finish_build(&cx(), READER, ticket, &by(ANNA, &[15]), PostId(12)).await.unwrap().unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![20, 15], 12)));
}

async fn a_merge_brings_an_author_in(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[40, 30, 20]), 20).await;
    store.merge(&cx(), READER, &by(BERT, &[35, 25, 15]), PostId(0)).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![40, 35, 30, 25, 20], 20)));
    store.merge(&cx(), READER, &by(BERT, &[35, 31]), PostId(31)).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![40, 35, 31], 31)));
}

async fn a_purge_takes_an_author_out(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &[by(ANNA, &[40]), by(BERT, &[30]), by(ANNA, &[20])].concat(), 0).await;
    build(&*store, OTHER, &by(ANNA, &[40]), 0).await;
    store.purge(&cx(), READER, &[ANNA]).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![30], 0)));
    assert_eq!(all(&*store, OTHER).await, Some((vec![40], 0)));
    store.purge(&cx(), READER, &[BERT]).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![], 0)));
}

async fn a_removed_post_is_gone(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[40, 30, 20]), 20).await;
    store.remove(&cx(), &[READER, OTHER], &[PostId(30), PostId(7)]).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![40, 20], 20)));
}

async fn a_repost_is_an_entry_of_whoever_reposted(store: Arc<dyn FeedStore>) {
    let post = Entry::post(PostId(10), BERT);
    let repost = |place, by| Entry::repost(PostId(place), by, PostId(10));
    build(&*store, READER, &[repost(40, ANNA), repost(30, BERT), post], 0).await;
    let ticket = store.begin_build(&cx(), OTHER).await.unwrap();
    store.push(&cx(), &[READER, OTHER], &[repost(50, BERT), repost(60, BERT), repost(50, BERT)]).await.unwrap();
    store.remove(&cx(), &[READER, OTHER], &[PostId(60)]).await.unwrap();
    store.finish_build(&cx(), OTHER, ticket, &[repost(60, BERT), repost(40, ANNA)], PostId(0)).await.unwrap();
    let entries = page(&*store, READER, None, 9).await.unwrap().entries;
    assert_eq!(entries, [repost(50, BERT), repost(40, ANNA), repost(30, BERT), post]);
    assert_eq!(page(&*store, OTHER, None, 9).await.unwrap().entries, [repost(50, BERT), repost(40, ANNA)]);
    // The post goes, its reposts stay; those of an author go with all else of theirs.
    store.remove(&cx(), &[READER], &[PostId(10)]).await.unwrap();
    assert_eq!(all(&*store, READER).await, Some((vec![50, 40, 30], 0)));
    store.purge(&cx(), READER, &[BERT]).await.unwrap();
    assert_eq!(page(&*store, READER, None, 9).await.unwrap().entries, [repost(40, ANNA)]);
    store.merge(&cx(), READER, &[repost(70, BERT)], PostId(0)).await.unwrap();
    assert_eq!(page(&*store, READER, None, 9).await.unwrap().entries, [repost(70, BERT), repost(40, ANNA)]);
}

async fn marks_stay(store: Arc<dyn FeedStore>) {
    assert!(store.celebrities(&cx()).await.unwrap().is_empty());
    store.mark_celebrities(&cx(), &[ANNA]).await.unwrap();
    store.mark_celebrities(&cx(), &[BERT, ANNA]).await.unwrap();
    let marked = store.celebrities(&cx()).await.unwrap();
    assert!(marked.len() == 2 && marked.contains(&ANNA) && marked.contains(&BERT));
}

async fn a_page_comes_with_the_marks(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[10]), 0).await;
    for marked in [&[][..], &[ANNA], &[ANNA, BERT]] {
        store.mark_celebrities(&cx(), marked).await.unwrap();
        let reading = store.page(&cx(), READER, None, 10).await.unwrap().unwrap();
        assert_eq!((reading.page.entries, reading.celebrities.len()), (by(ANNA, &[10]), marked.len()));
        assert!(marked.iter().all(|author| reading.celebrities.contains(author)));
    }
}

async fn a_request_is_remembered(store: Arc<dyn FeedStore>) {
    let id = |n| Uuid::from_u128(n);
    let key = RequestKey { caller: 1, request_id: id(1), method: "RebuildFeed", digest: [1; 16] };
    assert_eq!(store.answered(&cx(), &key).await.unwrap(), None);
    store.remember(&cx(), &key, 42).await.unwrap();
    assert_eq!(store.answered(&cx(), &key).await.unwrap(), Some(42));
    let reused = store.answered(&cx(), &RequestKey { digest: [2; 16], ..key.clone() }).await.unwrap_err();
    assert!(reused.is(reason::REQUEST_ID_REUSED));
    for other in [RequestKey { request_id: id(2), ..key.clone() }, RequestKey { caller: 2, ..key }] {
        assert_eq!(store.answered(&cx(), &other).await.unwrap(), None);
    }
}

async fn reading_windows_tells_warm_from_cold(store: Arc<dyn FeedStore>) {
    build(&*store, READER, &by(ANNA, &[40, 30]), 30).await;
    let windows = store.windows(&cx(), &[OTHER, READER]).await.unwrap();
    assert_eq!(windows, [None, Some(Window::new(&by(ANNA, &[40, 30]), PostId(30), CAP))]);
    assert!(!store.is_idle(&cx()).await.unwrap());
}
