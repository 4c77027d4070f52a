//! What readers of feeds are spared: muted words, and languages that they do not read.

use plaza_core::{Error, reason};
use plaza_proto::feeds::v1::HomeFilter;

use crate::stream_home_feed::{is_quiet, open, post};
use crate::support::{Bench, Engine, user};

on_each_engine![
    muted_words_are_kept_from_every_feed_but_the_authors_own,
    a_muted_word_runs_out_and_an_edit_brings_it_in_and_takes_it_out,
    languages_that_are_not_read_are_kept_away,
    a_page_is_full_whatever_its_reader_is_spared,
    what_is_new_is_spared_too,
    without_accounts_all_languages_show_and_words_are_muted,
];

async fn muted_words_are_kept_from_every_feed_but_the_authors_own(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    let world = &bench.world;
    for (a, b) in [(1, 2), (2, 1), (1, 3)] {
        world.follow(a, b);
    }
    let list = world.make_list(1, true, false);
    world.enlist(list, 2);
    let said = world.say(2, "Have some CAKE!", "");
    let (tagged, other) = (world.say(2, "#cake", ""), world.say(2, "pancakes", ""));
    let (own, strange) = (world.say(1, "cake for me", ""), world.say(4, "cake again", ""));
    let (by_other, brought_own) = (world.repost(2, strange).unwrap(), world.repost(3, own).unwrap());
    let by_reader = world.repost(1, tagged).unwrap();
    bench.deliver().await;
    assert_eq!(bench.walk(1, 3).await, [by_reader, brought_own, by_other, other, said]);
    world.mute_word(1, "cake", 60_000);
    bench.deliver().await;
    let spared = [by_reader, brought_own, other];
    assert_eq!((bench.walk(1, 3).await, world.home(1)), (spared.to_vec(), spared.to_vec()));
    assert_eq!(bench.walk_of(1, HomeFilter::Mutuals, 3).await, [by_reader, own, other]);
    assert_eq!(bench.walk_list(Some(1), list, 3).await, [other]);
    // Others are spared nothing, and neither is who looks an account up.
    assert_eq!(bench.walk_list(Some(3), list, 9).await, [by_other, other, tagged, said]);
    assert_eq!(bench.walk_list(None, list, 9).await, [by_other, other, tagged, said]);
    assert_eq!(bench.user_feed(1, 2).await, [by_other, other, tagged, said]);
}

async fn a_muted_word_runs_out_and_an_edit_brings_it_in_and_takes_it_out(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    let world = &bench.world;
    world.follow(1, 2);
    let (first, second) = (world.say(2, "cake", ""), world.say(2, "tea", ""));
    world.mute_word(1, "cake", 60_000);
    bench.deliver().await;
    assert_eq!(bench.walk(1, 3).await, [second]);
    world.edit(first, "bread");
    world.edit(second, "tea and cake");
    bench.deliver().await;
    assert_eq!(bench.walk(1, 3).await, [first]);
    world.clock.advance(59_999);
    assert_eq!(bench.walk(1, 3).await, [first]);
    // No event tells of it.
    world.clock.advance(1);
    assert_eq!(bench.walk(1, 3).await, [second, first]);
    world.mute_word(1, "bread", 60_000);
    bench.deliver().await;
    assert_eq!(bench.walk(1, 3).await, [second]);
    world.mute_word(1, "bread", 0);
    bench.deliver().await;
    assert_eq!(bench.walk(1, 3).await, [second, first]);
}

async fn languages_that_are_not_read_are_kept_away(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    let world = &bench.world;
    world.follow(1, 2);
    let posts = ["de", "en", "", "pt"].map(|language| world.say(2, "?", language));
    let own = world.say(1, "?", "fr");
    bench.deliver().await;
    let all = [own, posts[3], posts[2], posts[1], posts[0]];
    assert_eq!(bench.walk(1, 3).await, all);
    world.read_in(1, &["de", "en"]);
    bench.deliver().await;
    assert_eq!(bench.walk(1, 3).await, [own, posts[2], posts[1], posts[0]]);
    world.read_in(1, &[]);
    bench.deliver().await;
    assert_eq!(bench.walk(1, 3).await, all);
}

async fn a_page_is_full_whatever_its_reader_is_spared(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    let world = &bench.world;
    world.follow(1, 2);
    let list = world.make_list(1, false, false);
    world.enlist(list, 2);
    world.mute_word(1, "cake", 60_000);
    for n in 0..60 {
        world.say(2, if n % 10 == 0 { "tea" } else { "cake" }, "");
    }
    bench.deliver().await;
    let home = world.home(1);
    assert_eq!((home.len(), bench.page(1, 4).await.posts), (6, home[..4].to_vec()));
    assert_eq!(bench.list_page(&user(1), list, 4, "").await.unwrap().posts, home[..4]);
    assert_eq!((bench.walk(1, 4).await, bench.walk_list(Some(1), list, 4).await), (home.clone(), home));
}

async fn what_is_new_is_spared_too(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    bench.world.mute_word(1, "cake", 60_000);
    bench.world.read_in(1, &["de"]);
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    bench.world.say(2, "cake", "");
    bench.world.say(2, "tea", "en");
    let shown = bench.world.say(2, "tea", "de");
    bench.deliver().await;
    assert_eq!(post(&mut live).await, shown);
    assert!(is_quiet(&mut live));
}

async fn without_accounts_all_languages_show_and_words_are_muted(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    let world = &bench.world;
    world.follow(1, 2);
    world.say(2, "cake", "de");
    let (foreign, shown) = (world.say(2, "tea", "en"), world.say(2, "tea", "de"));
    world.mute_word(1, "cake", 60_000);
    world.read_in(1, &["de"]);
    bench.deliver().await;
    world.accounts_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    let page = bench.page(1, 5).await;
    assert_eq!((page.posts, page.degraded), (vec![shown, foreign], vec!["accounts".to_owned()]));
    world.accounts_faults.clear();
    let page = bench.page(1, 5).await;
    assert_eq!((page.posts, page.degraded), (vec![shown], vec![]));
    // What is known will do.
    world.accounts_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    let page = bench.page(1, 5).await;
    assert_eq!((page.posts, page.degraded), (vec![shown], vec![]));
}
