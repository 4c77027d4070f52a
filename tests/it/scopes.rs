//! What a session of an app password may call, over every method there is.

use plaza_core::reason;
use plaza_proto::sessions::v1::{CreateAppPasswordRequest, Scope as Named, SignInRequest};
use plaza_rpc::{Auth, Method, Scope};
use plaza_testkit::person::{PASSWORD, request_id};
use plaza_testkit::{Person, Sandbox, Shape};

/// The rule, in the words of the docs.
fn by_rule(method: &Method) -> Option<Scope> {
    let changes = method.mutation;
    match method.service.split('.').nth(1) {
        _ if matches!(method.auth, Auth::Service | Auth::Admin) => None,
        // Settings of the account, and who is signed in: nothing of that is for programs.
        Some("accounts" | "sessions") => (method.auth == Auth::Public && !changes).then_some(Scope::Read),
        Some("graph") if changes => Some(Scope::Follow),
        _ if changes => Some(Scope::Write),
        _ => Some(Scope::Read),
    }
}

#[test]
fn every_method_needs_the_scope_of_the_rule_unless_it_says_another() {
    let pool = plaza_proto::pool();
    let option = pool.get_extension_by_name("plaza.options.v1.app_scope").expect("the option");
    for method in plaza_proto::methods() {
        let service = pool.get_service_by_name(method.service).expect("a service");
        let descriptor = service.methods().find(|m| m.name() == method.name).expect("a method");
        if !descriptor.options().has_extension(&option) {
            assert_eq!(method.app_scope, by_rule(method), "{}", method.path);
        }
    }
    let scope_of = |name: &str| plaza_proto::methods().find(|m| m.name == name).expect(name).app_scope;
    for (name, scope) in [
        ("GetHomeFeed", Some(Scope::Read)),
        ("GetAccount", Some(Scope::Read)),
        ("CreatePost", Some(Scope::Write)),
        ("Follow", Some(Scope::Follow)),
        ("Block", Some(Scope::Follow)),
        ("DeleteAccount", None),
        ("GetPreferences", None),
        ("CreateAppPassword", None),
        ("SignOutEverywhere", None),
        ("RefreshSession", None),
    ] {
        assert_eq!(scope_of(name), scope, "{name}");
    }
}

/// An access token of an app password with these scopes.
async fn app_token(sandbox: &Sandbox, owner: &Person, scopes: &[Named]) -> String {
    let (name, scopes) = ("bot".to_owned(), scopes.iter().map(|scope| (*scope).into()).collect());
    let request = CreateAppPasswordRequest { request_id: request_id(), name, scopes, password: PASSWORD.to_owned() };
    let password = owner.call(request).await.expect("an app password").message.password;
    let (login, device_name) = (owner.account.handle.clone(), "bot".to_owned());
    let request = SignInRequest { request_id: request_id(), login, password, device_name };
    sandbox.guest().call(request).await.expect("sign in").message.tokens.expect("tokens").access_token
}

#[tokio::test]
async fn a_session_of_an_app_password_is_kept_to_its_scopes_at_every_method() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let ada = sandbox.guest().join("ada").await;
    for (named, scope) in [(Named::Read, Scope::Read), (Named::Write, Scope::Write), (Named::Follow, Scope::Follow)] {
        let token = app_token(&sandbox, &ada, &[named]).await;
        for method in plaza_proto::methods() {
            let answer = super::bad_input::raw(&sandbox, method.path, Some(&token), Vec::new()).await;
            let refused = answer.is_err_and(|error| error.is(reason::SCOPE_MISSING));
            assert_eq!(refused, method.app_scope != Some(scope), "{scope:?} calls {}", method.path);
        }
    }
    sandbox.stop().await;
}
