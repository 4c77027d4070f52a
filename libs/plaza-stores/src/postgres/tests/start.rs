//! Opening and migrating.

use plaza_core::reason;

use super::*;

async fn migrate(scratch: &Scratch, migrations: &[Migration]) -> plaza_core::Result<Postgres> {
    Postgres::open(&server(scratch), PostgresOptions::new("test"), migrations).await
}

#[tokio::test]
async fn several_replicas_migrate_at_once_and_each_step_is_applied_once() {
    let Some(scratch) = scratch() else { return };
    let starts = (0..6).map(|_| open(&scratch));
    let replicas = futures::future::join_all(starts).await;
    for db in &replicas {
        db.ping(&cx()).await.unwrap();
        assert!(values(db).await.is_empty());
    }
    open(&scratch).await;
}

#[tokio::test]
async fn a_changed_or_unknown_migration_is_refused() {
    let Some(scratch) = scratch() else { return };
    open(&scratch).await;
    let changed = [THINGS[0], Migration { sql: "SELECT 1", ..THINGS[1] }];
    for (migrations, said) in [(&changed[..], "another content"), (&THINGS[..1], "newer than this program")] {
        let error = migrate(&scratch, migrations).await.unwrap_err();
        assert!(error.is(reason::STORE_UNAVAILABLE) && error.text().contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_those_before_it_stay() {
    let Some(scratch) = scratch() else { return };
    let bad = Migration { name: "0003_bad", sql: "CREATE TABLE half (id bigint); SELECT nonsense" };
    let error = migrate(&scratch, &[THINGS[0], THINGS[1], bad]).await.unwrap_err();
    assert!(error.text().contains("migration `0003_bad` failed"), "{error}");
    let good = Migration { sql: "CREATE TABLE half (id bigint)", ..bad };
    migrate(&scratch, &[THINGS[0], THINGS[1], good]).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_waited_for_and_then_named_without_its_password() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let scratch = Scratch::new(format!("postgres://plaza:secret@127.0.0.1:{port}/plaza"), "none");
    let options = PostgresOptions { start: Duration::from_millis(500), ..PostgresOptions::new("test") };
    let started = tokio::time::Instant::now();
    let error = Postgres::open(&server(&scratch), options, THINGS).await.unwrap_err();
    assert!(error.is(reason::STORE_UNAVAILABLE) && error.text().contains(&port.to_string()), "{error}");
    assert!(!error.text().contains("secret"));
    assert!((Duration::from_millis(200)..Duration::from_secs(5)).contains(&started.elapsed()));
}
