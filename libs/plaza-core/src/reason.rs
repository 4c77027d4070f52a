//! The catalogue of error reasons: `ErrorInfo.reason` is always one of these, its domain always [`DOMAIN`].
//!
//! `docs/errors.md` lists them; a test holds the two together.

use crate::Code;

/// `ErrorInfo.domain` of every error.
pub const DOMAIN: &str = "plaza";

/// One reason of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// UPPER_SNAKE_CASE, stable: clients match on it.
    pub name: &'static str,
    /// The code that always goes with it.
    pub code: Code,
    /// What it means and what to do, for people.
    pub help: &'static str,
}

macro_rules! reasons {
    ($($name:ident: $code:ident, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $name: Reason = Reason { name: stringify!($name), code: Code::$code, help: $help };
        )*
        /// Every reason there is.
        pub const ALL: &[Reason] = &[$($name),*];
    };
}

reasons! {
    // the frame
    INVALID_FIELDS: InvalidArgument, "some fields are not valid; see the field violations";
    MALFORMED_REQUEST: InvalidArgument, "the body is not a valid message of this method's request type";
    MESSAGE_TOO_LARGE: ResourceExhausted, "the message is over the size limit; send less at once";
    PAGE_TOKEN_INVALID: InvalidArgument, "the page token was not made for this list and caller; start from the first page";
    REQUEST_ID_REUSED: InvalidArgument, "this request_id was used for another request; take a new UUID for each new request";
    REQUEST_IN_FLIGHT: Aborted, "a call with this request_id is still running; retry with the same id";
    CREDENTIALS_MISSING: Unauthenticated, "sign in and send the access token as `authorization: Bearer …`";
    CREDENTIALS_INVALID: Unauthenticated, "the access token is not valid here; sign in again";
    CREDENTIALS_EXPIRED: Unauthenticated, "the access token has expired; refresh the session";
    SESSION_REVOKED: Unauthenticated, "the session was ended; sign in again";
    PERMISSION_DENIED: PermissionDenied, "the caller may not do this";
    SCOPE_MISSING: PermissionDenied, "the app password may not do this; use one with the scope, or sign in with the password";
    DEADLINE_EXCEEDED: DeadlineExceeded, "time ran out before the call was done; it may or may not have had its effect";
    OVERLOADED: ResourceExhausted, "too much work is waiting; retry with back-off";
    RATE_LIMITED: ResourceExhausted, "too many calls of one caller; retry after the time told, and less often";
    SHUTTING_DOWN: Unavailable, "the server is going down; retry on another";
    PEER_UNAVAILABLE: Unavailable, "a service that this call needs does not answer; retry with back-off";
    STORE_UNAVAILABLE: Unavailable, "the store behind this call does not answer; retry with back-off";
    WRITE_CONFLICT: Aborted, "the write met another one at the same rows; retry";
    METHOD_UNKNOWN: Unimplemented, "there is no such method";
    SERVICE_UNKNOWN: NotFound, "this process serves no service of this name";
    CANCELLED: Cancelled, "the caller went away";
    INTERNAL: Internal, "something broke on our side; the details are in our log under the trace id";
    ID_CLASH: Aborted, "a fresh id was taken already; retry";

    // accounts
    ACCOUNT_NOT_FOUND: NotFound, "there is no such account";
    HANDLE_TAKEN: AlreadyExists, "this handle belongs to somebody; choose another";
    EMAIL_TAKEN: AlreadyExists, "an account with this e-mail address exists; sign in instead";
    HANDLE_RESERVED: InvalidArgument, "this handle is reserved; choose another";
    ETAG_MISMATCH: Aborted, "the profile has changed since it was read; read it again and reapply";
    MASK_INVALID: InvalidArgument, "the update mask names a field that cannot be set";
    TOO_MANY_HANDLES: ResourceExhausted, "too many handles that the account gave up are kept for it; take one back, or wait";
    PASSWORD_WRONG: PermissionDenied, "this is not the account's password";
    TOKEN_INVALID: InvalidArgument, "the token is not valid, was used, or has expired; ask for a new one";
    MAIL_OFF: FailedPrecondition, "this platform sends no mail; its operator can set `accounts.mailer`";
    EXPORT_OFF: FailedPrecondition, "accounts does not know all services here; its operator can set `peers`";
    SIGN_IN_AGAIN: FailedPrecondition, "this takes a session that was opened a short while ago; sign in again";

    // sessions
    SIGN_IN_FAILED: Unauthenticated, "no account has this login and password";
    TOO_MANY_GUESSES: ResourceExhausted, "too many wrong passwords or codes; retry after the time told";
    APP_PASSWORD_NOT_FOUND: NotFound, "there is no such app password of this account";
    TOO_MANY_APP_PASSWORDS: FailedPrecondition, "the account has as many app passwords as it may have; revoke one";
    CHALLENGE_INVALID: Unauthenticated, "the challenge of the sign-in is not valid any more; sign in again";
    CODE_INVALID: InvalidArgument, "the code is wrong or was used; take the newest one";
    SECOND_FACTOR_ACTIVE: FailedPrecondition, "the account has a second factor; disable it first";
    SECOND_FACTOR_NOT_FOUND: FailedPrecondition, "the account has no such second factor; begin to set one up";
    SESSION_NOT_FOUND: NotFound, "there is no such session of this account";
    REFRESH_TOKEN_INVALID: Unauthenticated, "the refresh token is not valid; sign in again";
    REFRESH_TOKEN_REUSED: Unauthenticated, "a used refresh token came back, so its session was ended; sign in again";

    // graph
    SELF_RELATION: InvalidArgument, "an account cannot follow, block or mute itself";
    LIMIT_REACHED: FailedPrecondition, "the account has as many of these as it may; the limit is told; remove some first";
    FOLLOW_REQUEST_NOT_FOUND: NotFound, "this account does not wait for an answer; it may have taken its request back";
    LIST_NOT_FOUND: NotFound, "there is no such list, or it is not the caller's to see or to change";
    NOT_FOLLOWED: FailedPrecondition, "only accounts that the list's owner follows can be on it; follow this one first";
    BLOCKED: PermissionDenied, "one of the two accounts blocks the other";

    // posts
    POST_NOT_FOUND: NotFound, "there is no such post, or the caller may not see it";
    REPLY_TARGET_NOT_FOUND: NotFound, "the post to reply to does not exist, or the caller may not see it";
    POST_NOT_RESTORABLE: NotFound, "the caller deleted no such post, or too long ago to bring it back";
    TOO_MANY_EDITS: FailedPrecondition, "the post was edited as often as a post can be";
    TOO_MANY_PINS: FailedPrecondition, "as many posts are pinned as can be; unpin one first";
    DRAFT_NOT_FOUND: NotFound, "the caller has no such draft; it may be published by now";
    TOO_MANY_DRAFTS: FailedPrecondition, "as many drafts are kept as can be; publish or delete one first";
    POLL_NOT_FOUND: NotFound, "this post asks for no votes";
    POLL_CLOSED: FailedPrecondition, "the poll has closed and takes no votes any more";
    ALREADY_VOTED: AlreadyExists, "the caller has voted in this poll; a vote cannot be changed";
    POLL_HAS_VOTES: FailedPrecondition, "somebody has voted in the poll, so what the post says cannot be changed any more";
    REPLY_NOT_ALLOWED: PermissionDenied, "the author of the post or of its thread's first post does not want replies of the caller";
    QUOTE_TARGET_NOT_FOUND: NotFound, "the post to quote does not exist, or the caller may not see it";
    QUOTE_NOT_ALLOWED: PermissionDenied, "only public posts whose authors allow it can be quoted by others";
    REPOST_NOT_ALLOWED: PermissionDenied, "only public posts can be reposted";

    // projections
    PROJECTION_NOT_FOUND: NotFound, "no projection of this name runs in this process; list them";
    DEAD_LETTER_NOT_FOUND: NotFound, "there is no such dead letter; list them";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `InvalidArgument` as gRPC writes it: `INVALID_ARGUMENT`.
    fn grpc_name(code: Code) -> String {
        let mut name = String::new();
        for c in format!("{code:?}").chars() {
            if c.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(c.to_ascii_uppercase());
        }
        name
    }

    #[test]
    fn the_docs_list_exactly_the_reasons_there_are() {
        let docs = include_str!("../../../docs/errors.md");
        let told: Vec<&str> = docs.lines().filter(|line| line.starts_with("| `")).collect();
        let row = |r: &Reason| format!("| `{}` | `{}` | {} |", r.name, grpc_name(r.code), r.help);
        let real: Vec<String> = ALL.iter().map(row).collect();
        assert_eq!(told, real, "change docs/errors.md to match the catalogue");
    }
}
