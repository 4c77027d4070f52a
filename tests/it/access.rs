//! Who may call what, walked from the descriptors.

use futures::StreamExt as _;
use plaza_core::Code;
use plaza_proto::accounts::v1::{
    ChangeEmailRequest, ChangeHandleRequest, ChangePasswordRequest, DeactivateAccountRequest, DeleteAccountRequest,
    ExportAccountRequest, GetPreferencesRequest, Preferences, ReactivateAccountRequest,
    RequestEmailVerificationRequest, UpdatePreferencesRequest, UpdateProfileRequest,
};
use plaza_proto::feeds::v1::RebuildFeedRequest;
use plaza_proto::graph::v1::{
    AddListMembersRequest, CreateListRequest, DeleteListRequest, ListFollowingRequest, RemoveListMembersRequest,
    UpdateListRequest,
};
use plaza_proto::posts::v1::{
    CreateDraftRequest, DeleteDraftRequest, DeletePostRequest, EditPostRequest, GetDraftRequest, NewPost,
    PinPostRequest, PublishDraftRequest, RestorePostRequest, UnpinPostRequest, UpdateDraftRequest,
};
use plaza_proto::sessions::v1::{
    CreateAppPasswordRequest, ListSessionsRequest, RevokeAppPasswordRequest, RevokeSessionRequest, Scope,
};
use plaza_rpc::Auth;
use plaza_testkit::person::{PASSWORD, request_id};
use plaza_testkit::{Person, Sandbox, Shape};

#[test]
fn every_method_says_who_may_call_it_and_every_mutation_has_a_request_id() {
    let pool = plaza_proto::pool();
    let auth = pool.get_extension_by_name("plaza.options.v1.auth").expect("the option");
    let mutation = pool.get_extension_by_name("plaza.options.v1.mutation").expect("the option");
    let mut methods = 0;
    for method in pool.services().flat_map(|s| s.methods().collect::<Vec<_>>()) {
        let options = method.options();
        let said = options.has_extension(&auth).then(|| options.get_extension(&auth).as_enum_number()).flatten();
        assert!(said.is_some_and(|n| n != 0), "{} does not say who may call it", method.full_name());
        let changes = options.get_extension(&mutation).as_bool().unwrap_or_default();
        let has_id = method.input().get_field_by_name("request_id").is_some();
        assert_eq!(changes, has_id, "{}: mutations have a request_id, others none", method.full_name());
        methods += 1;
    }
    assert_eq!(methods, plaza_proto::methods().count(), "the generated table lists every method");
}

/// Calls the owner-only method named with what belongs to `owner`, as `caller`.
async fn call_owners(method: &str, owner: &Person, caller: &Person) -> Result<(), plaza_core::Error> {
    let account_id = owner.id();
    let request_id = request_id();
    match method {
        "UpdateProfile" => {
            let account = Some(plaza_proto::accounts::v1::Account::default());
            let update_mask = Some(prost_types::FieldMask { paths: vec!["bio".to_owned()] });
            let request = UpdateProfileRequest { request_id, account_id, account, update_mask, etag: String::new() };
            caller.call(request).await.map(drop)
        }
        "ChangeHandle" => {
            let handle = format!("h{}", caller.id() % 1_000_000);
            caller.call(ChangeHandleRequest { request_id, account_id, handle }).await.map(drop)
        }
        "ChangePassword" => {
            let (old_password, new_password) = (PASSWORD.to_owned(), PASSWORD.to_owned());
            let end_other_sessions = false;
            let request =
                ChangePasswordRequest { request_id, account_id, old_password, new_password, end_other_sessions };
            caller.call(request).await.map(drop)
        }
        "ChangeEmail" => {
            let (email, password) = (format!("c{}@example.org", caller.id()), PASSWORD.to_owned());
            caller.call(ChangeEmailRequest { request_id, account_id, email, password }).await.map(drop)
        }
        "RequestEmailVerification" => {
            caller.call(RequestEmailVerificationRequest { request_id, account_id }).await.map(drop)
        }
        "DeactivateAccount" => caller.call(DeactivateAccountRequest { request_id, account_id }).await.map(drop),
        "ReactivateAccount" => caller.call(ReactivateAccountRequest { request_id, account_id }).await.map(drop),
        "ExportAccount" => {
            let request = ExportAccountRequest { account_id, resume_token: String::new() };
            let first = caller.stream(request).await?.next().await;
            first.expect("an answer").map(drop)
        }
        "GetPreferences" => caller.call(GetPreferencesRequest { account_id }).await.map(drop),
        "UpdatePreferences" => {
            let update_mask = Some(prost_types::FieldMask { paths: vec!["protected".to_owned()] });
            let preferences = Some(Preferences::default());
            caller.call(UpdatePreferencesRequest { request_id, account_id, preferences, update_mask }).await.map(drop)
        }
        "DeleteAccount" => caller.call(DeleteAccountRequest { request_id, account_id }).await.map(drop),
        "RevokeSession" => {
            let sessions = owner.call(ListSessionsRequest::default()).await?.message.sessions;
            let request = RevokeSessionRequest { request_id, session_id: sessions[0].session_id };
            caller.call(request).await.map(drop)
        }
        "UpdateList" | "DeleteList" | "AddListMembers" | "RemoveListMembers" => call_list(method, owner, caller).await,
        "EditPost" | "PinPost" | "UnpinPost" | "RestorePost" | "DeletePost" => call_post(method, owner, caller).await,
        "GetDraft" | "UpdateDraft" | "DeleteDraft" | "PublishDraft" => call_draft(method, owner, caller).await,
        "RevokeAppPassword" => {
            let (name, scopes) = ("bot".to_owned(), vec![Scope::Read.into()]);
            let password = PASSWORD.to_owned();
            let request = CreateAppPasswordRequest { request_id: request_id.clone(), name, scopes, password };
            let made = owner.call(request).await?;
            let app_password_id = made.message.app_password.unwrap_or_default().app_password_id;
            let request_id = plaza_testkit::person::request_id();
            caller.call(RevokeAppPasswordRequest { request_id, app_password_id }).await.map(drop)
        }
        "RebuildFeed" => caller.call(RebuildFeedRequest { request_id, account_id }).await.map(drop),
        other => panic!("{other} is for owners only: say here how to call it"),
    }
}

/// The same for what is done to a post.
async fn call_post(method: &str, owner: &Person, caller: &Person) -> Result<(), plaza_core::Error> {
    let post_id = owner.post("mine").await?.0.post_id;
    if method == "RestorePost" {
        owner.call(DeletePostRequest { request_id: request_id(), post_id }).await?;
    }
    let request_id = request_id();
    match method {
        "EditPost" => {
            let text = "changed".to_owned();
            caller.call(EditPostRequest { request_id, post_id, text, ..EditPostRequest::default() }).await.map(drop)
        }
        "PinPost" => caller.call(PinPostRequest { request_id, post_id }).await.map(drop),
        "UnpinPost" => caller.call(UnpinPostRequest { request_id, post_id }).await.map(drop),
        "RestorePost" => caller.call(RestorePostRequest { request_id, post_id }).await.map(drop),
        _ => caller.call(DeletePostRequest { request_id, post_id }).await.map(drop),
    }
}

/// The same for what is done to a draft.
async fn call_draft(method: &str, owner: &Person, caller: &Person) -> Result<(), plaza_core::Error> {
    let post = Some(NewPost { text: "a draft".to_owned(), ..NewPost::default() });
    let create = CreateDraftRequest { request_id: request_id(), post: post.clone(), publish_time: None };
    let draft_id = owner.call(create).await?.message.draft_id;
    let request_id = request_id();
    match method {
        "GetDraft" => caller.call(GetDraftRequest { draft_id }).await.map(drop),
        "UpdateDraft" => {
            let request = UpdateDraftRequest { request_id, draft_id, post, publish_time: None };
            caller.call(request).await.map(drop)
        }
        "DeleteDraft" => caller.call(DeleteDraftRequest { request_id, draft_id }).await.map(drop),
        _ => caller.call(PublishDraftRequest { request_id, draft_id }).await.map(drop),
    }
}

/// The same for what is done to a list.
async fn call_list(method: &str, owner: &Person, caller: &Person) -> Result<(), plaza_core::Error> {
    let create = CreateListRequest { request_id: request_id(), name: "friends".to_owned(), ..Default::default() };
    let list_id = owner.call(create).await?.message.list.unwrap_or_default().list_id;
    let following = ListFollowingRequest { account_id: owner.id(), ..Default::default() };
    let following = owner.call(following).await?.message.following;
    let (request_id, account_ids) = (request_id(), following.iter().map(|edge| edge.account_id).collect());
    match method {
        "UpdateList" => {
            let name = "close friends".to_owned();
            let request = UpdateListRequest { request_id, list_id, name, public: false, exclusive: true };
            caller.call(request).await.map(drop)
        }
        "DeleteList" => caller.call(DeleteListRequest { request_id, list_id }).await.map(drop),
        "AddListMembers" => caller.call(AddListMembersRequest { request_id, list_id, account_ids }).await.map(drop),
        _ => caller.call(RemoveListMembersRequest { request_id, list_id, account_ids }).await.map(drop),
    }
}

#[tokio::test]
async fn nobody_gets_at_what_is_another_owners() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let (ada, mallory) = (guest.join("ada").await, guest.join("mallory").await);
    ada.follow(&mallory).await.expect("follow");
    let owners: Vec<&str> = plaza_proto::methods().filter(|m| m.auth == Auth::Owner).map(|m| m.name).collect();
    assert!(owners.len() >= 5, "{owners:?}");
    for method in &owners {
        let refused = call_owners(method, &ada, &mallory).await.expect_err(method);
        assert!(matches!(refused.code(), Code::PermissionDenied | Code::NotFound), "{method}: {refused}");
    }
    // The same calls work for the owner, so that it was not the request that was refused. Those that end things last.
    let (ending, others): (Vec<&str>, Vec<&str>) =
        owners.into_iter().partition(|m| matches!(*m, "DeleteAccount" | "RevokeSession"));
    for method in others {
        call_owners(method, &ada, &ada).await.unwrap_or_else(|e| panic!("{method}: {e}"));
    }
    for method in ending {
        let owner = guest.join(&format!("o_{method}")).await;
        call_owners(method, &owner, &owner).await.unwrap_or_else(|e| panic!("{method}: {e}"));
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn methods_of_services_and_operators_refuse_people_and_guests() {
    let sandbox = Sandbox::start(Shape::OneProcess).await;
    let guest = sandbox.guest();
    let ada = guest.join("ada").await;
    for method in plaza_proto::methods().filter(|m| matches!(m.auth, Auth::Service | Auth::Admin)) {
        for bearer in [None, Some(ada.tokens.access_token.as_str())] {
            let refused = super::bad_input::raw(&sandbox, method.path, bearer, Vec::new()).await;
            let refused = refused.expect_err(method.path);
            let expected = [Code::PermissionDenied, Code::Unauthenticated];
            assert!(expected.contains(&refused.code()), "{}: {refused}", method.path);
        }
    }
    for method in plaza_proto::methods().filter(|m| matches!(m.auth, Auth::User | Auth::Owner)) {
        let refused = super::bad_input::raw(&sandbox, method.path, None, Vec::new()).await;
        assert_eq!(refused.expect_err(method.path).code(), Code::Unauthenticated, "{}", method.path);
    }
    sandbox.stop().await;
}
