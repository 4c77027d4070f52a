//! `Mute`, `Unmute`, `ListMutes`, `ListBlocks`, `RemoveFollower`.

use plaza_core::{Code, Cx, Result, reason};
use plaza_graph::Config;
use plaza_proto::graph::v1::*;
use plaza_stores::StoreAddress;

use crate::support::{START, World, nobody, service, service_for, stranger, user};

fn time(ms: i64) -> prost_types::Timestamp {
    let (seconds, nanos) = START.plus_ms(ms).seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}

const ALL: MuteScopes = MuteScopes { posts: true, reposts: true, notifications: true };
const REPOSTS: MuteScopes = MuteScopes { posts: false, reposts: true, notifications: false };

fn muting(scopes: MuteScopes, expire_time: Option<prost_types::Timestamp>) -> Option<Muting> {
    Some(Muting { scopes: Some(scopes), expire_time })
}

async fn mute(w: &World, a: i64, b: i64, scopes: Option<MuteScopes>, seconds: i64) -> Result<Relationship> {
    let request = MuteRequest { request_id: w.request_id(), account_id: b, scopes, duration_seconds: seconds };
    w.graph.mute(&user(a), request).await.map(|answer| answer.relationship.unwrap())
}

async fn unmute(w: &World, a: i64, b: i64) -> Relationship {
    let request = UnmuteRequest { request_id: w.request_id(), account_id: b };
    w.graph.unmute(&user(a), request).await.unwrap().relationship.unwrap()
}

async fn muted(w: &World, cx: &Cx, page_size: i32) -> Vec<MuteEdge> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = w.graph.list_mutes(cx, ListMutesRequest { page_size, page_token }).await.unwrap();
        all.extend(page.mutes);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn mute_keeps_away_what_it_names_until_it_runs_out() {
    let w = World::new().await;
    let lasting = mute(&w, 1, 2, None, 0).await.unwrap();
    assert_eq!(lasting, Relationship { muting: muting(ALL, None), ..stranger(2) });
    assert_eq!(mute(&w, 1, 2, Some(MuteScopes::default()), 0).await.unwrap(), lasting);
    let for_a_minute = mute(&w, 1, 2, Some(REPOSTS), 60).await.unwrap();
    let expected = Relationship { muting: muting(REPOSTS, Some(time(60_000))), ..stranger(2) };
    assert_eq!(for_a_minute, expected);
    for cx in [user(1), service_for(1)] {
        assert_eq!(w.relationships(&cx, &[2]).await, [expected]);
    }
    assert_eq!(w.relationships(&service_for(2), &[1]).await, [stranger(1)], "the muted is told nothing");

    w.clock.advance(59_999);
    assert_eq!(w.relationships(&user(1), &[2]).await, [expected]);
    w.clock.advance(1);
    assert_eq!(w.relationships(&user(1), &[2]).await, [stranger(2)], "from the cache as well");
    assert!(muted(&w, &user(1), 10).await.is_empty());
    assert_eq!(w.told().await, ["Muted 1", "Muted 1"]);
    assert_eq!(w.app.maintain(&user(1)).await.unwrap(), 1, "what has run out goes");
}

#[tokio::test]
async fn unmute_lifts_every_scope() {
    let w = World::new().await;
    mute(&w, 1, 2, Some(REPOSTS), 60).await.unwrap();
    for _ in 0..2 {
        assert_eq!(unmute(&w, 1, 2).await, stranger(2));
    }
    assert_eq!(unmute(&w, 1, 999).await, stranger(999));
    assert_eq!(w.told().await, ["Muted 1", "Unmuted 1"]);
}

#[tokio::test]
async fn mute_refuses_oneself_the_unknown_and_one_too_many() {
    let config = Config { store: StoreAddress::Memory, max_mutes: 1, max_following: 1, ..Config::default() };
    let w = World::with(config).await;
    assert!(mute(&w, 1, 1, None, 0).await.unwrap_err().is(reason::SELF_RELATION));
    assert!(mute(&w, 1, 999, None, 0).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    for seconds in [-1, i64::MIN, i64::MAX, 315_360_001] {
        let error = mute(&w, 1, 2, None, seconds).await.unwrap_err();
        assert_eq!((error.code(), error.violations()[0].field.as_str()), (Code::InvalidArgument, "duration_seconds"));
    }
    mute(&w, 1, 2, None, 315_360_000).await.unwrap();
    let error = mute(&w, 1, 3, None, 0).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::FailedPrecondition, "LIMIT_REACHED"));
    w.follow(1, 2).await.unwrap();
    assert!(w.follow(1, 3).await.unwrap_err().is(reason::LIMIT_REACHED));
    for cx in [nobody(), service()] {
        let request = MuteRequest { request_id: w.request_id(), account_id: 2, ..MuteRequest::default() };
        assert_eq!(w.graph.mute(&cx, request).await.unwrap_err().code(), Code::Unauthenticated);
        assert_eq!(
            w.graph.list_mutes(&cx, ListMutesRequest::default()).await.unwrap_err().code(),
            Code::Unauthenticated
        );
    }
}

#[tokio::test]
async fn a_repeated_mute_gets_the_first_answer() {
    let w = World::new().await;
    let request = MuteRequest { request_id: w.request_id(), account_id: 2, scopes: None, duration_seconds: 60 };
    let first = w.graph.mute(&user(1), request.clone()).await.unwrap();
    w.clock.advance(10_000);
    assert_eq!(w.graph.mute(&user(1), request.clone()).await.unwrap(), first, "its end has not moved");
    let other = MuteRequest { duration_seconds: 61, ..request };
    assert!(w.graph.mute(&user(1), other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
}

#[tokio::test]
async fn list_mutes_is_the_callers_own_newest_first() {
    let w = World::new().await;
    for (other, seconds) in [(4, 0), (2, 60), (9, 1)] {
        w.clock.advance(1);
        mute(&w, 1, other, Some(REPOSTS), seconds).await.unwrap();
    }
    mute(&w, 2, 1, None, 0).await.unwrap();
    w.clock.advance(1_000);
    for size in [1, 2, 20] {
        let expected = [
            MuteEdge { account_id: 2, mute_time: Some(time(2)), muting: muting(REPOSTS, Some(time(60_002))) },
            MuteEdge { account_id: 4, mute_time: Some(time(1)), muting: muting(REPOSTS, None) },
        ];
        assert_eq!(muted(&w, &user(1), size).await, expected, "in pages of {size}");
    }
    let request = ListMutesRequest { page_size: 1, page_token: String::new() };
    let page_token = w.graph.list_mutes(&user(1), request).await.unwrap().next_page_token;
    let stolen = w.graph.list_mutes(&user(2), ListMutesRequest { page_size: 1, page_token }).await;
    assert!(stolen.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
}

#[tokio::test]
async fn list_blocks_is_the_callers_own_newest_first() {
    let w = World::new().await;
    for other in [4, 2, 9] {
        w.clock.advance(1);
        w.block(1, other).await.unwrap();
    }
    w.block(2, 1).await.unwrap();
    for page_size in [1, 2, 20] {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let page = w.graph.list_blocks(&user(1), ListBlocksRequest { page_size, page_token }).await.unwrap();
            all.extend(page.blocks.iter().map(|edge| (edge.account_id, edge.block_time)));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(all, [(9, Some(time(3))), (2, Some(time(2))), (4, Some(time(1)))], "in pages of {page_size}");
    }
    for cx in [nobody(), service()] {
        let refused = w.graph.list_blocks(&cx, ListBlocksRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    let request = ListBlocksRequest { page_size: -1, page_token: String::new() };
    assert_eq!(w.graph.list_blocks(&user(1), request).await.unwrap_err().violations()[0].field, "page_size");
}

#[tokio::test]
async fn remove_follower_ends_their_follow_and_no_other() {
    let w = World::new().await;
    w.follow(2, 1).await.unwrap();
    w.follow(1, 2).await.unwrap();
    let remove = async |account_id| {
        let request = RemoveFollowerRequest { request_id: w.request_id(), account_id };
        w.graph.remove_follower(&user(1), request).await.unwrap().relationship.unwrap()
    };
    for _ in 0..2 {
        assert_eq!(remove(2).await, Relationship { following: true, ..stranger(2) });
    }
    assert_eq!(remove(999).await, stranger(999));
    assert_eq!((w.counts(1).await, w.counts(2).await), ((0, 1), (1, 0)));
    assert_eq!(w.told().await, ["Followed 2", "Followed 1", "Unfollowed 2"]);
    w.follow(2, 1).await.unwrap();
}
