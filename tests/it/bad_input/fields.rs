//! From the descriptors: every field of every request is given every kind of wrong value.

use plaza_core::Code;
use plaza_rpc::Auth;
use plaza_testkit::{Sandbox, Shape};
use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::valid::valid;

/// Wrong values for a field, each with a word for it.
fn wrong_values(field: &FieldDescriptor) -> Vec<(&'static str, Value)> {
    if let (true, Kind::Message(of)) = (field.is_list(), field.kind()) {
        let many = vec![Value::Message(DynamicMessage::new(of)); 17];
        return vec![("too many", Value::List(many))];
    }
    if field.is_list() && field.kind() == Kind::String {
        let texts = |text: &str, count| Value::List(vec![Value::String(text.to_owned()); count]);
        return vec![("eleven", texts("a", 11)), ("an empty one", texts("", 1)), ("two words", texts("a b", 1))];
    }
    if field.is_list() {
        if matches!(field.kind(), Kind::Enum(_)) {
            let of = |number, times| Value::List(vec![Value::EnumNumber(number); times]);
            return vec![("none", of(1, 0)), ("twice", of(1, 2)), ("many", of(1, 10_000)), ("undefined", of(99, 1))];
        }
        if field.kind() == Kind::Int32 {
            let lists =
                [("none", vec![]), ("many", vec![Value::I32(1); 10_000]), ("a negative one", vec![Value::I32(-1)])];
            return lists.into_iter().map(|(word, list)| (word, Value::List(list))).collect();
        }
        let (many, negative) = (vec![Value::I64(1); 10_000], vec![Value::I64(1), Value::I64(-1)]);
        let lists = [("none", vec![]), ("ten thousand", many), ("a negative one", negative)];
        return lists.into_iter().map(|(word, list)| (word, Value::List(list))).collect();
    }
    match (field.kind(), field.name()) {
        (Kind::String, name) => wrong_texts(name).into_iter().map(|(word, text)| (word, Value::String(text))).collect(),
        (Kind::Int64, "reply_to_id" | "quote_of_id" | "since_place") => vec![("negative", Value::I64(-1))],
        (Kind::Int64, "duration_seconds") => {
            vec![("negative", Value::I64(-1)), ("the least", Value::I64(i64::MIN)), ("the most", Value::I64(i64::MAX))]
        }
        (Kind::Int64, _) => {
            vec![("zero", Value::I64(0)), ("negative", Value::I64(-1)), ("the least", Value::I64(i64::MIN))]
        }
        (Kind::Int32, "page_size" | "depth") => vec![("negative", Value::I32(-1)), ("the least", Value::I32(i32::MIN))],
        (Kind::Bool, _) => vec![],
        (Kind::Enum(_), _) => vec![("undefined", Value::EnumNumber(99)), ("negative", Value::EnumNumber(-1))],
        (Kind::Message(_), "account" | "preferences" | "scopes" | "update_mask") => vec![],
        // In full in the tests of the service.
        (Kind::Message(_), "poll" | "post" | "publish_time") => vec![],
        (kind, name) => panic!("say here what is wrong for {name} of kind {kind:?}"),
    }
}

/// Wrong values for a text field, each with a word for it.
fn wrong_texts(name: &str) -> Vec<(&'static str, String)> {
    let (empty, control, bidi) = (("empty", ""), ("a control character", "a\u{7}b"), ("bidirectional", "ad\u{202e}a"));
    let (texts, overlong): (Vec<(&'static str, &str)>, usize) = match name {
        "request_id" => (vec![empty, ("no UUID", "abc"), ("near a UUID", "00000000-0000-4000-8000-00000000000g")], 40),
        "page_token" => (vec![("forged", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), ("no base64", "%%%")], 5_000),
        "resume_token" => (vec![("no place", "AAAA"), ("no service", "9.0."), ("forged", "1.0.AAAA")], 513),
        "handle" => (vec![empty, ("with a space", "a b"), bidi, ("Cyrillic", "\u{430}da")], 31),
        "hashtag" => (vec![empty, ("a sign alone", "#"), ("two words", "a b"), ("a digit", "1"), control], 111),
        "word" | "name" => (vec![empty, ("white space", " \u{3000}"), control, bidi, ("two lines", "a\nb")], 101),
        "email" => (vec![empty, ("no @", "ada"), ("two @", "a@b@c")], 300),
        "text" => (vec![empty, ("white space", " \n\u{3000} "), control, bidi, ("a null", "a\0b")], 501),
        "password" | "old_password" => (vec![empty], 129),
        "new_password" => (vec![empty, ("short", "1234567")], 129),
        "device_name" | "display_name" => (vec![control, bidi, ("two lines", "a\nb")], 65),
        "warning" => (vec![control, bidi, ("two lines", "a\nb")], 201),
        "language" => (vec![("a space", "en us"), ("a number", "1"), ("an empty part", "en-")], 36),
        "etag" => (vec![], 65),
        "token" | "receipt_token" => (vec![empty, ("forged", "AAAA"), ("no base64", "%%%")], 101),
        "challenge" | "code" => (vec![empty], 600),
        "login" | "refresh_token" => (vec![empty], 300),
        other => panic!("say here what is wrong for {other}"),
    };
    let texts = texts.into_iter().map(|(word, text)| (word, text.to_owned()));
    texts.chain([("overlong", "a".repeat(overlong))]).collect()
}

pub(crate) fn encode(shape: &MessageDescriptor, request: &serde_json::Value) -> DynamicMessage {
    DynamicMessage::deserialize(shape.clone(), request).expect("a request of this shape")
}

#[tokio::test]
async fn every_field_refuses_every_wrong_value_and_nothing_is_written() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let (ada, ben) = (guest.join("ada").await, guest.join("ben").await);
    let (post, _) = ben.post("to read").await.expect("post");
    let before = sandbox.positions(&ada, &ben).await;
    let mut rows = 0;
    let people = |m: &&plaza_rpc::Method| matches!(m.auth, Auth::Public | Auth::User | Auth::Owner);
    for (n, method) in plaza_proto::methods().filter(people).enumerate() {
        let descriptor = plaza_proto::pool().get_service_by_name(method.service).expect("a service");
        let shape = descriptor.methods().find(|m| m.name() == method.name).expect("a method").input();
        for field in shape.fields() {
            for (word, value) in wrong_values(&field) {
                let mut request = encode(&shape, &valid(method.name, &ada, &ben, post.post_id, n));
                request.set_field(&field, value);
                let what = format!("{} with {}: {word}", method.name, field.name());
                let bearer = Some(ada.tokens.access_token.as_str());
                let answer = super::raw(&sandbox, method.path, bearer, request.encode_to_vec()).await;
                // An owner-only method that names another account is refused before its fields are looked at.
                let owner = method.auth == Auth::Owner && field.name() == "account_id";
                let codes: &[Code] =
                    if owner { &[Code::InvalidArgument, Code::PermissionDenied] } else { &[Code::InvalidArgument] };
                let error = answer.expect_err(&what);
                let blamed = (error.code() == Code::InvalidArgument).then(|| field.name());
                super::assert_refused(&what, &error, codes, blamed);
                rows += 1;
            }
        }
    }
    assert!(rows >= 120, "only {rows} rows");
    assert_eq!(sandbox.positions(&ada, &ben).await, before.next(), "nothing but the probes themselves was written");
    sandbox.stop().await;
}

#[tokio::test]
async fn garbage_bodies_and_unknown_ids_are_never_internal() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let (ada, ben) = (guest.join("ada").await, guest.join("ben").await);
    let bearer = Some(ada.tokens.access_token.as_str());
    for method in plaza_proto::methods() {
        let garbage = super::raw(&sandbox, method.path, bearer, vec![0xff; 32]).await.expect_err(method.path);
        let codes = [Code::InvalidArgument, Code::PermissionDenied];
        super::assert_refused(method.name, &garbage, &codes, None);
    }
    let unknown = 1_i64 << 60;
    let of_posts = ["GetPost", "DeletePost", "LikePost", "UnlikePost", "Repost", "UndoRepost", "BookmarkPost"];
    let of_lists = ["UnbookmarkPost", "ListLikers", "ListReposters", "ListQuotes", "ListRevisions", "GetThread"];
    let of_authors = ["ListReplies", "EditPost", "PinPost", "UnpinPost", "RestorePost"];
    let of_accounts = [
        "GetAccount",
        "Follow",
        "Block",
        "Mute",
        "AcceptFollowRequest",
        "DeleteList",
        "GetList",
        "GetListFeed",
        "RevokeSession",
        "RevokeAppPassword",
    ];
    let of_drafts = ["GetDraft", "UpdateDraft", "DeleteDraft", "PublishDraft", "VotePoll"];
    let of_posts = of_posts.into_iter().chain(of_lists).chain(of_authors).chain(of_drafts);
    for name in of_accounts.into_iter().chain(of_posts) {
        let method = plaza_proto::methods().find(|m| m.name == name).expect(name);
        let descriptor = plaza_proto::pool().get_service_by_name(method.service).expect("a service");
        let shape = descriptor.methods().find(|m| m.name() == name).expect("a method").input();
        let mut request = encode(&shape, &valid(name, &ada, &ben, unknown, 0));
        for field in shape.fields().filter(|f| f.kind() == Kind::Int64 && f.name() != "duration_seconds") {
            request.set_field(&field, Value::I64(unknown));
        }
        let error = super::raw(&sandbox, method.path, bearer, request.encode_to_vec()).await.expect_err(name);
        super::assert_refused(name, &error, &[Code::NotFound], None);
    }
    sandbox.stop().await;
}
