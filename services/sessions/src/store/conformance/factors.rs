//! Second factors.

use futures::future::join_all;
use plaza_core::{AccountId, Cx, Error, reason};
use plaza_proto::sessions::v1::{RecoveryCodeUsed, SecondFactorChanged};

use super::{ADA, BOB, Bench, cx, request};
use crate::domain::{ALL_RECOVERY, Challenge, Code, Factor, KNOWN_MS, NewSession, Nonce, Proof, SETUP_MS, SignedIn};

const NONCE: Nonce = [5; 16];

fn proof(code: Code) -> Proof {
    Proof { nonce: NONCE, code }
}

impl Bench {
    pub(super) async fn has_factor(&self) {
        self.store.begin_factor(&cx(), ADA, NONCE).await.unwrap();
        self.store.confirm_factor(&cx(), ADA, NONCE, 100).await.unwrap();
    }

    async fn factor(&self) -> Option<Factor> {
        self.store.factor(&cx(), ADA).await.unwrap()
    }

    async fn opened_with(&self, cx: &Cx, proof: Proof) -> Result<SignedIn, Error> {
        let new = NewSession { proof: Some(proof), ..self.new_session(ADA) };
        self.store.open(cx, new, "k1").await
    }

    async fn changes(&self) -> Vec<bool> {
        self.told_of::<SecondFactorChanged>().await.into_iter().map(|told| told.enabled).collect()
    }
}

fn is_spent(outcome: &Result<SignedIn, Error>) -> bool {
    outcome.as_ref().is_err_and(|error| error.is(reason::CODE_INVALID) && error.violations()[0].field == "code")
}

pub(crate) async fn a_second_factor_is_asked_for_once_it_is_confirmed(b: Bench) {
    assert_eq!(b.factor().await, None);
    let nonce = b.store.begin_factor(&request(1, 1), ADA, NONCE).await.unwrap();
    assert_eq!((nonce, b.store.begin_factor(&request(1, 1), ADA, [6; 16]).await.unwrap()), (NONCE, NONCE));
    let begun = Factor { nonce: NONCE, confirmed: false, last_step: 0, recovery: 0 };
    assert_eq!(b.factor().await, Some(begun));
    b.opened(ADA).await;
    for _ in 0..2 {
        assert_eq!(b.store.confirm_factor(&request(2, 1), ADA, NONCE, 100).await.unwrap(), NONCE);
    }
    assert_eq!(b.store.recall_factor(&request(2, 1)).await.unwrap(), Some(NONCE));
    assert_eq!(b.store.recall_factor(&request(3, 1)).await.unwrap(), None);
    let confirmed = Factor { confirmed: true, last_step: 100, recovery: ALL_RECOVERY, ..begun };
    assert_eq!((b.factor().await, b.changes().await), (Some(confirmed), vec![true]));
    for again in [b.store.begin_factor(&cx(), ADA, [6; 16]).await, b.store.confirm_factor(&cx(), ADA, NONCE, 200).await]
    {
        assert!(again.unwrap_err().is(reason::SECOND_FACTOR_ACTIVE));
    }

    let challenge = Challenge { account: ADA, proved_at: b.env.now().0 };
    for _ in 0..2 {
        let outcome = b.store.open(&request(4, 1), b.new_session(ADA), "k1").await.unwrap();
        assert_eq!(outcome, SignedIn::Challenged(challenge));
        b.clock.advance(1);
    }
    assert_eq!(b.store.recall_opened(&request(4, 1)).await.unwrap(), Some(SignedIn::Challenged(challenge)));
    assert_eq!(b.listed(ADA).await.len(), 1, "no session is open by it");
    b.opened(BOB).await;
    assert!(matches!(b.opened_with(&cx(), proof(Code::Step(101))).await, Ok(SignedIn::Opened(_))));
    assert_eq!(b.listed(ADA).await.len(), 2);
}

pub(crate) async fn each_code_is_spent_once_however_many_try(b: Bench) {
    b.has_factor().await;
    assert!(is_spent(&b.opened_with(&cx(), proof(Code::Step(100))).await), "the setup spent it");
    for code in [Code::Step(102), Code::Recovery(0), Code::Recovery(9)] {
        let outcomes = join_all((0..8).map(|_| async { b.opened_with(&cx(), proof(code)).await })).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert_eq!(outcomes.iter().filter(|outcome| is_spent(outcome)).count(), 7);
    }
    assert!(is_spent(&b.opened_with(&cx(), proof(Code::Step(101))).await), "an older one is as good as spent");
    let of_another = Proof { nonce: [6; 16], code: Code::Step(200) };
    assert!(is_spent(&b.opened_with(&cx(), of_another).await));
    let expected = Factor { nonce: NONCE, confirmed: true, last_step: 102, recovery: ALL_RECOVERY & !1 & !(1 << 9) };
    assert_eq!(b.factor().await, Some(expected));
    let left: Vec<i32> = b.told_of::<RecoveryCodeUsed>().await.into_iter().map(|told| told.codes_left).collect();
    assert_eq!(left, [9, 8]);
    for _ in 0..2 {
        b.opened_with(&request(1, 1), proof(Code::Recovery(1))).await.unwrap();
    }
    let none = NewSession { proof: Some(proof(Code::Step(200))), ..b.new_session(BOB) };
    assert!(is_spent(&b.store.open(&cx(), none, "k1").await), "of an account that has none");
}

pub(crate) async fn a_setup_begins_anew_and_ends_in_an_hour(b: Bench) {
    let confirm = async |nonce| b.store.confirm_factor(&cx(), ADA, nonce, 1).await;
    assert!(confirm(NONCE).await.unwrap_err().is(reason::SECOND_FACTOR_NOT_FOUND));
    b.store.begin_factor(&cx(), ADA, NONCE).await.unwrap();
    b.store.begin_factor(&cx(), ADA, [6; 16]).await.unwrap();
    assert!(confirm(NONCE).await.unwrap_err().is(reason::SECOND_FACTOR_NOT_FOUND));
    b.clock.advance(SETUP_MS);
    assert!(confirm([6; 16]).await.unwrap_err().is(reason::SECOND_FACTOR_NOT_FOUND));
    assert_eq!(b.factor().await, None);
    b.store.prune(&cx()).await.unwrap();
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 0);
    assert!(b.changes().await.is_empty());
}

pub(crate) async fn a_factor_is_dropped_for_a_code(b: Bench) {
    b.has_factor().await;
    let drop = async |cx: &Cx, code| b.store.drop_factor(cx, ADA, proof(code)).await;
    assert!(drop(&cx(), Code::Step(100)).await.unwrap_err().is(reason::CODE_INVALID));
    for _ in 0..2 {
        assert_eq!(drop(&request(1, 1), Code::Recovery(3)).await.unwrap(), NONCE);
    }
    assert!(drop(&cx(), Code::Recovery(4)).await.unwrap_err().is(reason::CODE_INVALID));
    assert_eq!((b.factor().await, b.changes().await), (None, vec![true, false]));
    b.opened(ADA).await;
    b.has_factor().await;
}

pub(crate) async fn a_second_factor_goes_with_its_account_and_stays_else(b: Bench) {
    b.has_factor().await;
    b.clock.advance(10 * KNOWN_MS);
    while b.store.prune(&cx()).await.unwrap() > 0 {}
    assert!(b.factor().await.is_some());
    assert_eq!(b.store.held(&cx(), AccountId(0), 10).await.unwrap(), [ADA]);
    assert_eq!(b.store.held_among(&cx(), &[ADA, BOB]).await.unwrap(), [ADA]);
    b.store.erase(&cx(), &[ADA]).await.unwrap();
    assert_eq!(b.factor().await, None);
    assert!(b.store.held(&cx(), AccountId(0), 10).await.unwrap().is_empty());
}
