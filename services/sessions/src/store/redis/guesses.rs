//! Counts of guesses in Redis. A count's key expires a while after its last guess.

use async_trait::async_trait;
use fred::types::Value;
use plaza_core::{Cx, Result, Timestamp};

use super::{RedisSessions, scripts, text};
use crate::domain::{FIRST_WAIT_MS, Guess, Guessed, LONGEST_WAIT_MS, Subject};
use crate::store::{GuessStore, Notice, too_many_guesses};

#[async_trait]
impl GuessStore for RedisSessions {
    async fn guess(&self, cx: &Cx, guess: Guess) -> Result<Timestamp> {
        let now = self.env.now();
        let mut args: Vec<Value> =
            vec![now.0.into(), self.rules.guess_ms.into(), FIRST_WAIT_MS.into(), LONGEST_WAIT_MS.into()];
        for subject in [Some(guess.at), guess.from].into_iter().flatten() {
            args.extend([key(Some(subject)), subject.free.into()]);
        }
        match self.redis.run::<i64>(cx, &scripts::GUESS, &self.script(args)).await? {
            0 => Ok(now),
            wait => Err(too_many_guesses(wait)),
        }
    }

    async fn guessed(&self, cx: &Cx, guess: Guess, at: Timestamp, outcome: Guessed) -> Result<()> {
        let (said, account, event) = match outcome {
            Guessed::Right(account) => ("right", Some(account), Value::from("")),
            Guessed::Wrong(id, account) => ("wrong", Some(account), self.notice(cx, id, Notice::Limited)),
            Guessed::Unseen => ("unseen", None, Value::from("")),
            Guessed::Nobody => return Ok(()),
        };
        let mut args = vec![self.now(), self.rules.guess_ms.into(), said.into(), at.0.into()];
        args.extend([Some(guess.at), account, guess.from].map(key));
        args.extend([account.map_or(0, |account| account.free).into(), event, self.floor()]);
        self.redis.run::<i64>(cx, &scripts::GUESSED, &self.script(args)).await?;
        self.told.announce();
        Ok(())
    }
}

fn key(subject: Option<Subject>) -> Value {
    subject.map(|subject| text::hex(&subject.key)).unwrap_or_default().into()
}
