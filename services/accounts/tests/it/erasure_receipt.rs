use plaza_accounts::Config;
use plaza_core::reason;
use plaza_proto::accounts::v1::*;

use crate::world::{World, guest, request_id, said, service, user};

fn report(n: u128, account_id: i64, name: &str, kinds: &[&str]) -> ReportErasureRequest {
    let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    ReportErasureRequest { request_id: request_id(n), account_id, service: name.to_owned(), kinds }
}

async fn delete(w: &World, id: i64) -> String {
    let request = DeleteAccountRequest { request_id: request_id(100), account_id: id };
    w.client.delete_account(&user(id), request).await.unwrap().receipt_token
}

async fn receipt(w: &World, receipt_token: &str) -> plaza_core::Result<GetErasureReceiptResponse> {
    let request = GetErasureReceiptRequest { receipt_token: receipt_token.to_owned() };
    w.client.get_erasure_receipt(&guest(), request).await
}

#[tokio::test]
async fn get_erasure_receipt_tells_what_each_service_erased_and_when() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let token = delete(&w, id).await;
    let first = receipt(&w, &token).await.unwrap();
    assert_eq!((first.account_id, first.delete_time.unwrap().seconds, first.complete), (id, 1_800_000_000, false));
    assert_eq!((first.erasures.len(), first.erasures[0].service.as_str()), (1, "accounts"));
    assert!(first.erasures[0].kinds.contains(&"password".to_owned()));
    for (n, name) in [(1, "graph"), (2, "posts"), (3, "sessions"), (4, "feeds")] {
        assert!(!receipt(&w, &token).await.unwrap().complete);
        w.clock.advance(1_000);
        w.client.report_erasure(&service(), report(n, id, name, &["follows", "blocks"])).await.unwrap();
    }
    let all = receipt(&w, &token).await.unwrap();
    let told: Vec<_> = all.erasures.iter().map(|e| (e.service.as_str(), e.erase_time.unwrap().seconds)).collect();
    let at = |s: i64| 1_800_000_000 + s;
    let expected = [("accounts", at(0)), ("graph", at(1)), ("posts", at(2)), ("sessions", at(3)), ("feeds", at(4))];
    assert_eq!(told, expected);
    assert_eq!((all.complete, &all.erasures[1].kinds[..]), (true, &["follows".to_owned(), "blocks".to_owned()][..]));
    assert_eq!(delete(&w, id).await, token, "the same request, the same answer");
}

#[tokio::test]
async fn get_erasure_receipt_is_for_who_holds_its_token() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let token = delete(&w, id).await;
    for bad in ["AAAA", "%%%", &token[1..], &token.to_uppercase()] {
        assert_eq!(said(&receipt(&w, bad).await.unwrap_err()), ("TOKEN_INVALID", "receipt_token"), "{bad}");
    }
    for bad in ["", &"A".repeat(101)] {
        assert_eq!(said(&receipt(&w, bad).await.unwrap_err()), ("INVALID_FIELDS", "receipt_token"));
    }
}

#[tokio::test]
async fn get_erasure_receipt_waits_with_the_deletion() {
    let w = World::with(Config { delete_after_days: 1, ..Config::ephemeral() }).await;
    let id = w.join("ada").await.account_id;
    let token = delete(&w, id).await;
    let waiting = receipt(&w, &token).await.unwrap();
    assert_eq!(waiting, GetErasureReceiptResponse { account_id: id, ..GetErasureReceiptResponse::default() });
    w.clock.advance(86_400_000);
    w.app.maintain(&service()).await.unwrap();
    assert_eq!(receipt(&w, &token).await.unwrap().erasures.len(), 1);
}

#[tokio::test]
async fn report_erasure_is_for_services_and_for_accounts_that_are_gone() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    for (cx, reason) in [(guest(), reason::CREDENTIALS_MISSING), (user(id), reason::PERMISSION_DENIED)] {
        assert!(w.client.report_erasure(&cx, report(1, id, "posts", &[])).await.unwrap_err().is(reason));
    }
    let living = w.client.report_erasure(&service(), report(2, id, "posts", &[])).await.unwrap_err();
    assert!(living.is(reason::ACCOUNT_NOT_FOUND));
    delete(&w, id).await;
    let many = vec!["a"; 33];
    for (n, (name, kinds, field)) in (3..).zip([
        ("", &[][..], "service"),
        ("Posts", &[][..], "service"),
        ("posts", &["two\nlines"][..], "kinds[0]"),
        ("posts", &many[..], "kinds"),
    ]) {
        let error = w.client.report_erasure(&service(), report(n, id, name, kinds)).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", field), "{name}");
    }
    w.client.report_erasure(&service(), report(9, id, "posts", &["likes"])).await.unwrap();
    w.client.report_erasure(&service(), report(9, id, "posts", &["likes"])).await.unwrap();
    let other = w.client.report_erasure(&service(), report(9, id, "posts", &["posts"])).await.unwrap_err();
    assert!(other.is(reason::REQUEST_ID_REUSED));
}
