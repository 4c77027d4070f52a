//! Reposts in home feeds.

use crate::support::{Bench, CAP, Engine};
use crate::world::Placed;

on_each_engine![
    a_repost_brings_a_post_in_and_stands_once,
    a_repost_that_is_undone_or_whose_account_is_unfollowed_is_gone,
    a_repost_of_what_the_reader_may_not_see_never_shows,
    a_post_that_moves_to_the_top_is_shown_once_on_all_pages_of_a_walk,
    a_deleted_post_is_gone_with_its_reposts,
    reposts_of_pulled_authors_are_merged_in,
];

fn repost(place: i64, by: i64, post: i64) -> Placed {
    Placed { place, by, post }
}

async fn a_repost_brings_a_post_in_and_stands_once(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.page(1, 1).await;
    let (strange, known) = (bench.world.post(4), bench.world.post(2));
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.entries, [repost(known, 2, known)]);
    let first = bench.world.repost(2, strange).unwrap();
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.entries, [repost(first, 2, strange), repost(known, 2, known)]);
    // Who did last of those whom the reader follows.
    let last = bench.world.repost(3, strange).unwrap();
    bench.world.repost(5, strange).unwrap();
    let own = bench.world.repost(1, known).unwrap();
    bench.deliver().await;
    let expected = [repost(own, 1, known), repost(last, 3, strange)];
    assert_eq!(bench.page(1, 9).await.entries, expected);
    assert_eq!(bench.rebuild(1).await, 4);
    assert_eq!(bench.page(1, 9).await.entries, expected);
}

async fn a_repost_that_is_undone_or_whose_account_is_unfollowed_is_gone(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.page(1, 1).await;
    let strange = bench.world.post(4);
    let (first, last) = (bench.world.repost(2, strange).unwrap(), bench.world.repost(3, strange).unwrap());
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.entries, [repost(last, 3, strange)]);
    bench.world.undo_repost(last);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.entries, [repost(first, 2, strange)]);
    // At once, before the event comes; and the window lacks it when it has come.
    bench.world.unfollow(1, 2);
    assert_eq!(bench.page(1, 9).await.entries, []);
    bench.deliver().await;
    assert_eq!(bench.held(1).await.unwrap().0, [0; 0]);
    // Followed again, the account brings back what it still reposts.
    bench.world.follow(1, 2);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.entries, [repost(first, 2, strange)]);
}

async fn a_repost_of_what_the_reader_may_not_see_never_shows(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.page(1, 1).await;
    let (blocked, blocking) = (bench.world.post(3), bench.world.post(4));
    bench.world.repost(2, blocked).unwrap();
    bench.world.repost(2, blocking).unwrap();
    bench.world.block(1, 3);
    bench.world.block(4, 1);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.told(), (vec![], String::new(), vec![]));
    bench.rebuild(1).await;
    assert_eq!(bench.page(1, 9).await.entries, []);
}

async fn a_post_that_moves_to_the_top_is_shown_once_on_all_pages_of_a_walk(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.page(1, 1).await;
    // More than a window holds, so that the walk ends below it.
    let posts: Vec<i64> = (0..2 * CAP).map(|_| bench.world.post(2)).collect();
    let own = bench.world.repost(1, posts[1]).unwrap();
    let repeated = bench.world.repost(2, posts[2]).unwrap();
    bench.deliver().await;
    let home = bench.world.home(1);
    assert_eq!(home[..2], [repeated, own]);
    assert_eq!(home.len(), posts.len());
    for size in [1, 3, 100] {
        assert_eq!(bench.walk(1, size).await, home, "pages of {size}");
    }
    // What is reposted during the walk stays where it stood for it.
    let first = bench.page(1, 3).await;
    bench.world.repost(1, posts[0]).unwrap();
    bench.deliver().await;
    let rest = bench.page_at(1, 100, &first.next).await.unwrap();
    assert_eq!([first.posts, rest.posts].concat(), home);
}

async fn a_deleted_post_is_gone_with_its_reposts(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.page(1, 1).await;
    let (strange, stays) = (bench.world.post(3), bench.world.post(2));
    bench.world.repost(2, strange).unwrap();
    bench.deliver().await;
    bench.world.delete(strange);
    assert_eq!(bench.page(1, 1).await.posts, [stays]);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.posts, [stays]);
    assert_eq!(bench.drifted().await, [0; 0]);
}

async fn reposts_of_pulled_authors_are_merged_in(engine: Engine) {
    let bench = Bench::new(engine, 9).await;
    for reader in [1, 6, 7, 8, 9] {
        bench.world.follow(reader, 2);
    }
    bench.page(1, 1).await;
    let strange = bench.world.post(3);
    let first = bench.world.repost(2, strange).unwrap();
    bench.deliver().await;
    assert_eq!(bench.held(1).await.unwrap().0, [0; 0]);
    assert_eq!(bench.page(1, 9).await.entries, [repost(first, 2, strange)]);
    bench.world.undo_repost(first);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.entries, []);
}
