//! The same over the network: a process of its own has a verifier, and asks the sessions service over a channel.

use plaza_core::{AccountId, Secret, reason};
use plaza_proto::sessions::v1::*;
use plaza_rpc::{Channel, ChannelConfig, Gate, ServeConfig, Server, TokenVerifier as _};
use plaza_sessions::SessionVerifier;

use crate::world::{ADA, BOB, World, credentials, guest, request_id, user};

#[tokio::test]
async fn another_process_verifies_tokens_and_hears_of_endings() {
    let w = World::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::new(&w.gate, ServeConfig::default())
        .mount(w.app.server())
        .descriptors(plaza_proto::FILE_DESCRIPTOR_SET);
    let serving = tokio::spawn(server.serve(listener));

    let there = Gate::builder(w.env.clone(), &Secret::new([1; 32])).build();
    let channel = Channel::connect(&address, &ChannelConfig::default()).unwrap();
    let service = SessionsServiceClient::remote(channel.clone().with_key(there.service_key()));
    let verifier = SessionVerifier::new(service, w.env.clone(), "plaza");

    let anybody = SessionsServiceClient::remote(channel.clone());
    let tokens = anybody.sign_in(&guest(), credentials("ada")).await.unwrap().tokens.unwrap();
    let verified = verifier.verify(&tokens.access_token).await.unwrap();
    assert_eq!(verified.account, AccountId(ADA));

    // The other end of the connection, or where a service says that the person is.
    assert_eq!(w.list(&user(ADA)).await[0].address, "127.0.0.1");
    let gateway = channel.clone().with_key(there.service_key());
    let gateway = SessionsServiceClient::remote(gateway).as_service("feeds");
    let afar = guest().with_remote("192.0.2.7".parse().ok());
    gateway.sign_in(&afar, credentials("bob")).await.unwrap();
    gateway.sign_in(&guest(), credentials("bob")).await.unwrap();
    let addresses: Vec<_> = w.list(&user(BOB)).await.into_iter().map(|s| s.address).collect();
    assert_eq!(addresses, ["", "192.0.2.7"]);

    let ada = SessionsServiceClient::remote(channel.with_bearer(&tokens.access_token).unwrap());
    let request = ListSessionsRequest { page_size: 10, page_token: String::new() };
    let listed = ada.list_sessions(&guest(), request.clone()).await.unwrap().sessions;
    assert!(listed.len() == 1 && listed[0].current);
    ada.sign_out(&guest(), SignOutRequest { request_id: request_id() }).await.unwrap();

    verifier.poll().await.unwrap();
    assert!(verifier.is_revoked(verified.session));
    w.verifier.poll().await.unwrap();
    let error = ada.list_sessions(&guest(), request).await.unwrap_err();
    assert!(error.is(reason::SESSION_REVOKED));
    assert!(w.list(&user(ADA)).await.is_empty());

    w.gate.shutdown().cancel();
    serving.await.unwrap().unwrap();
    assert!(verifier.poll().await.is_err());
    assert!(verifier.is_revoked(verified.session), "the last known list counts");
}
