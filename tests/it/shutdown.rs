//! Stopping in good order, and starting again on the same data.

use futures::StreamExt as _;
use plaza_core::{Code, Token};
use plaza_proto::feeds::v1::StreamHomeFeedRequest;
use plaza_testkit::{Sandbox, Shape, wait};

#[tokio::test]
async fn sigterm_ends_streams_finishes_work_and_the_next_start_carries_on() {
    let mut sandbox = Sandbox::start(Shape::OneProcess).await;
    let ada = sandbox.guest().join("ada").await;
    let mut live = ada.stream(StreamHomeFeedRequest::default()).await.expect("a stream");
    live.next().await.expect("opened").expect("no error");
    let busy = tokio::spawn({
        let ada = ada.clone();
        async move {
            let mut acknowledged = Vec::new();
            for n in 0.. {
                match ada.post(&format!("post {n}")).await {
                    Ok((post, _)) => acknowledged.push(post.post_id),
                    Err(error) => return (acknowledged, error),
                }
            }
            unreachable!("the platform goes away first")
        }
    });
    wait::until("some posts", || async {
        (ada.home(&Token::default(), 5).await.expect("a page").message.posts.len() == 5).then_some(())
    })
    .await;

    assert_eq!(sandbox.terminate().await, [Some(0)]);
    let (acknowledged, refused) = busy.await.expect("the writer");
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let ended = loop {
        match live.next().await.expect("an error before the end") {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable, "{ended}");

    sandbox.restart().await;
    let ids = ada.walk_home(&Token::default(), 50).await.expect("the same session goes on");
    assert!(acknowledged.iter().all(|id| ids.contains(id)), "every acknowledged post is there");
    sandbox.stop().await;
}
