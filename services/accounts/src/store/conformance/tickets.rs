//! Tickets: asked for, sent, brought back.

use plaza_core::{AccountId, Error, reason};
use plaza_proto::accounts::v1::{EmailChanged, MailRequested, PasswordChanged};

use super::{Bench, credential, cx, gone, request};
use crate::domain::ticket::{Effect, NewTicket, Noted, Purpose, Redemption, Reset, Ticket};
use crate::domain::{Change, Credential, Edit, Email, Handle, HandleEdit, Login, NewAccount};
use crate::store::Written;

const GOOD_MS: i64 = 1_000;

fn new_ticket(b: &Bench, id: i64, purpose: Purpose, email: &str) -> NewTicket {
    let now = b.env.now();
    NewTicket { id, purpose, email: Email::new(email), at: now, expires_at: now.plus_ms(GOOD_MS) }
}

async fn ask_verification(b: &Bench, account: AccountId, id: i64, email: &str) {
    let ticket = new_ticket(b, id, Purpose::VerifyEmail, email);
    b.store.change(&cx(), Change::new(account, Edit::Mail(ticket), b.env.now())).await.unwrap();
}

async fn ask_reset(b: &Bench, id: i64, email: &str) {
    let ticket = new_ticket(b, id, Purpose::ResetPassword, email);
    let not_since = b.env.now().plus_ms(-10);
    b.store.request_reset(&cx(), Reset { ticket, not_since }).await.unwrap();
}

fn redemption(b: &Bench, account: AccountId, ticket: i64, effect: Effect) -> Redemption {
    Redemption { account, ticket, effect, at: b.env.now() }
}

async fn verify(b: &Bench, account: AccountId, ticket: i64) -> Result<Written<()>, Error> {
    b.store.redeem(&cx(), redemption(b, account, ticket, Effect::VerifyEmail)).await
}

async fn set_password(b: &Bench, account: AccountId, ticket: i64, phc: &str) -> Result<Written<()>, Error> {
    let effect = Effect::SetPassword(Credential::new(phc.to_owned()));
    b.store.redeem(&cx(), redemption(b, account, ticket, effect)).await
}

async fn unsent(b: &Bench, account: AccountId) -> Vec<Ticket> {
    b.store.unsent(&cx(), account).await.unwrap()
}

pub(crate) async fn a_ticket_for_an_address_makes_it_the_accounts_once(b: Bench) {
    let id = b.created("ada").await;
    let account = || async { b.store.get(&cx(), id).await.unwrap().unwrap() };
    assert!(verify(&b, id, 1).await.unwrap_err().is(reason::TOKEN_INVALID), "never asked for");
    ask_verification(&b, id, 1, "Ada@New.example").await;
    assert_eq!((account().await.email.as_str(), account().await.version), ("ada@Example.org", 1), "not yet");
    ask_verification(&b, id, 2, "ada@newer.example").await;
    assert!(verify(&b, id, 1).await.unwrap_err().is(reason::TOKEN_INVALID), "there is a newer one");
    assert!(set_password(&b, id, 2, "$").await.unwrap_err().is(reason::TOKEN_INVALID), "not what it is good for");
    assert!(verify(&b, AccountId(5), 2).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    let once = redemption(&b, id, 2, Effect::VerifyEmail);
    assert_eq!(b.store.recall_redeemed(&request(0, 1, 1)).await.unwrap(), None);
    let written = b.store.redeem(&request(0, 1, 1), once.clone()).await.unwrap();
    assert_eq!(b.store.redeem(&request(0, 1, 1), once).await.unwrap(), written);
    assert_eq!(b.store.recall_redeemed(&request(0, 1, 1)).await.unwrap(), Some(written));
    let now = account().await;
    assert_eq!((now.email.as_str(), now.email_verified, now.version), ("ada@newer.example", true, 2));
    assert_eq!(b.store.credential(&cx(), &Login::parse("ADA@newer.example")).await.unwrap().unwrap().0, id);
    assert!(b.store.credential(&cx(), &Login::parse("ada@example.org")).await.unwrap().is_none());
    assert!(verify(&b, id, 2).await.unwrap_err().is(reason::TOKEN_INVALID), "it works once");
    ask_verification(&b, id, 3, "ada@late.example").await;
    b.clock.advance(GOOD_MS);
    assert!(verify(&b, id, 3).await.unwrap_err().is(reason::TOKEN_INVALID), "its time is over");
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 1);
    let events = b.events().await;
    assert_eq!(events[1].decode::<MailRequested>().unwrap().unwrap().account_id, id.get());
    assert_eq!(events[3].decode::<EmailChanged>().unwrap().unwrap().account_id, id.get());
    assert_eq!(events.len(), 5, "what was refused has no event");
}

pub(crate) async fn an_address_that_another_has_by_then_is_not_given_twice(b: Bench) {
    let (ada, bob) = (b.created("ada").await, b.created("bob").await);
    ask_verification(&b, ada, 1, "BOB@example.org").await;
    assert!(verify(&b, ada, 1).await.unwrap_err().is(reason::EMAIL_TAKEN));
    let account = b.store.get(&cx(), ada).await.unwrap().unwrap();
    assert_eq!((account.email.as_str(), account.email_verified), ("ada@Example.org", false));
    b.store.delete(&cx(), gone(bob)).await.unwrap();
    verify(&b, ada, 1).await.expect("a refusal does not use the ticket up");
    let taken = NewAccount { email: Email::new("bob@example.org"), ..b.new_account("carol") };
    assert!(b.refused(taken).await.is(reason::EMAIL_TAKEN));
    let free = NewAccount { email: Email::new("ada@example.org"), ..b.new_account("carol") };
    b.store.create(&cx(), free, credential()).await.unwrap();
}

pub(crate) async fn a_reset_goes_to_whoever_has_the_address_and_says_nothing(b: Bench) {
    let id = b.created("ada").await;
    let ticket = new_ticket(&b, 1, Purpose::ResetPassword, "nobody@example.org");
    let nobodys = || Reset { ticket: ticket.clone(), not_since: b.env.now() };
    for email in ["nobody@example.org", "ada", "", "ada\0@example.org"] {
        ask_reset(&b, 1, email).await;
    }
    b.store.request_reset(&request(0, 1, 1), nobodys()).await.unwrap();
    b.store.request_reset(&request(0, 1, 1), nobodys()).await.unwrap();
    let reused = b.store.request_reset(&request(0, 1, 2), nobodys()).await.unwrap_err();
    assert!(reused.is(reason::REQUEST_ID_REUSED), "remembered, though nobody has it");
    assert_eq!((b.events().await.len(), unsent(&b, id).await.len()), (1, 0));

    ask_reset(&b, 2, "ADA@example.org").await;
    b.clock.advance(9);
    ask_reset(&b, 3, "ada@example.org").await;
    assert_eq!(unsent(&b, id).await.iter().map(|ticket| ticket.id).collect::<Vec<_>>(), [2], "too soon for another");
    b.clock.advance(1);
    ask_reset(&b, 4, "ada@example.org").await;
    assert!(set_password(&b, id, 2, "$late").await.unwrap_err().is(reason::TOKEN_INVALID));
    set_password(&b, id, 4, "$new").await.unwrap();
    assert!(set_password(&b, id, 4, "$again").await.unwrap_err().is(reason::TOKEN_INVALID));
    assert_eq!(b.store.credential_of(&cx(), id).await.unwrap().unwrap().phc(), "$new");
    assert!(b.store.get(&cx(), id).await.unwrap().unwrap().email_verified, "they read mail there");
    let told = b.events().await.pop().unwrap().decode::<PasswordChanged>().unwrap().unwrap();
    assert_eq!(told, PasswordChanged { account_id: id.get(), end_sessions: true, keep_session_id: 0 });

    // Sent to an address that is the account's no more.
    b.clock.advance(10);
    ask_reset(&b, 5, "ada@example.org").await;
    ask_verification(&b, id, 6, "ada@new.example").await;
    verify(&b, id, 6).await.unwrap();
    assert!(set_password(&b, id, 5, "$late").await.unwrap_err().is(reason::TOKEN_INVALID));
}

pub(crate) async fn what_is_to_be_sent_is_there_until_it_is_noted(b: Bench) {
    let id = b.created("ada").await;
    ask_verification(&b, id, 1, "ada@new.example").await;
    ask_reset(&b, 2, "ada@example.org").await;
    let both = unsent(&b, id).await;
    let facts: Vec<_> = both.iter().map(|t| (t.account, t.id, t.purpose, t.email.as_str(), t.attempts)).collect();
    let expected =
        [(id, 1, Purpose::VerifyEmail, "ada@new.example", 0), (id, 2, Purpose::ResetPassword, "ada@example.org", 0)];
    assert_eq!(facts, expected);
    b.store.note_mail(&cx(), &both[0], Noted::Done).await.unwrap();
    b.store.note_mail(&cx(), &both[1], Noted::PutOff(b.env.now().plus_ms(10))).await.unwrap();
    assert!(unsent(&b, id).await.is_empty(), "it waits");
    b.clock.advance(10);
    let left = unsent(&b, id).await;
    assert_eq!((left.len(), left[0].id, left[0].attempts), (1, 2, 1));
    // A newer one is not what was sent.
    ask_verification(&b, id, 3, "ada@newer.example").await;
    b.store.note_mail(&cx(), &both[0], Noted::Done).await.unwrap();
    assert_eq!(unsent(&b, id).await.iter().map(|ticket| ticket.id).collect::<Vec<_>>(), [3, 2]);
    verify(&b, id, 3).await.unwrap();
    b.clock.advance(GOOD_MS);
    assert!(unsent(&b, id).await.is_empty(), "its time is over");
    ask_verification(&b, id, 7, "ada@last.example").await;
    b.store.delete(&cx(), gone(id)).await.unwrap();
    assert!(unsent(&b, id).await.is_empty(), "an address goes with its account");
}

pub(crate) async fn what_is_kept_of_an_account_is_told_until_its_time_is_over(b: Bench) {
    let (ada, bob) = (b.created("zoe").await, b.created("bob").await);
    let to = |handle: &str| {
        let (handle, now) = (Handle::parse(handle).unwrap(), b.env.now());
        let edit = HandleEdit { handle, keep_until: now.plus_ms(GOOD_MS), max_kept: 3 };
        Change::new(ada, Edit::Handle(edit), now)
    };
    for handle in ["Ada_1", "ada_2"] {
        b.store.change(&cx(), to(handle)).await.unwrap();
        b.clock.advance(1);
    }
    ask_verification(&b, ada, 1, "ada@new.example").await;
    ask_reset(&b, 2, "zoe@example.org").await;
    let told = async |id| {
        let kept = b.store.kept(&cx(), id).await.unwrap();
        let tickets: Vec<i64> = kept.tickets.iter().map(|ticket| ticket.id).collect();
        (kept.handles.into_iter().map(|kept| kept.handle).collect::<Vec<_>>(), tickets)
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(told(ada).await, (names(&["ada_1", "zoe"]), vec![1, 2]));
    assert_eq!(told(bob).await, (names(&[]), vec![]));
    let ticket = unsent(&b, ada).await.remove(0);
    b.store.note_mail(&cx(), &ticket, Noted::Done).await.unwrap();
    assert_eq!(told(ada).await.1, [1, 2], "it can still come back");
    b.clock.advance(GOOD_MS - 2);
    assert_eq!(told(ada).await, (names(&["ada_1"]), vec![1, 2]));
    b.clock.advance(2);
    assert_eq!(told(ada).await, (names(&[]), vec![]));
}

pub(crate) async fn what_was_put_off_is_taken_by_one_when_its_time_has_come(b: Bench) {
    let mut waiting = Vec::new();
    for (n, handle) in (0_i64..).zip(["ada", "bob", "cid", "dan"]) {
        let account = b.created(handle).await;
        ask_verification(&b, account, n, &format!("{handle}@new.example")).await;
        let ticket = unsent(&b, account).await.remove(0);
        b.store.note_mail(&cx(), &ticket, Noted::PutOff(b.env.now().plus_ms(10 - n))).await.unwrap();
        waiting.push(ticket);
    }
    ask_verification(&b, b.created("eve").await, 9, "eve@new.example").await;
    b.store.note_mail(&cx(), &waiting[3], Noted::Done).await.unwrap();
    let take = async |limit| {
        let taken = b.store.take_put_off(&cx(), limit).await.unwrap();
        let mut taken: Vec<(i64, i64)> = taken.iter().map(|ticket| (ticket.id, ticket.attempts)).collect();
        taken.sort_unstable();
        taken
    };
    assert_eq!(take(9).await, [], "not yet");
    b.clock.advance(9);
    assert_eq!(take(9).await, [(1, 1), (2, 1)]);
    b.clock.advance(1);
    assert_eq!(take(9).await, [(0, 1)], "the others are somebody's");
    assert!(unsent(&b, waiting[0].account).await.is_empty(), "also for the projection");
    b.store.note_mail(&cx(), &waiting[0], Noted::Done).await.unwrap();
    // Whoever took the others died, and their tickets' time is over before that of being kept.
    b.clock.advance(60_000);
    assert_eq!(take(9).await, []);
    for ticket in [5, 6] {
        ask_verification(&b, waiting[0].account, ticket, "ada@last.example").await;
        let ticket = unsent(&b, waiting[0].account).await.remove(0);
        b.store.note_mail(&cx(), &ticket, Noted::PutOff(b.env.now().plus_ms(1))).await.unwrap();
    }
    b.clock.advance(1);
    assert_eq!(take(9).await, [(6, 1)], "a new ticket begins anew");
}
