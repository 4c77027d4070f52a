//! Who may reply: the author's choice, for a post and for its thread.

use plaza_core::reason;
use plaza_proto::posts::v1::{CreatePostRequest, ReplyPolicy};

use crate::support::World;

#[tokio::test]
async fn authors_choose_who_replies() {
    let w = World::new().await;
    w.graph.follow(1, 3);
    w.graph.follow(4, 1);
    let with = |policy: ReplyPolicy| CreatePostRequest { reply_policy: policy.into(), ..w.text("with @a7") };
    // By the author, by one whom the author follows, by a follower, by one whom the post mentions.
    for (policy, allowed) in [
        (ReplyPolicy::Unspecified, [true, true, true, true]),
        (ReplyPolicy::Everyone, [true, true, true, true]),
        (ReplyPolicy::Followed, [true, true, false, true]),
        (ReplyPolicy::Mentioned, [true, false, false, true]),
        (ReplyPolicy::Nobody, [true, false, false, false]),
    ] {
        let post = w.post(1, with(policy)).await;
        for (account, allowed) in [1, 3, 4, 7].into_iter().zip(allowed) {
            match w.create(account, w.reply("r", post)).await {
                Ok(_) => assert!(allowed, "{account} replies under {policy:?}"),
                Err(e) => {
                    assert!(!allowed && e.is(reason::REPLY_NOT_ALLOWED), "{account} under {policy:?}: {e}");
                    assert_eq!(e.violations()[0].field, "reply_to_id");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_first_posts_choice_holds_for_the_whole_thread() {
    let w = World::new().await;
    w.graph.follow(1, 3);
    let root = w.post(1, CreatePostRequest { reply_policy: ReplyPolicy::Followed.into(), ..w.text("root") }).await;
    let reply = w.post(3, w.reply("r", root)).await;
    let refused = w.create(4, w.reply("into the thread", reply)).await.unwrap_err();
    assert!(refused.is(reason::REPLY_NOT_ALLOWED), "{refused}");
    assert!(w.create(1, w.reply("thanks", reply)).await.is_ok());
    let closed = CreatePostRequest { reply_policy: ReplyPolicy::Nobody.into(), ..w.reply("closed", root) };
    let closed = w.post(3, closed).await;
    assert!(w.create(1, w.reply("r", closed)).await.unwrap_err().is(reason::REPLY_NOT_ALLOWED), "nor within it");
    // Without its first post the thread is open.
    w.delete(1, root).await.unwrap();
    assert!(w.create(4, w.reply("now", reply)).await.is_ok());
}
