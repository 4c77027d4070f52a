//! What the owner of an account is told.

use plaza_core::{Position, SessionId, Timestamp, reason};
use plaza_events::Event;
use plaza_proto::sessions::v1::{NewDeviceSignedIn, RefreshTokenReused, SignInsLimited};
use prost::{Message, Name};

use super::guesses::{at, guesses};
use super::{ADA, BOB, Bench, RULES, cx, request, used};
use crate::domain::{Device, Guessed, KNOWN_MS, MAX_DEVICES, NewSession};

impl Bench {
    async fn told(&self) -> Vec<Event> {
        self.store.outbox().read_after(&cx(), 0, 1_000).await.unwrap()
    }

    pub(super) async fn told_of<M: Message + Name + Default>(&self) -> Vec<M> {
        self.told().await.iter().filter_map(Event::decode::<M>).map(|message| message.unwrap()).collect()
    }

    async fn opened_by(&self, device: u8) -> SessionId {
        let new = NewSession { device: Device([device; 16]), ..self.new_session(ADA) };
        let grant = self.open(&cx(), new, "k1").await.unwrap();
        self.clock.advance(1);
        grant.session
    }

    async fn new_devices(&self) -> Vec<i64> {
        self.told_of::<NewDeviceSignedIn>().await.into_iter().map(|told| told.session_id).collect()
    }
}

pub(crate) async fn a_device_that_is_not_known_is_told_once(b: Bench) {
    let first = b.open(&request(1, 1), b.new_session(ADA), "k1").await.unwrap().session.get();
    b.open(&request(1, 1), b.new_session(ADA), "k1").await.unwrap();
    b.opened_by(1).await;
    let second = b.opened_by(2).await.get();
    let other = b.opened(BOB).await.session.get();
    let expected = [(7, first), (7, second), (9, other)]
        .map(|(account_id, session_id)| NewDeviceSignedIn { account_id, session_id });
    assert_eq!(b.told_of::<NewDeviceSignedIn>().await, expected);
    let told = b.told().await;
    assert!(told.windows(2).all(|w| w[0].position < w[1].position && w[0].id != w[1].id));
    assert!(told.iter().all(|event| event.source == "sessions" && event.aggregate_type == "account"));
    assert_eq!((told[0].aggregate_id, told[0].at), (7, super::START));
    // Known for 90 days from its last sign-in.
    b.clock.advance(KNOWN_MS - 10);
    b.opened_by(2).await;
    b.clock.advance(KNOWN_MS - 10);
    let third = b.opened_by(1).await.get();
    assert_eq!(b.new_devices().await, [first, second, other, third]);
}

pub(crate) async fn only_so_many_devices_are_known(b: Bench) {
    let most = u8::try_from(MAX_DEVICES).unwrap();
    for device in 0..=most {
        b.opened_by(device).await;
    }
    assert_eq!(b.new_devices().await.len(), MAX_DEVICES + 1);
    b.opened_by(most).await;
    b.opened_by(1).await;
    assert_eq!(b.new_devices().await.len(), MAX_DEVICES + 1);
    b.opened_by(0).await;
    assert_eq!(b.new_devices().await.len(), MAX_DEVICES + 2, "the one unused for longest was forgotten");
}

pub(crate) async fn known_devices_are_listed_by_their_last_sign_in(b: Bench) {
    let start = b.env.now().0;
    for device in [1, 2, 1] {
        b.opened_by(device).await;
    }
    assert_eq!(b.store.devices(&cx(), ADA).await.unwrap(), [start + 2, start + 1]);
    assert!(b.store.devices(&cx(), BOB).await.unwrap().is_empty());
    b.clock.advance(KNOWN_MS - 2);
    assert_eq!(b.store.devices(&cx(), ADA).await.unwrap(), [start + 2], "the other was not used for 90 days");
    b.store.erase(&cx(), &[ADA]).await.unwrap();
    assert!(b.store.devices(&cx(), ADA).await.unwrap().is_empty());
}

pub(crate) async fn a_token_that_came_back_is_told(b: Bench) {
    let opened = b.opened(ADA).await;
    for generation in 1..=2 {
        b.granted(opened.session, generation).await;
    }
    for _ in 0..2 {
        b.store.refresh(&request(1, 1), used(opened.session, 1), "k1").await.unwrap();
    }
    assert!(b.refreshed(opened.session, 1).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    let expected = RefreshTokenReused { account_id: ADA.get(), session_id: opened.session.get() };
    assert_eq!(b.told_of::<RefreshTokenReused>().await, [expected]);
}

pub(crate) async fn guesses_that_have_to_wait_are_told_once(b: Bench) {
    let wrong = Guessed::Wrong(ADA, guesses().account(ADA));
    for _ in 0..2 {
        for _ in 0..2 {
            b.guessed(at("ada"), wrong).await;
        }
        let before = b.told_of::<SignInsLimited>().await.len();
        b.guessed(at("ada@example.org"), wrong).await;
        assert_eq!(b.told_of::<SignInsLimited>().await.len(), before + 1);
        b.clock.advance(1_000);
        b.guessed(at("ada"), wrong).await;
        assert_eq!(b.told_of::<SignInsLimited>().await.len(), before + 1);
        b.clock.advance(RULES.guess_ms);
    }
    for _ in 0..3 {
        b.guessed(at("nobody"), Guessed::Nobody).await;
    }
    assert_eq!(b.told_of::<SignInsLimited>().await, [SignInsLimited { account_id: ADA.get() }; 2]);
}

pub(crate) async fn old_events_are_forgotten_once_published(b: Bench) {
    let outbox = b.store.outbox();
    for device in 0..4 {
        b.opened_by(device).await;
    }
    let positions: Vec<Position> = b.told().await.iter().map(|event| event.position).collect();
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), positions[3]);
    assert!(outbox.knows(&cx(), positions[3]).await.unwrap());
    assert!(outbox.depth(&cx(), positions[0]).await.unwrap() >= 3);
    let page = outbox.read_after(&cx(), positions[0], 2).await.unwrap();
    assert_eq!(page.iter().map(|event| event.position).collect::<Vec<_>>(), positions[1..3]);
    let now = b.env.now();
    assert_eq!(outbox.prune(&cx(), Timestamp(0), positions[3]).await.unwrap(), 0);
    assert_eq!(outbox.prune(&cx(), now.plus_ms(1), positions[1]).await.unwrap(), 2);
    assert_eq!(b.told().await.len(), 2);
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), positions[3]);
}
