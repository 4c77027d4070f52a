//! Every rule, generated.

use plaza_core::reason;
use plaza_rpc::{Check, Violations};

use crate::sample::*;
use crate::world::{both, nobody};

fn good() -> CheckAllRequest {
    CheckAllRequest {
        name: "näme".to_owned(),
        must_colour: Colour::Red.into(),
        ids: vec![1, 2],
        inner: Some(Inner::default()),
        choice: Some(check_all_request::Choice::Number(1)),
        time: Some(prost_types::Timestamp::default()),
        must: Some(0),
        ..CheckAllRequest::default()
    }
}

/// The broken rules, as `field: description`.
fn broken(change: impl FnOnce(&mut CheckAllRequest)) -> Vec<String> {
    let mut request = good();
    change(&mut request);
    let mut out = Violations::default();
    request.check("", &mut out);
    let error = out.into_result().err();
    error
        .map(|e| e.violations().iter().map(|v| format!("{}: {}", v.field, v.description)).collect())
        .unwrap_or_default()
}

#[track_caller]
fn one(change: impl FnOnce(&mut CheckAllRequest), expected: &str) {
    assert_eq!(broken(change), [expected]);
}

fn inner(label: &str) -> Inner {
    Inner { label: label.to_owned(), ..Inner::default() }
}

#[test]
fn what_keeps_the_rules_passes() {
    assert_eq!(broken(|_| {}), [""; 0]);
    assert_eq!(broken(|r| r.email = Some("ada@example.com".to_owned())), [""; 0]);
    assert_eq!(broken(|r| (r.handle, r.kind) = ("a\"b".to_owned(), "b".to_owned())), [""; 0]);
    assert_eq!(broken(|r| r.colour = 4), [""; 0]);
    assert_eq!(broken(|r| r.big = u64::MAX - 1), [""; 0]);
}

#[test]
fn texts() {
    one(|r| r.name.clear(), "name: must not be empty");
    one(|r| r.name = "é".to_owned(), "name: must have at least 2 characters");
    one(|r| r.name = "abcde".to_owned(), "name: must have at most 4 characters");
    assert_eq!(broken(|r| r.name = "éééé".to_owned()), [""; 0]);
    one(|r| r.handle = "A".to_owned(), "handle: must match `^[a-z\"]+$`");
    one(|r| r.email = Some(String::new()), "email: must be an e-mail address, such as `ada@example.com`");
    one(|r| r.kind = "c".to_owned(), "kind: must be one of \"a\", \"b\"");
    one(|r| r.short = "ééé".to_owned(), "short: must have at most 4 bytes of UTF-8");
    one(|r| r.r#type = "ab".to_owned(), "type: must have at most 1 characters");
    one(|r| r.raw = vec![1, 2, 3], "raw: must have at most 2 bytes");
}

#[test]
fn numbers_and_enums() {
    one(|r| r.page = -1, "page: must be at least 0");
    one(|r| r.page = 10, "page: must be less than 10");
    one(|r| r.big = u64::MAX, "big: must be at most 18446744073709551614");
    one(|r| r.odd = 4, "odd: must not be one of 2, 4");
    one(|r| r.colour = 2, "colour: must be one of the enum's values");
    one(|r| r.must_colour = 0, "must_colour: must not be empty");
    one(|r| r.must = None, "must: must be set");
    one(|r| r.must = Some(5), "must: must be less than 5");
}

#[test]
fn lists_and_maps() {
    one(|r| r.ids.clear(), "ids: must hold at least 1");
    one(|r| r.ids = vec![3, 4, 3], "ids: must not hold anything twice");
    assert_eq!(broken(|r| r.ids = vec![1, 0, 2, -1]), ["ids[1]: must be more than 0", "ids[3]: must be more than 0"]);
    let labels = ["a", "b", "c"].map(|key| (key.to_owned(), String::new()));
    one(|r| r.labels = labels.into(), "labels: must hold at most 2");
}

#[test]
fn messages_and_oneofs() {
    one(|r| r.inner = None, "inner: must be set");
    one(|r| r.time = None, "time: must be set");
    one(|r| r.choice = None, "choice: must be set to one of its choices");
    one(|r| r.choice = Some(check_all_request::Choice::Number(0)), "number: must be more than 0");
    one(
        |r| r.choice = Some(check_all_request::Choice::Text("long".to_owned())),
        "text: must have at most 3 characters",
    );
    one(
        |r| r.choice = Some(check_all_request::Choice::Chosen(inner("long"))),
        "chosen.label: must have at most 2 characters",
    );
    let deep = Inner { deep: Some(inner::Deep { depth: 0 }), ..Inner::default() };
    let nested = Inner { inner: Some(Box::new(deep)), ..Inner::default() };
    one(|r| r.inner = Some(nested), "inner.inner.deep.depth: must be more than 0");
    one(|r| r.inners = vec![inner(""), inner("abc")], "inners[1].label: must have at most 2 characters");
    one(|r| r.inners = vec![inner("abc"); 4], "inners: must hold at most 3");
}

#[tokio::test]
async fn ten_thousand_items_are_one_violation() {
    both(|_, client| async move {
        let request = CheckAllRequest { ids: vec![0; 10_000], ..good() };
        let error = client.check_all(&nobody(), request).await.unwrap_err();
        assert!(error.is(reason::INVALID_FIELDS));
        let violations = error.violations();
        assert_eq!((violations.len(), &*violations[0].field), (1, "ids"));
        assert_eq!(violations[0].description, "must hold at most 100");
    })
    .await;
}

#[tokio::test]
async fn violations_are_bounded() {
    both(|_, client| async move {
        let request = CheckAllRequest { ids: (-100..0).collect(), ..good() };
        let error = client.check_all(&nobody(), request).await.unwrap_err();
        assert_eq!(error.violations().len(), Violations::MAX);
    })
    .await;
}
