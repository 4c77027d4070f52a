//! `accounts-mail`: sends what accounts have asked for by mail, at least once.
//!
//! What is to be sent stands in the store until it is noted as sent; an event says that there is something. A server that is
//! away is waited for until the ticket has expired. One that puts a mail off is asked again a few times, later, and the mails
//! behind that one go out meanwhile.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, Result, reason};
use plaza_events::{Digest, Event, Projection};
use plaza_proto::accounts::v1::MailRequested;

use crate::SOURCE;
use crate::domain::ticket::{Noted, Ticket};
use crate::mailer::{Letter, Letters, Mailer, Unsent};
use crate::store::AccountStore;
use crate::tokens::Tokens;

/// How often a mail is offered that the server puts off.
const ATTEMPTS: u32 = 10;
/// How long after the first time it is offered again, in milliseconds; after each next time twice as long as before.
const FIRST_WAIT_MS: i64 = 60_000;
/// How many mails that were put off are offered again at once.
const AGAIN_AT_ONCE: usize = 20;

/// Sends mails.
pub(crate) struct Mails {
    pub(crate) env: Env,
    /// The engine: what was asked for just now must be there.
    pub(crate) store: Arc<dyn AccountStore>,
    pub(crate) mailer: Arc<dyn Mailer>,
    pub(crate) letters: Letters,
    pub(crate) tokens: Tokens,
}

impl Mails {
    /// Offers a bounded number of mails again that were put off, of those whose time has come; returns how many.
    ///
    /// # Errors
    /// The store's. A server that is away is asked another time.
    pub(crate) async fn send_again(&self, cx: &Cx) -> Result<usize> {
        let tickets = self.store.take_put_off(cx, AGAIN_AT_ONCE).await?;
        for ticket in &tickets {
            let Some(account) = self.store.get(cx, ticket.account).await? else { continue };
            match self.send(cx, &account.handle, ticket).await {
                Ok(()) => {}
                Err(error) if error.is(reason::PEER_UNAVAILABLE) => {
                    tracing::warn!(%error, "mails that were put off wait on");
                    return Ok(0);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(tickets.len())
    }

    async fn send(&self, cx: &Cx, handle: &str, ticket: &Ticket) -> Result<()> {
        let token = self.tokens.seal(ticket.purpose, ticket.account, ticket.id);
        let letter = Letter { ticket, handle, token: &token, now: self.env.now() };
        let name = format!("{}-{}", ticket.account, ticket.id);
        let sent = match self.letters.write(letter) {
            Ok(mail) => self.mailer.send(cx, &name, &mail).await,
            Err(why) => Err(Unsent::Refused(why)),
        };
        let account = ticket.account.get();
        match (sent, wait_ms(ticket)) {
            (Ok(()), _) => self.store.note_mail(cx, ticket, Noted::Done).await,
            (Err(Unsent::Unreachable(why)), _) => {
                Err(Error::new(reason::PEER_UNAVAILABLE).message(format!("mail cannot be sent: {why}")))
            }
            (Err(Unsent::PutOff(why)), Some(wait)) => {
                tracing::info!(account, purpose = ?ticket.purpose, why, "a mail was put off");
                self.store.note_mail(cx, ticket, Noted::PutOff(self.env.now().plus_ms(wait))).await
            }
            (Err(Unsent::PutOff(why) | Unsent::Refused(why)), _) => {
                tracing::warn!(account, purpose = ?ticket.purpose, why, "a mail is given up");
                self.store.note_mail(cx, ticket, Noted::Done).await
            }
        }
    }
}

/// How long a mail waits that was put off once more; `None` if it is not offered again.
fn wait_ms(ticket: &Ticket) -> Option<i64> {
    let before = u32::try_from(ticket.attempts).ok().filter(|before| before + 1 < ATTEMPTS)?;
    Some(FIRST_WAIT_MS << before)
}

#[async_trait]
impl Projection for Mails {
    fn name(&self) -> &'static str {
        "accounts-mail"
    }

    fn sources(&self) -> &[&'static str] {
        &[SOURCE]
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        event.is::<MailRequested>().then_some(event.aggregate_id).into_iter().collect()
    }

    async fn project(&self, cx: &Cx, keys: &[i64]) -> Result<()> {
        for id in keys.iter().copied().map(AccountId) {
            let tickets = self.store.unsent(cx, id).await?;
            if tickets.is_empty() {
                continue;
            }
            let Some(account) = self.store.get(cx, id).await? else { continue };
            for ticket in tickets {
                self.send(cx, &account.handle, &ticket).await?;
            }
        }
        Ok(())
    }

    async fn scan_truth(&self, _: &Cx, _: i64, _: usize) -> Result<Vec<(i64, Digest)>> {
        // Mail that has gone out cannot be compared with anything, nor made again.
        Ok(Vec::new())
    }

    async fn digests(&self, _: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        Ok(vec![None; keys.len()])
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use parking_lot::Mutex;
    use plaza_core::{ManualClock, Secret, Timestamp};
    use plaza_stores::StoreAddress;

    use super::*;
    use crate::domain::ticket::{NewTicket, Purpose};
    use crate::domain::{Change, Credential, Edit, Email, Handle, NewAccount};
    use crate::store::SqliteAccounts;

    /// Answers what it is told to, and keeps what it was handed.
    #[derive(Default)]
    struct Told {
        answer: Mutex<Option<Unsent>>,
        offered: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Mailer for Told {
        async fn send(&self, _: &Cx, name: &str, _: &lettre::Message) -> std::result::Result<(), Unsent> {
            self.offered.lock().push(name.to_owned());
            self.answer.lock().clone().map_or(Ok(()), Err)
        }
    }

    fn cx() -> Cx {
        Cx::background("test", Duration::from_secs(10))
    }

    /// A projection with one mail to send within a day, for the account 7.
    async fn mails(email: &str) -> (Mails, Arc<Told>, Arc<ManualClock>) {
        let clock = ManualClock::new(Timestamp(1_000));
        let env = Env::manual(clock.clone(), 7);
        let store: Arc<dyn AccountStore> =
            Arc::new(SqliteAccounts::open(&StoreAddress::Memory, env.clone(), Arc::new(|_| ())).unwrap());
        let (handle, at) = (Handle::parse("ada").unwrap(), env.now());
        let account =
            NewAccount { id: AccountId(7), handle, email: Email::new("a@b.example"), display_name: String::new(), at };
        store.create(&cx(), account, Credential::new("$".to_owned())).await.unwrap();
        let (purpose, email) = (Purpose::VerifyEmail, Email::new(email));
        let ticket = NewTicket { id: 9, purpose, email, at, expires_at: at.plus_ms(86_400_000) };
        store.change(&cx(), Change::new(AccountId(7), Edit::Mail(ticket), at)).await.unwrap();
        let told = Arc::<Told>::default();
        let letters = Letters { from: "no@example.org".parse().unwrap(), public_url: None };
        let tokens = Tokens::new(&Secret::new([1; 32]));
        (Mails { env, store, mailer: told.clone(), letters, tokens }, told, clock)
    }

    async fn is_waiting(mails: &Mails) -> bool {
        !mails.store.unsent(&cx(), AccountId(7)).await.unwrap().is_empty()
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_waited_for() {
        let (mails, told, _) = mails("ada@example.org").await;
        *told.answer.lock() = Some(Unsent::Unreachable("away".to_owned()));
        for _ in 0..20 {
            assert!(mails.project(&cx(), &[7]).await.unwrap_err().is_transient());
        }
        assert!(is_waiting(&mails).await);
        *told.answer.lock() = None;
        mails.project(&cx(), &[7, 8]).await.unwrap();
        mails.project(&cx(), &[7]).await.unwrap();
        let offered = told.offered.lock().clone();
        assert_eq!((offered.len(), offered[0].as_str()), (21, "7-9"));
    }

    #[tokio::test]
    async fn a_mail_that_is_put_off_is_offered_again_later_and_holds_up_no_other() {
        let (mails, told, clock) = mails("ada@example.org").await;
        *told.answer.lock() = Some(Unsent::PutOff("later".to_owned()));
        mails.project(&cx(), &[7]).await.expect("what is behind it goes on");
        let (mut wait, offered) = (60_000, || told.offered.lock().len());
        for attempt in 1..10 {
            // Neither an event that comes again nor upkeep offers it before its time.
            clock.advance(wait - 1);
            mails.project(&cx(), &[7]).await.unwrap();
            assert_eq!((mails.send_again(&cx()).await.unwrap(), offered()), (0, attempt));
            clock.advance(1);
            assert_eq!((mails.send_again(&cx()).await.unwrap(), offered()), (1, attempt + 1));
            wait *= 2;
        }
        clock.advance(wait);
        assert!(!is_waiting(&mails).await);
        assert_eq!((mails.send_again(&cx()).await.unwrap(), offered()), (0, 10), "it is given up");
    }

    #[tokio::test]
    async fn a_mail_that_was_put_off_goes_out_once_it_is_taken() {
        let (mails, told, clock) = mails("ada@example.org").await;
        *told.answer.lock() = Some(Unsent::PutOff("later".to_owned()));
        mails.project(&cx(), &[7]).await.unwrap();
        clock.advance(60_000);
        // A server that is away does not count as one that put it off.
        *told.answer.lock() = Some(Unsent::Unreachable("away".to_owned()));
        assert_eq!(mails.send_again(&cx()).await.unwrap(), 0);
        *told.answer.lock() = None;
        assert_eq!(mails.send_again(&cx()).await.unwrap(), 0, "it is asked in a minute");
        clock.advance(60_000);
        assert_eq!(mails.send_again(&cx()).await.unwrap(), 1);
        clock.advance(60_000);
        assert_eq!((mails.send_again(&cx()).await.unwrap(), told.offered.lock().len()), (0, 3));
    }

    #[tokio::test]
    async fn a_mail_that_is_refused_is_offered_once() {
        let (mails, told, _) = mails("ada@example.org").await;
        *told.answer.lock() = Some(Unsent::Refused("nobody".to_owned()));
        mails.project(&cx(), &[7]).await.unwrap();
        assert!(!is_waiting(&mails).await);
        // An address that cannot stand in a mail is never offered.
        let (mails, told, _) = self::mails("nobody").await;
        mails.project(&cx(), &[7]).await.unwrap();
        assert!(!is_waiting(&mails).await && told.offered.lock().is_empty());
    }
}
