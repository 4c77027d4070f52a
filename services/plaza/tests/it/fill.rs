//! Filling a platform: through both doors, and twice.

use plaza::config::{SecretText, Service, Settings};
use plaza::load::{Door, Filled, Filler};
use plaza::people::{Follows, Plan, Shape};
use plaza_core::{Env, Token};
use plaza_proto::feeds::v1::{FeedsService as _, GetHomeFeedRequest};
use plaza_proto::graph::v1::{BatchGetCountsRequest, GraphService as _};
use plaza_proto::posts::v1::{BatchGetPostsRequest, PostsService as _};
use plaza_rpc::ServiceKey;

use crate::platform::{free_port, outside, start, start_some};

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
        let request = GetHomeFeedRequest { page_size: 100, ..GetHomeFeedRequest::default() };
        let page = actor.clients.feeds.get_home_feed(&cx, request).await.unwrap();
        assert_eq!(page.posts.len(), expected, "person {n}");
    }
    running.shutdown().await.unwrap();
}

/// The settings of one of two processes of a platform; each knows where the other is.
fn half(port: u16, elsewhere: &[Service], other: u16) -> Settings {
    let mut settings = Settings::ephemeral();
    settings.secret = Some("5e".repeat(32).parse().unwrap());
    settings.grpc_address.set_port(port);
    for service in elsewhere {
        settings.peers.set(*service, &format!("http://127.0.0.1:{other}"));
    }
    settings
}

#[tokio::test]
async fn a_platform_in_pieces_is_filled_by_its_operator_and_by_strangers() {
    let (people, words) = ([Service::Accounts, Service::Sessions, Service::Graph], [Service::Posts, Service::Feeds]);
    let (one, two) = (free_port().await, free_port().await);
    let first = start_some(half(one, &words, two), &people).await;
    let second = start_some(half(two, &people, one), &words).await;
    let address =
        |service: Service| format!("{service}=http://127.0.0.1:{}", if words.contains(&service) { two } else { one });
    let target = Service::ALL.map(address).join(",");
    let door = Door::outside(&target).unwrap();
    let key = |digit: &str| ServiceKey::new(&digit.repeat(32).parse::<SecretText>().unwrap().key(), &Env::system());
    let operator = door.clone().with_key(&key("5e")).await.unwrap();
    let filled = fill(&operator).await;
    assert!(filled.actors.iter().all(|actor| actor.access_token.is_empty()), "nobody was signed in");
    let before = counted(&operator, &filled).await;
    let stranger = door.with_key(&key("aa")).await.unwrap();
    let again = fill(&stranger).await;
    assert!(again.actors.iter().all(|actor| !actor.access_token.is_empty()), "everybody was signed in");
    assert_eq!((again.posts, counted(&stranger, &filled).await), (filled.posts.clone(), before));
    second.shutdown().await.unwrap();
    first.shutdown().await.unwrap();
}
