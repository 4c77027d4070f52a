//! For each method a request that it would accept.

use plaza_testkit::Person;
use plaza_testkit::person::{PASSWORD, request_id};
use serde_json::{Value, json};

/// A request that the method would accept, as JSON; `n` makes what must be unique so.
pub(crate) fn valid(method: &str, me: &Person, other: &Person, post: i64, n: usize) -> Value {
    let (me, other) = (me.id(), other.id());
    let found = accounts(method, me, other, n)
        .or_else(|| sessions(method))
        .or_else(|| graph(method, other))
        .or_else(|| posts(method, post, other))
        .or_else(|| feeds(method, me, other));
    found.unwrap_or_else(|| panic!("say here what a valid {method} is"))
}

/// The same of accounts.
fn accounts(method: &str, me: i64, other: i64, n: usize) -> Option<Value> {
    let id = request_id();
    Some(match method {
        "CreateAccount" => {
            json!({"request_id": id, "handle": format!("fresh_{n}"), "email": format!("f{n}@example.org"), "password": "long enough"})
        }
        "GetAccount" => json!({"account_id": other}),
        "GetAccountByHandle" => json!({"handle": "ben"}),
        "BatchGetAccounts" => json!({"account_ids": [other]}),
        "UpdateProfile" => json!({"request_id": id, "account_id": me, "account": {"bio": "b"}, "update_mask": "bio"}),
        "ChangeHandle" => json!({"request_id": id, "account_id": me, "handle": format!("fresh_{n}")}),
        "ChangePassword" => {
            json!({"request_id": id, "account_id": me, "old_password": "x", "new_password": "long enough"})
        }
        "ChangeEmail" => {
            let email = format!("c{n}@example.org");
            json!({"request_id": id, "account_id": me, "email": email, "password": "correct horse battery"})
        }
        "VerifyEmail" => json!({"request_id": id, "token": "forged"}),
        "RequestPasswordReset" => json!({"request_id": id, "email": format!("nobody{n}@example.org")}),
        "ResetPassword" => json!({"request_id": id, "token": "forged", "new_password": "long enough"}),
        "GetErasureReceipt" => json!({"receipt_token": "forged"}),
        "GetPreferences" | "ExportAccount" => json!({"account_id": me}),
        "UpdatePreferences" => {
            json!({"request_id": id, "account_id": me, "preferences": {"language": "de"}, "update_mask": "language"})
        }
        "RequestEmailVerification" | "DeleteAccount" | "DeactivateAccount" | "ReactivateAccount" => {
            json!({"request_id": id, "account_id": me})
        }
        _ => return None,
    })
}

/// The same of sessions.
fn sessions(method: &str) -> Option<Value> {
    let id = request_id();
    Some(match method {
        "SignIn" => json!({"request_id": id, "login": "ben", "password": "correct horse battery"}),
        "CompleteSignIn" => json!({"request_id": id, "challenge": "forged", "code": "123456"}),
        "BeginTotpSetup" => json!({"request_id": id, "password": PASSWORD}),
        "ConfirmTotp" | "DisableTotp" => json!({"request_id": id, "code": "123456"}),
        "RefreshSession" => json!({"request_id": id, "refresh_token": "forged"}),
        "SignOut" => json!({"request_id": id}),
        "SignOutEverywhere" => json!({"request_id": id, "keep_current": true}),
        "CreateAppPassword" => json!({"request_id": id, "name": "bot", "scopes": ["SCOPE_READ"], "password": PASSWORD}),
        "RevokeAppPassword" => json!({"request_id": id, "app_password_id": 1}),
        "RevokeSession" => json!({"request_id": id, "session_id": 1}),
        "ListSessions" | "GetJwks" | "ListAppPasswords" => json!({}),
        _ => return None,
    })
}

/// The same of graph.
fn graph(method: &str, other: i64) -> Option<Value> {
    let id = request_id();
    Some(match method {
        "BatchGetRelationships" | "BatchGetCounts" | "BatchGetFamiliarFollowers" => {
            json!({"account_ids": [other]})
        }
        "Follow"
        | "Unfollow"
        | "Block"
        | "Unblock"
        | "Mute"
        | "Unmute"
        | "RemoveFollower"
        | "AcceptFollowRequest"
        | "RejectFollowRequest"
        | "CancelFollowRequest"
        | "DismissSuggestion" => {
            json!({"request_id": id, "account_id": other})
        }
        "ListFollowers" | "ListFollowing" | "ListLists" | "ListMutuals" | "GetPath" => {
            json!({"account_id": other})
        }
        "FollowHashtag" | "UnfollowHashtag" => json!({"request_id": id, "hashtag": "rust"}),
        "MuteWord" | "UnmuteWord" => json!({"request_id": id, "word": "cake"}),
        "CreateList" => json!({"request_id": id, "name": "friends"}),
        "UpdateList" => json!({"request_id": id, "list_id": 1, "name": "friends"}),
        "DeleteList" => json!({"request_id": id, "list_id": 1}),
        "AddListMembers" | "RemoveListMembers" => json!({"request_id": id, "list_id": 1, "account_ids": [other]}),
        "GetList" | "ListListMembers" => json!({"list_id": 1}),
        "ListBlocks"
        | "SuggestAccounts"
        | "ListFollowRequests"
        | "ListFollowedHashtags"
        | "ListMutedWords"
        | "ListMutes" => json!({}),
        _ => return None,
    })
}

/// The same of posts.
fn posts(method: &str, post: i64, other: i64) -> Option<Value> {
    let id = request_id();
    Some(match method {
        "CreatePost" => json!({"request_id": id, "text": "fine"}),
        "BatchGetPosts" => json!({"post_ids": [post]}),
        "DeletePost" | "RestorePost" | "PinPost" | "UnpinPost" | "LikePost" | "UnlikePost" | "Repost"
        | "UndoRepost" | "BookmarkPost" | "UnbookmarkPost" => json!({"request_id": id, "post_id": post}),
        "EditPost" => json!({"request_id": id, "post_id": post, "text": "fine"}),
        "ListLikers" | "ListReposters" | "ListQuotes" | "ListRevisions" | "GetThread" | "ListReplies" | "GetPost" => {
            json!({"post_id": post})
        }
        "ListPostsByHashtag" => json!({"hashtag": "rust"}),
        "ListPostsByAuthor" => json!({"author_id": other}),
        "CreateDraft" => json!({"request_id": id, "post": {"text": "fine"}}),
        "UpdateDraft" => json!({"request_id": id, "draft_id": post, "post": {"text": "fine"}}),
        "DeleteDraft" | "PublishDraft" => json!({"request_id": id, "draft_id": post}),
        "VotePoll" => json!({"request_id": id, "post_id": post, "choices": [0]}),
        "GetDraft" => json!({"draft_id": post}),
        "ListBookmarks" | "ListDrafts" => json!({}),
        _ => return None,
    })
}

/// The same of feeds.
fn feeds(method: &str, me: i64, other: i64) -> Option<Value> {
    let id = request_id();
    Some(match method {
        "GetUserFeed" => json!({"account_id": other}),
        "GetHashtagFeed" => json!({"any_of": ["rust"]}),
        "GetListFeed" => json!({"list_id": 1}),
        "RebuildFeed" => json!({"request_id": id, "account_id": me}),
        "GetHomeFeed" | "GetCatchUpFeed" | "StreamHomeFeed" => json!({}),
        "GetReadPosition" => json!({"feed": "FEED_KIND_HOME"}),
        "SetReadPosition" => json!({"request_id": id, "feed": "FEED_KIND_HOME", "place": 1}),
        _ => return None,
    })
}
