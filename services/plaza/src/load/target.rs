//! Where a platform is: at one address, or at one for each service.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use plaza_rpc::client::check_address;

use crate::config::Service;

/// The addresses of a running platform: `http://HOST:PORT` for all services, or `accounts=…,sessions=…,graph=…,posts=…,
/// feeds=…`. Each may be several, apart by commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: String,
    each: BTreeMap<Service, String>,
}

impl Target {
    /// Where `service` is: one address or several, apart by commas.
    #[must_use]
    pub fn of(&self, service: Service) -> &str {
        self.each.get(&service).map_or(&self.text, String::as_str)
    }

    /// The first address of `service`, as tools take it that speak to one: without `http://`.
    #[must_use]
    pub fn host(&self, service: Service) -> &str {
        let first = self.of(service).split(',').next().unwrap_or_default().trim();
        first.trim_start_matches("http://").trim_end_matches('/')
    }

    /// The services by the address that they share.
    #[must_use]
    pub fn by_address(&self) -> BTreeMap<&str, Vec<Service>> {
        let mut by_address: BTreeMap<&str, Vec<Service>> = BTreeMap::new();
        for service in Service::ALL {
            by_address.entry(self.of(service)).or_default().push(service);
        }
        by_address
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut each: BTreeMap<Service, String> = BTreeMap::new();
        let mut last = None;
        for piece in text.split(',').map(str::trim) {
            let (service, address) = match piece.split_once('=') {
                Some((name, address)) => (Some(name.parse::<Service>()?), address),
                None => (last, piece),
            };
            check_address(address)?;
            last = service;
            let Some(service) = service else { continue };
            let addresses = each.entry(service).or_default();
            if !addresses.is_empty() {
                addresses.push(',');
            }
            addresses.push_str(address);
        }
        let missing: Vec<&str> = Service::ALL.iter().filter(|s| !each.contains_key(s)).map(|s| s.name()).collect();
        match missing.len() {
            0 => {}
            all if all == Service::ALL.len() => {}
            _ => return Err(format!("say where {} is too, as SERVICE=ADDRESS", missing.join(", "))),
        }
        Ok(Self { text: text.to_owned(), each })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_stands_for_every_service() {
        let target: Target = "http://127.0.0.1:50051".parse().unwrap();
        assert!(Service::ALL.iter().all(|service| target.of(*service) == "http://127.0.0.1:50051"));
        assert_eq!((target.host(Service::Posts), target.by_address().len()), ("127.0.0.1:50051", 1));
        let replicas: Target = "http://a:1,http://b:1".parse().unwrap();
        assert_eq!((replicas.of(Service::Feeds), replicas.host(Service::Feeds)), ("http://a:1,http://b:1", "a:1"));
    }

    #[test]
    fn each_service_may_have_addresses_of_its_own() {
        let text = "accounts=http://a:1,sessions=http://a:1,graph=g:2, posts=http://p:3,http://p:4,feeds=http://f:5";
        let target: Target = text.parse().unwrap();
        assert_eq!((target.of(Service::Posts), target.of(Service::Graph)), ("http://p:3,http://p:4", "g:2"));
        assert_eq!((target.by_address().len(), target.to_string().as_str()), (4, text));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, told) in [
            ("accounts=http://a:1,posts=http://p:1", "say where sessions, graph, feeds is too"),
            ("zebra=http://a:1", "there are: accounts, "),
            ("nowhere at all", "is no address"),
            ("posts=", "is no address"),
            ("http://a:1,feeds=http://b:1", "say where accounts"),
        ] {
            let error = text.parse::<Target>().unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
