//! Dying at each point between commit, publish, project and acknowledge, on purpose.

use std::time::Duration;

use plaza_core::{Code, Error, Token};
use plaza_events::points;
use plaza_proto::accounts::v1::DeleteAccountRequest;
use plaza_proto::posts::v1::{CreatePostRequest, GetPostRequest, LikePostRequest};
use plaza_testkit::person::request_id;
use plaza_testkit::{Sandbox, Shape, wait};

use crate::kill;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_at_any_point_loses_nothing_and_does_nothing_twice() {
    for point in points::ALL {
        for hit in [1, 2, 3] {
            die_at(&format!("{point}:{hit}")).await;
        }
    }
}

/// Writes until the platform dies at `point`, starts it again, and checks that every event had its effect, once.
async fn die_at(point: &str) {
    let mut sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let (ada, ben, cid) = (guest.join("ada").await, guest.join("ben").await, guest.join("cid").await);
    ben.follow(&ada).await.expect("follow");
    let (liked, wrote) = ada.post("liked").await.expect("post");
    ben.home(&wrote, 10).await.expect("a held feed");
    cid.call(LikePostRequest { request_id: request_id(), post_id: liked.post_id }).await.expect("like");
    sandbox.terminate().await;
    sandbox.set(points::VARIABLE, point);
    sandbox.restart_doomed().await;

    let delete = DeleteAccountRequest { request_id: request_id(), account_id: cid.id() };
    let writes = async {
        let gone = |error: &Error| error.code() == Code::Unauthenticated;
        kill::persist_unless(gone, || cid.call(delete.clone())).await;
        let mut posts = vec![liked.post_id];
        // Three hits of a point may need as many batches: write until the process dies, and a little beyond.
        for n in 0..12 {
            let text = format!("post {n}");
            let post = CreatePostRequest { request_id: request_id(), text, ..Default::default() };
            posts.push(kill::persist(|| ada.call(post.clone())).await.post.expect("a post").post_id);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        posts.reverse();
        posts
    };
    let revive = async {
        sandbox.await_end().await;
        sandbox.set(points::VARIABLE, "");
        sandbox.restart().await;
    };
    let (posts, ()) = tokio::join!(writes, revive);
    wait::until(&format!("the feed after dying at {point}"), || async {
        (ben.walk_home(&Token::default(), 50).await.expect("a walk") == posts).then_some(())
    })
    .await;
    wait::until(&format!("the erasure after dying at {point}"), || async {
        let post =
            ben.call(GetPostRequest { post_id: liked.post_id }).await.expect("a post").message.post.expect("one");
        (post.like_count == 0).then_some(())
    })
    .await;
    sandbox.stop().await;
}
