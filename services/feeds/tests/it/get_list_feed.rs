//! Feeds of lists, and lists whose members are kept from home.

use plaza_core::{Error, reason};

use crate::support::{Bench, Engine, config, guest, user, user_with};
use plaza_feeds::Config;

on_each_engine![
    get_list_feed_shows_what_its_members_post_and_repost,
    get_list_feed_is_for_those_who_may_see_the_list,
    get_list_feed_leaves_out_whom_a_block_or_a_mute_keeps_away,
    get_list_feed_shows_reposts_of_protected_members_to_their_followers,
    get_list_feed_needs_graph_and_can_do_without_accounts,
    members_of_an_exclusive_list_are_left_out_of_home,
    what_a_reader_chose_is_asked_for_once,
];

async fn get_list_feed_shows_what_its_members_post_and_repost(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    let world = &bench.world;
    (2..=4).for_each(|author| world.follow(1, author));
    let list = world.make_list(1, true, false);
    assert_eq!(bench.walk_list(Some(1), list, 2).await, [0; 0]);
    world.enlist(list, 2);
    world.enlist(list, 3);
    let (first, second, strange) = (world.post(2), world.post(3), world.post(5));
    let to_member = world.reply(2, second);
    world.reply(3, strange);
    let to_reader = world.reply(2, world.post(1));
    world.post(4);
    let repost = world.repost(3, strange).unwrap();
    let newest = world.repost(2, first).unwrap();
    let all = [newest, repost, to_reader, to_member, second];
    assert_eq!(bench.walk_list(Some(1), list, 2).await, all);
    assert_eq!(world.list(list, Some(1)), all);
    // Others do not see what is said to the owner, who is on no list.
    assert_eq!(bench.walk_list(Some(4), list, 3).await, [newest, repost, to_member, second]);
    assert_eq!(bench.walk_list(None, list, 1).await, world.list(list, None));
    world.unfollow(1, 3);
    assert_eq!(bench.walk_list(Some(1), list, 9).await, world.list(list, Some(1)));
    assert_eq!(bench.walk_list(Some(1), list, 9).await, [newest, to_reader], "what it replied to is off the list");
}

async fn get_list_feed_is_for_those_who_may_see_the_list(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    let world = &bench.world;
    world.follow(1, 2);
    let (private, public) = (world.make_list(1, false, false), world.make_list(1, true, false));
    for list in [private, public] {
        world.enlist(list, 2);
    }
    let post = world.post(2);
    world.block(1, 4);
    let shown = async |list, cx| bench.list_page(&cx, list, 9, "").await.map(|page| page.posts);
    let hidden = async |list, cx| shown(list, cx).await.unwrap_err().is(reason::LIST_NOT_FOUND);
    assert_eq!(shown(private, user(1)).await.unwrap(), [post]);
    assert!(hidden(private, user(3)).await && hidden(private, guest()).await);
    assert_eq!(shown(public, user(3)).await.unwrap(), [post]);
    assert_eq!(shown(public, guest()).await.unwrap(), [post]);
    assert!(hidden(public, user(4)).await, "its owner blocks the reader");
    assert!(hidden(99, user(1)).await);
    // A token is good for one list and one reader.
    world.post(2);
    let next = bench.list_page(&user(1), public, 1, "").await.unwrap().next;
    for (cx, list) in [(user(1), private), (user(3), public)] {
        assert!(bench.list_page(&cx, list, 1, &next).await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    }
    assert_eq!(bench.list_page(&user(1), public, 1, &next).await.unwrap().posts, [post]);
}

async fn get_list_feed_leaves_out_whom_a_block_or_a_mute_keeps_away(engine: Engine) {
    let bench = Bench::new(engine, 6).await;
    let world = &bench.world;
    let list = world.make_list(1, true, false);
    for member in 2..=4 {
        world.follow(1, member);
        world.enlist(list, member);
    }
    let strange = world.post(6);
    for member in 2..=4 {
        world.post(member);
        world.repost(member, strange).unwrap();
    }
    let before = bench.walk_list(Some(5), list, 2).await;
    assert_eq!((before.len(), &before), (4, &world.list(list, Some(5))));
    world.block(5, 2);
    world.mute(5, 3, [true, false], 1_000);
    world.mute(5, 4, [false, true], 1_000);
    let after = bench.walk_list(Some(5), list, 2).await;
    assert_eq!((after.len(), &after), (2, &world.list(list, Some(5))));
    world.clock.advance(1_000);
    assert_eq!(bench.walk_list(Some(5), list, 2).await, world.list(list, Some(5)));
    world.block(6, 5);
    assert_eq!(bench.walk_list(Some(5), list, 2).await.len(), 2);
}

async fn get_list_feed_shows_reposts_of_protected_members_to_their_followers(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    let world = &bench.world;
    let list = world.make_list(1, true, false);
    for (reader, member) in [(1, 2), (1, 3), (4, 2)] {
        world.follow(reader, member);
        world.enlist(list, member);
    }
    world.state.lock().protected.insert(2);
    let post = world.post(5);
    let (by_protected, by_open) = (world.repost(2, post).unwrap(), world.repost(3, post).unwrap());
    world.undo_repost(by_open);
    for reader in [Some(1), Some(4)] {
        assert_eq!(bench.walk_list(reader, list, 5).await, [by_protected]);
    }
    for reader in [Some(5), None] {
        assert_eq!(bench.walk_list(reader, list, 5).await, [0; 0]);
    }
    let by_open = world.repost(3, post).unwrap();
    assert_eq!(bench.walk_list(None, list, 5).await, [by_open]);
}

async fn get_list_feed_needs_graph_and_can_do_without_accounts(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    let world = &bench.world;
    let list = world.make_list(1, true, false);
    world.follow(1, 2);
    world.enlist(list, 2);
    let post = world.post(2);
    let repost = world.repost(2, world.post(3)).unwrap();
    // Known from now on: which languages they read.
    for reader in [1, 4] {
        bench.page(reader, 1).await;
    }
    world.accounts_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    let page = bench.list_page(&user(1), list, 5, "").await.unwrap();
    assert_eq!((page.posts, page.degraded), (vec![repost, post], vec![]), "the reader follows all of them");
    let page = bench.list_page(&user(4), list, 5, "").await.unwrap();
    assert_eq!((page.posts, page.degraded), (vec![post], vec!["accounts".to_owned()]));
    world.accounts_faults.clear();
    assert_eq!(bench.list_page(&user(4), list, 5, "").await.unwrap().posts, [repost, post]);
    world.graph_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    assert!(bench.list_page(&user(1), list, 5, "").await.unwrap_err().is(reason::PEER_UNAVAILABLE));
}

async fn members_of_an_exclusive_list_are_left_out_of_home(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    let world = &bench.world;
    (2..=4).for_each(|author| world.follow(1, author));
    let (kept, stays, other) = (world.post(2), world.post(3), world.post(4));
    let brought = world.repost(2, other).unwrap();
    bench.deliver().await;
    assert_eq!(bench.walk(1, 2).await, [brought, stays, kept]);
    let lists: Vec<i64> = (0..5).map(|n| world.make_list(1, false, n == 4)).collect();
    for list in &lists {
        world.enlist(*list, 2);
    }
    world.enlist(lists[0], 3);
    bench.deliver().await;
    assert_eq!(bench.walk(1, 2).await, [other, stays]);
    // What others bring of them stays.
    let again = world.repost(3, kept).unwrap();
    bench.deliver().await;
    assert_eq!(bench.walk(1, 2).await, [again, other, stays]);
    assert_eq!(bench.walk_list(Some(1), lists[4], 2).await, [brought, kept]);
    world.undo_repost(again);
    world.change_list(lists[4], |list| list.exclusive = false);
    world.change_list(lists[0], |list| list.exclusive = true);
    bench.deliver().await;
    assert_eq!(bench.walk(1, 2).await, [other]);
    world.change_list(lists[0], |list| list.members.retain(|member| *member != 2));
    bench.deliver().await;
    assert_eq!(bench.walk(1, 2).await, [brought, kept]);
    // Whoever is followed no more leaves the list, and is read again when followed again.
    world.unfollow(1, 3);
    world.follow(1, 3);
    bench.deliver().await;
    assert_eq!((bench.walk(1, 2).await, world.home(1)), (vec![brought, stays, kept], vec![brought, stays, kept]));
}

async fn what_a_reader_chose_is_asked_for_once(engine: Engine) {
    let shared = Config { store: "redis://127.0.0.1".parse().unwrap(), ..config() };
    for config in [config(), shared] {
        let bench = Bench::with(engine, 3, &config).await;
        bench.world.follow(1, 2);
        let post = bench.world.post(2);
        bench.deliver().await;
        let asked = || bench.world.calls.choices.swap(0, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(bench.walk(1, 1).await, [post]);
        assert_eq!((asked(), bench.walk(1, 1).await, asked()), (1, vec![post], 0));
        let list = bench.world.make_list(1, false, true);
        bench.world.enlist(list, 2);
        if config.store.is_shared() {
            // It is applied to feeds, and this process has not heard of it, but the caller knows.
            bench.marks.raise([("graph", 3)]);
            let page = bench.page_with(&user_with(1, "graph=3"), 5, "").await.unwrap();
            assert_eq!((page.posts, page.degraded), (vec![], vec![]));
        }
        bench.deliver().await;
        asked();
        assert_eq!((bench.walk(1, 1).await, bench.walk(1, 1).await, asked()), (vec![], vec![], 1));
        // Without graph what is known will do.
        bench.world.graph_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
        let page = bench.page(1, 5).await;
        assert_eq!((page.posts, page.degraded), (vec![], vec!["graph".to_owned()]));
    }
}
