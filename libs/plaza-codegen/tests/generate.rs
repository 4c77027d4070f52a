//! What the generator refuses, and what it writes.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use plaza_codegen::Builder;

/// Generates from one `.proto` file with `body` in package `plaza.things.v1`. Answers the problems or the package's code.
fn generate(body: &str) -> Result<String, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("in/plaza/things/v1/things.proto");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let head = "syntax = \"proto3\"; package plaza.things.v1;
        import \"buf/validate/validate.proto\"; import \"plaza/options/v1/options.proto\";";
    fs::write(&file, format!("{head}\n{body}")).unwrap();
    let standard = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let (input, out): (PathBuf, PathBuf) = (dir.path().join("in"), dir.path().join("out"));
    let builder = Builder::new(&out).include(standard).include(&input).tree(&input);
    builder.compile().map_err(|problems| problems.to_string())?;
    Ok(fs::read_to_string(out.join("plaza.things.v1.rs")).unwrap())
}

/// A service with one method `Do` that has these options, and its request with these fields.
fn one(options: &str, fields: &str) -> String {
    format!(
        "service Things {{ rpc Do(DoRequest) returns (DoResponse) {{ {options} }} }}
        enum Kind {{ KIND_UNSPECIFIED = 0; }}
        message Other {{ string name = 1 [(buf.validate.field).string.max_len = 1]; }}
        message DoRequest {{ {fields} }}
        message DoResponse {{}}"
    )
}

const PUBLIC: &str = "option (plaza.options.v1.auth) = AUTH_PUBLIC;";
const MUTATION: &str = "option (plaza.options.v1.auth) = AUTH_PUBLIC; option (plaza.options.v1.mutation) = true;";
const OWNER: &str = "option (plaza.options.v1.auth) = AUTH_OWNER; option (plaza.options.v1.owner_field) = \"id\";";

#[track_caller]
fn refused(body: &str, expected: &str) {
    let problems = generate(body).expect_err("it should be refused");
    assert!(problems.contains(expected), "expected `{expected}` in: {problems}");
}

#[test]
fn a_method_must_say_who_may_call_it() {
    refused(&one("", ""), "plaza.things.v1.Things.Do: no (plaza.options.v1.auth)");
    refused(&one("option (plaza.options.v1.auth) = AUTH_UNSPECIFIED;", ""), "Do: no (plaza.options.v1.auth)");
}

#[test]
fn a_mutation_needs_a_required_uuid() {
    let expected = "plaza.things.v1.Things.Do: a mutation's request needs";
    let rule = "[(buf.validate.field).string.uuid = true]";
    refused(&one(MUTATION, ""), expected);
    refused(&one(MUTATION, "string request_id = 1;"), expected);
    refused(&one(MUTATION, &format!("optional string request_id = 1 {rule};")), expected);
    refused(
        &one(MUTATION, &format!("repeated string request_id = 1 {};", rule.replace("string", "repeated.items.string"))),
        expected,
    );
    let skipped = "[(buf.validate.field).string.uuid = true, (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE]";
    refused(&one(MUTATION, &format!("string request_id = 1 {skipped};")), expected);
    generate(&one(MUTATION, &format!("string request_id = 1 {rule};"))).unwrap();
}

#[test]
fn an_owner_field_must_be_an_account_id() {
    let expected = "owner_field `id` is no plain int64 field";
    refused(&one(OWNER, ""), expected);
    refused(&one(OWNER, "string id = 1;"), expected);
    refused(&one(OWNER, "repeated int64 id = 1;"), expected);
    refused(&one(&OWNER.replace("OWNER", "USER"), "int64 id = 1;"), "owner_field goes with AUTH_OWNER only");
    generate(&one(OWNER, "int64 id = 1;")).unwrap();
}

#[test]
fn a_cost_is_between_1_and_20() {
    for cost in [0, 21] {
        let options = format!("{PUBLIC} option (plaza.options.v1.cost) = {cost};");
        refused(&one(&options, ""), &format!("plaza.things.v1.Things.Do: a cost of {cost}; it can be 1 to 20"));
    }
}

#[test]
fn rules_that_would_not_be_checked_are_refused() {
    let field = |field: &str| one(PUBLIC, field);
    refused(&field("string a = 1 [(buf.validate.field).string.hostname = true];"), "hostname");
    refused(&field("float a = 1 [(buf.validate.field).float.gt = 1];"), "float");
    refused(&field("int64 a = 1 [(buf.validate.field).int32.gt = 1];"), "`int32` rules are not for this field's type");
    refused(&field("repeated int64 a = 1 [(buf.validate.field).int64.gt = 1];"), "rules are not for this field's type");
    refused(&field("sint32 a = 1 [(buf.validate.field).int32.gt = 1];"), "rules are not for this field's type");
    refused(&field("string a = 1 [(buf.validate.field).string.pattern = \"(\"];"), "the pattern does not compile");
    refused(&field("map<string, Other> a = 1;"), "a map of plaza.things.v1.Other, which has rules");
    refused(
        &field("oneof o { string a = 1 [(buf.validate.field).required = true]; }"),
        "`required` on a oneof's member",
    );
    refused(
        &field("repeated Kind a = 1 [(buf.validate.field).repeated.items = {required: true}];"),
        "the generator does not know `items.required`",
    );
}

#[test]
fn a_rule_that_is_switched_off_is_fine() {
    let code = generate(&one(PUBLIC, "string a = 1 [(buf.validate.field).string.uuid = false];")).unwrap();
    assert!(!code.contains("is_uuid"));
}

#[test]
fn requests_belong_to_one_method_and_clients_do_not_stream() {
    let shared = "service Things {
            rpc A(R) returns (R) { option (plaza.options.v1.auth) = AUTH_PUBLIC; }
            rpc B(R) returns (R) { option (plaza.options.v1.auth) = AUTH_PUBLIC; }
            rpc C(stream S) returns (R) { option (plaza.options.v1.auth) = AUTH_PUBLIC; }
        }
        message R {} message S {}";
    refused(shared, "plaza.things.v1.Things.B: plaza.things.v1.R is the request of another RPC");
    refused(shared, "plaza.things.v1.Things.C: client streaming is not supported");
}

#[test]
fn all_problems_come_in_one_list() {
    let problems = generate(&one("", "int64 a = 1 [(buf.validate.field).string.len = 1];")).unwrap_err();
    assert!(problems.starts_with("the .proto files do not fit (2):\n"), "{problems}");
    assert_eq!(problems.lines().count(), 3);
}

#[test]
fn a_service_becomes_trait_entry_server_client_and_table() {
    let body = "// Keeps things.
        service Things {
            // Does it.
            rpc DoIt(DoItRequest) returns (DoItResponse) { option (plaza.options.v1.auth) = AUTH_USER; }
            // Streams it.
            rpc WatchIt(WatchItRequest) returns (stream WatchItResponse) {
                option (plaza.options.v1.auth) = AUTH_ADMIN;
                option (plaza.options.v1.cost) = 5;
                option (plaza.options.v1.strict_limit) = true;
            }
        }
        message DoItRequest {} message DoItResponse {} message WatchItRequest {} message WatchItResponse {}";
    let code = generate(body).unwrap();
    for expected in [
        "/// Keeps things.\n#[::plaza_rpc::codegen::async_trait]\npub trait Things: Send + Sync + 'static {",
        "/// Does it.\n    async fn do_it(",
        ") -> ::plaza_rpc::Result<DoItResponse> {",
        "::plaza_rpc::codegen::not_served()",
        ") -> ::plaza_rpc::Result<::plaza_rpc::Stream<WatchItResponse>> {",
        "pub struct ThingsEntry",
        "pub struct ThingsServer",
        "pub struct ThingsClient",
        "path: \"/plaza.things.v1.Things/WatchIt\"",
        "auth: ::plaza_rpc::Auth::Admin",
        "cost: 1,",
        "cost: 5,",
        "strict_limit: true",
        "app_scope: Some(::plaza_rpc::Scope::Read)",
        "app_scope: None",
        "impl ::plaza_rpc::Check for DoItRequest",
    ] {
        assert!(code.contains(expected), "no `{expected}` in:\n{code}");
    }
    assert!(!code.contains("impl ::plaza_rpc::Check for DoItResponse"), "answers are not checked");
}

#[test]
fn what_an_app_password_needs_follows_from_the_service_unless_the_method_says_it() {
    let mutation = format!("{MUTATION} $");
    let fields =
        "string request_id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.uuid = true];";
    let user = "option (plaza.options.v1.auth) = AUTH_USER; $";
    for (service, options, fields, expected) in [
        ("", user, "", "Some(::plaza_rpc::Scope::Read)"),
        ("", &mutation, fields, "Some(::plaza_rpc::Scope::Write)"),
        ("FOLLOW", user, "", "Some(::plaza_rpc::Scope::Read)"),
        ("FOLLOW", &mutation, fields, "Some(::plaza_rpc::Scope::Follow)"),
        ("NEVER", user, "", "None"),
        ("NEVER", &mutation, fields, "None"),
        ("NEVER", PUBLIC, "", "Some(::plaza_rpc::Scope::Read)"),
        (
            "NEVER",
            "option (plaza.options.v1.auth) = AUTH_USER; option (plaza.options.v1.app_scope) = APP_SCOPE_READ;",
            "",
            "Some(::plaza_rpc::Scope::Read)",
        ),
    ] {
        let of_service = match service {
            "" => String::new(),
            scope => format!("service Things {{ option (plaza.options.v1.service_app_scope) = APP_SCOPE_{scope};"),
        };
        let mut body = one(&options.replace('$', ""), fields);
        if !service.is_empty() {
            body = body.replacen("service Things {", &of_service, 1);
        }
        let code = generate(&body).unwrap();
        assert!(code.contains(&format!("app_scope: {expected}")), "{service} {options}: no {expected} in:\n{code}");
    }
}
