//! Two replicas on one Postgres database.

use plaza_accounts::Config;
use plaza_core::reason;
use plaza_proto::accounts::v1::*;
use plaza_stores::postgres::Scratch;
use plaza_testkit::Store;

use crate::world::{World, draft, guest, request_id, user};

async fn replicas(scratch: &Scratch) -> [World; 2] {
    let on = || Config { store: scratch.address().unwrap(), ..Config::ephemeral() };
    [World::seeded(on(), 1).await, World::seeded(on(), 2).await]
}

fn scratch() -> Option<Scratch> {
    Some(Scratch::new(Store::Postgres.address()?, Store::unique_name()))
}

#[tokio::test]
async fn what_one_replica_creates_another_serves_signs_in_and_deletes() {
    let Some(scratch) = scratch() else { return };
    let [one, two] = replicas(&scratch).await;
    let ada = one.join("Ada").await;
    assert_eq!(two.get(&user(ada.account_id), ada.account_id).await.unwrap(), ada);
    let again = two.client.create_account(&guest(), draft("Ada")).await.unwrap().account.unwrap();
    assert_eq!(again.account_id, ada.account_id, "the same request, sent to the other");
    let other = CreateAccountRequest { request_id: request_id(5), ..draft("ADA") };
    assert!(two.client.create_account(&guest(), other).await.unwrap_err().is(reason::HANDLE_TAKEN));
    assert_eq!(two.verify("ada@example.org", crate::world::PASSWORD).await.unwrap(), ada.account_id);
    let delete = DeleteAccountRequest { request_id: request_id(6), account_id: ada.account_id };
    two.client.delete_account(&user(ada.account_id), delete.clone()).await.unwrap();
    assert!(one.verify("ada", crate::world::PASSWORD).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    one.client.delete_account(&user(ada.account_id), delete).await.expect("the same request, sent to the other");
    for world in [one, two] {
        world.app.maintain(&guest()).await.unwrap();
        world.app.close().await;
    }
}

#[tokio::test]
async fn a_write_hands_out_its_place_and_a_repeated_one_the_same() {
    let Some(scratch) = scratch() else { return };
    let [one, two] = replicas(&scratch).await;
    let token = async |world: &World| {
        let cx = guest();
        world.client.create_account(&cx, draft("ada")).await.unwrap();
        cx.take_outcome().token
    };
    let first = token(&one).await;
    assert_eq!(first.iter().collect::<Vec<_>>(), [("accounts", one.events().await)]);
    assert_eq!(token(&two).await, first);
}
