//! ListPostRefs.

use std::time::Duration;

use plaza_core::{Caller, Cx, reason};
use plaza_proto::posts::v1::{ListPostRefsRequest, PostRef};
use tokio::time::Instant;

use crate::support::{World, service, user};

async fn refs(w: &World, author_ids: &[i64], before_id: i64, page_size: i32) -> Vec<PostRef> {
    let request = ListPostRefsRequest { author_ids: author_ids.to_vec(), before_id, page_size, include_reposts: false };
    w.posts.list_post_refs(&service(), request).await.unwrap().refs
}

#[tokio::test]
async fn list_post_refs_merges_authors_whatever_their_visibility() {
    let w = World::new().await;
    let mut all = Vec::new();
    for n in 0..60_i64 {
        let author_id = 1 + n * n % 5;
        let request = if n % 2 == 0 { w.text("p") } else { w.followers("f") };
        let post_id = w.post(author_id, request).await;
        if n % 13 == 0 {
            w.delete(author_id, post_id).await.unwrap();
        } else {
            all.insert(0, PostRef { post_id, author_id, ..PostRef::default() });
        }
    }
    let everyone: Vec<i64> = (1..=200).collect();
    assert_eq!(refs(&w, &everyone, 0, 1_000).await, all);
    assert_eq!(refs(&w, &everyone, 0, 0).await, all[..20]);
    assert_eq!(refs(&w, &everyone, all[9].post_id, 7).await, all[10..17]);
    let some: Vec<PostRef> = all.iter().filter(|r| [2, 5].contains(&r.author_id)).copied().collect();
    assert_eq!(refs(&w, &[5, 2, 2, 5, 5], 0, 1_000).await, some);
    assert_eq!(refs(&w, &[77], 0, 10).await, []);
    assert_eq!(w.graph.calls(), 0);
}

#[tokio::test]
async fn list_post_refs_is_for_services_and_ends_in_time() {
    let w = World::new().await;
    let request = ListPostRefsRequest {
        author_ids: (1..=5_000).collect(),
        before_id: 0,
        page_size: 5_000,
        include_reposts: true,
    };
    assert!(w.posts.list_post_refs(&user(1), request.clone()).await.unwrap_err().is(reason::PERMISSION_DENIED));
    assert!(w.posts.list_post_refs(&service(), request.clone()).await.is_ok());
    let late = Cx::new(Caller::service("feeds"), Instant::now() + Duration::from_micros(50));
    assert!(w.posts.list_post_refs(&late, request).await.unwrap_err().is(reason::DEADLINE_EXCEEDED));
}
