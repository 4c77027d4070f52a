//! Filling a platform: through both doors, and twice.

use plaza::config::Settings;
use plaza::load::{Door, Filled, Filler};
use plaza::people::{Follows, Plan, Shape};
use plaza_core::{Env, Token};
use plaza_proto::feeds::v1::{FeedsService as _, GetHomeFeedRequest};
use plaza_proto::graph::v1::{BatchGetCountsRequest, GraphService as _};
use plaza_proto::posts::v1::{BatchGetPostsRequest, PostsService as _};

use crate::platform::{outside, start};

fn plan() -> Plan {
    Plan::new(Follows::generate(Shape { people: 12, mean_followers: 3.0 }, 5), 5, 40, 30)
}

async fn fill(door: &Door) -> Filled {
    Filler::new(door.clone(), plan(), Env::system(), 8).run().await.expect("filled")
}

/// How many follows and likes the platform counts.
async fn counted(door: &Door, filled: &Filled) -> (i64, i64) {
    let clients = door.anybody();
    let account_ids = filled.actors.iter().map(|actor| actor.account.get()).collect();
    let counts = clients.graph.batch_get_counts(&Door::cx(), BatchGetCountsRequest { account_ids }).await.unwrap();
    let request = BatchGetPostsRequest { post_ids: filled.posts.clone() };
    let posts = clients.posts.batch_get_posts(&Door::cx(), request).await.unwrap().posts;
    assert_eq!(posts.len(), 40);
    (counts.counts.iter().map(|c| c.followers).sum(), posts.iter().map(|post| post.like_count).sum())
}

#[tokio::test]
async fn a_second_filling_changes_nothing_whichever_door_it_takes() {
    let running = start(Settings::ephemeral()).await;
    let (inside, outside) = (running.door().unwrap(), outside(&running));
    let first = fill(&inside).await;
    let before = counted(&inside, &first).await;
    let second = fill(&outside).await;
    assert_eq!(first.posts, second.posts, "the same posts, none twice");
    let ids = |filled: &Filled| filled.actors.iter().map(|actor| actor.account).collect::<Vec<_>>();
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(counted(&outside, &second).await, before);
    let follows = i64::try_from(plan().follows().count()).unwrap();
    assert_eq!(before.0, follows);
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_was_filled_in_is_in_the_home_feeds() {
    let running = start(Settings::ephemeral()).await;
    let filled = fill(&outside(&running)).await;
    let plan = plan();
    for (n, actor) in (0u32..).zip(&filled.actors) {
        let circle = |author: u32| author == n || plan.follows().of(n).contains(&author);
        let expected = (0..plan.posts()).filter(|post| circle(plan.post(*post).author)).count();
        let cx = actor.cx().with_token(Token::parse("posts=40").unwrap());
        let request = GetHomeFeedRequest { page_size: 100, page_token: String::new() };
        let page = actor.clients.feeds.get_home_feed(&cx, request).await.unwrap();
        assert_eq!(page.posts.len(), expected, "person {n}");
    }
    running.shutdown().await.unwrap();
}
