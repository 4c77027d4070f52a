//! What was erased of accounts that are gone.

use plaza_core::{AccountId, reason};
use plaza_proto::accounts::v1::ErasureReported;

use super::{Bench, cx, gone, request};
use crate::domain::erasure::{Receipt, Report};

fn report(b: &Bench, account: AccountId, service: &str, kinds: &[&str]) -> Report {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    Report { account, service: service.to_owned(), kinds, at: b.env.now() }
}

pub(crate) async fn a_receipt_holds_the_first_report_of_each_service(b: Bench) {
    let id = b.created("ada").await;
    let early = b.store.report_erasure(&cx(), report(&b, id, "posts", &["posts"])).await.unwrap_err();
    assert!(early.is(reason::ACCOUNT_NOT_FOUND), "it is there");
    let none = |account, deleted_at| Receipt { account, deleted_at, reports: Vec::new() };
    assert_eq!(b.store.receipt(&cx(), id).await.unwrap(), none(id, None));
    b.store.delete(&cx(), gone(id)).await.unwrap();
    let deleted_at = Some(b.env.now().0);
    assert_eq!(b.store.receipt(&cx(), id).await.unwrap(), none(id, deleted_at));
    b.clock.advance(5);
    let posts = report(&b, id, "posts", &["posts", "likes"]);
    let written = b.store.report_erasure(&request(0, 1, 1), posts.clone()).await.unwrap();
    assert_eq!(b.store.report_erasure(&request(0, 1, 1), posts.clone()).await.unwrap(), written);
    b.clock.advance(5);
    b.store.report_erasure(&cx(), report(&b, id, "posts", &["other"])).await.unwrap();
    let graph = report(&b, id, "graph", &[]);
    b.store.report_erasure(&cx(), graph.clone()).await.unwrap();
    let receipt = b.store.receipt(&cx(), id).await.unwrap();
    assert_eq!(receipt, Receipt { account: id, deleted_at, reports: vec![posts, graph] });
    assert!(!receipt.is_complete(), "sessions and feeds are missing");
    b.store.report_erasure(&cx(), report(&b, id, "feeds", &["read positions"])).await.unwrap();
    b.store.report_erasure(&cx(), report(&b, id, "sessions", &["sessions"])).await.unwrap();
    assert!(b.store.receipt(&cx(), id).await.unwrap().is_complete());
    let last = b.events().await.pop().unwrap();
    assert_eq!(last.decode::<ErasureReported>().unwrap().unwrap().account_id, id.get());
    let nobody = b.store.report_erasure(&cx(), report(&b, AccountId(5), "posts", &[])).await.unwrap_err();
    assert!(nobody.is(reason::ACCOUNT_NOT_FOUND));
    assert_eq!(b.store.receipt(&cx(), AccountId(5)).await.unwrap(), none(AccountId(5), None));
}
