//! Which processes there are, where they listen, and what they are told.

use plaza_servers::Kind;

use crate::Outcome;

/// The services, each with how many processes of it run.
const SERVICES: [(&str, u16); 5] = [("accounts", 1), ("sessions", 1), ("graph", 1), ("posts", 2), ("feeds", 2)];
/// From the port of calls to the one of metrics and health.
const ADMIN: u16 = 100;

/// A process to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Such as `posts-2`.
    pub(crate) name: String,
    /// What it serves; none stands for all services in one process.
    pub(crate) service: Option<&'static str>,
    pub(crate) grpc: u16,
    pub(crate) admin: u16,
}

/// The whole platform as one process.
pub(crate) fn whole(grpc: u16) -> Vec<Planned> {
    vec![Planned { name: "plaza".to_owned(), service: None, grpc, admin: grpc + ADMIN }]
}

/// The processes, on ports from `first` on.
pub(crate) fn processes(first: u16) -> Vec<Planned> {
    let each = SERVICES.iter().flat_map(|(service, count)| (1..=*count).map(move |n| (*service, n)));
    let planned = |(grpc, (service, n)): (u16, (&'static str, u16))| {
        let name = format!("{service}-{n}");
        Planned { name, service: Some(service), grpc, admin: grpc + ADMIN }
    };
    (first..).zip(each).map(planned).collect()
}

/// Where each service is, as `plaza demo --target` and the settings take it.
fn addresses(processes: &[Planned]) -> Vec<(&'static str, String)> {
    let address = |service: &'static str| {
        let serves = |process: &&Planned| process.service.is_none_or(|it| it == service);
        let ports = processes.iter().filter(serves).map(|process| process.grpc);
        let each: Vec<String> = ports.map(|port| format!("http://127.0.0.1:{port}")).collect();
        (service, each.join(","))
    };
    SERVICES.iter().map(|(service, _)| address(service)).collect()
}

/// The argument of `plaza demo --target`.
pub(crate) fn target(processes: &[Planned]) -> String {
    let each: Vec<String> = addresses(processes).iter().map(|(service, at)| format!("{service}={at}")).collect();
    each.join(",")
}

/// The settings of every process, by name.
///
/// # Errors
/// If one of the stores is not there.
pub(crate) fn settings(processes: &[Planned], stores: &[(Kind, String)]) -> Outcome<Vec<(String, String)>> {
    let at = |kind: Kind| -> Outcome<&str> {
        let found = stores.iter().find(|(found, _)| *found == kind);
        found.map(|(_, address)| address.as_str()).ok_or_else(|| format!("there is no {}", kind.name()))
    };
    let (postgres, cache) = (at(Kind::Postgres)?, at(Kind::RedisCache)?);
    let mut settings = vec![
        ("accounts.store".to_owned(), with_option(postgres, "schema=accounts")),
        ("accounts.cache".to_owned(), cache.to_owned()),
        ("posts.store".to_owned(), with_option(postgres, "schema=posts")),
        ("sessions.store".to_owned(), at(Kind::Redis)?.to_owned()),
        ("graph.store".to_owned(), at(Kind::Neo4j)?.to_owned()),
        ("feeds.store".to_owned(), cache.to_owned()),
        ("feeds.positions".to_owned(), with_option(postgres, "schema=feeds")),
        ("rate_limit.store".to_owned(), cache.to_owned()),
        ("events.store".to_owned(), at(Kind::Nats)?.to_owned()),
    ];
    if processes.iter().all(|process| process.service.is_some()) {
        settings.extend(addresses(processes).into_iter().map(|(service, at)| (format!("peers.{service}"), at)));
    }
    Ok(settings)
}

/// An address with one more option at its end.
pub(crate) fn with_option(address: &str, option: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{option}")
}

/// The variable of a setting: `posts.store` is `PLAZA_POSTS__STORE`.
pub(crate) fn variable(setting: &str) -> String {
    format!("PLAZA_{}", setting.to_uppercase().replace('.', "__"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_and_feeds_run_twice_and_everybody_has_a_port() {
        let processes = processes(50_100);
        let names: Vec<&str> = processes.iter().map(|process| process.name.as_str()).collect();
        assert_eq!(names, ["accounts-1", "sessions-1", "graph-1", "posts-1", "posts-2", "feeds-1", "feeds-2"]);
        assert_eq!((processes[6].grpc, processes[6].admin), (50_106, 50_206));
        let target = target(&processes);
        assert!(target.starts_with("accounts=http://127.0.0.1:50100,sessions="), "{target}");
        assert!(target.contains("posts=http://127.0.0.1:50103,http://127.0.0.1:50104,feeds="), "{target}");
    }

    #[test]
    fn every_service_is_told_its_store_and_its_peers() {
        let stores: Vec<(Kind, String)> = Kind::ALL.iter().map(|kind| (*kind, kind.address(1))).collect();
        let settings = settings(&processes(1), &stores).unwrap();
        let of = |name: &str| settings.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).unwrap();
        assert!(of("posts.store").starts_with("postgres://") && of("posts.store").ends_with("?schema=posts"));
        assert!(of("peers.feeds").contains(','));
        assert_eq!(variable("posts.store"), "PLAZA_POSTS__STORE");
        assert_eq!(with_option("postgres://db/x?a=b", "schema=y"), "postgres://db/x?a=b&schema=y");
        let none = super::settings(&[], &[]).unwrap_err();
        assert!(none.contains("there is no postgres"), "{none}");
    }
}
