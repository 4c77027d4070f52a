//! Replicas that push, build, read and lose keys at once.

use std::collections::BTreeSet;

use parking_lot::Mutex;

use super::*;

const POSTS: i64 = 300;

/// The truth: what was written, and what was pushed to everybody it is for.
#[derive(Default)]
struct Truth {
    written: BTreeSet<i64>,
    pushed: BTreeSet<i64>,
}

async fn write(feeds: &RedisFeeds, truth: &Mutex<Truth>, posts: impl Iterator<Item = i64>) {
    for post in posts {
        truth.lock().written.insert(post);
        feeds.push(&cx(), &[READER], &by(ANNA, &[post])).await.unwrap();
        truth.lock().pushed.insert(post);
    }
}

/// Builds the feed from the truth as it was read after the build began.
async fn build_from(feeds: &RedisFeeds, truth: &Mutex<Truth>) -> Option<usize> {
    let begun = feeds.begin_build(&cx(), READER).await.unwrap();
    let newest: Vec<i64> = truth.lock().written.iter().rev().take(CAP).copied().collect();
    tokio::task::yield_now().await;
    let floor = newest.last().filter(|_| newest.len() == CAP).copied().unwrap_or(0);
    feeds.finish_build(&cx(), READER, begun, &by(ANNA, &newest), PostId(floor)).await.unwrap()
}

/// A warm page has everything that was pushed before it was asked for and is not below its floor.
async fn read(feeds: &RedisFeeds, truth: &Mutex<Truth>) -> bool {
    let before: Vec<i64> = truth.lock().pushed.iter().copied().collect();
    let Some(reading) = feeds.page(&cx(), READER, None, 2 * CAP).await.unwrap() else { return false };
    let shown: BTreeSet<i64> = reading.page.entries.iter().map(|e| e.place.0).collect();
    let floor = reading.page.floor.0;
    let holes: Vec<i64> = before.into_iter().filter(|post| *post >= floor && !shown.contains(post)).collect();
    assert!(holes.is_empty(), "{holes:?} are missing above {floor} in {shown:?}");
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_page_has_a_hole_while_replicas_push_build_and_lose_keys() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let keys = Arc::new(keys);
    let replicas =
        [replica(&keys.address(), OPTIONS, 1).await, replica(&keys.address(), OPTIONS, 2).await].map(Arc::new);
    let truth = Arc::new(Mutex::new(Truth::default()));
    let mut tasks = Vec::new();
    for (n, feeds) in replicas.iter().enumerate() {
        let (feeds, truth) = (feeds.clone(), truth.clone());
        let mine = (1..=POSTS).filter(move |post| usize::try_from(post % 2).unwrap() == n);
        tasks.push(tokio::spawn(async move { write(&feeds, &truth, mine).await }));
    }
    for feeds in &replicas {
        for builds in [true, false] {
            let (feeds, truth, keys) = (feeds.clone(), truth.clone(), keys.clone());
            tasks.push(tokio::spawn(async move {
                let mut round = 0;
                while truth.lock().pushed.len() < usize::try_from(POSTS).unwrap() {
                    round += 1;
                    if builds {
                        build_from(&feeds, &truth).await;
                    } else {
                        read(&feeds, &truth).await;
                    }
                    // Any of them, at any moment.
                    match round % 20 {
                        5 => drop(command(&keys.address(), &["DEL", &feeds.feed(READER)])),
                        10 => drop(command(&keys.address(), &["DEL", &feeds.build(READER)])),
                        15 => drop(command(&keys.address(), &["DEL", &feeds.marks()])),
                        _ => {}
                    }
                }
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    wait::until("a build that nothing disturbs", || async { build_from(&replicas[0], &truth).await }).await;
    for feeds in &replicas {
        assert!(read(feeds, &truth).await);
    }
}
