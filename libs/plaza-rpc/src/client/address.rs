//! Addresses of peers as people write them: one, or several apart by commas, each a number or a name that stands for
//! any number of machines.

use std::net::{IpAddr, SocketAddr};

use http::Uri;

/// The port of an address that names none.
const PORT: u16 = 80;
/// No list of addresses is longer.
const MAX: usize = 32;

/// One address: where to ask for machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// A name or a number, without the brackets of IPv6.
    pub host: String,
    pub port: u16,
    /// What requests are sent to, as HTTP has it.
    pub origin: Uri,
}

impl Target {
    /// The machine, if the address is a number.
    pub(super) fn number(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }
}

/// Whether calls can be made to `address`.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn check_address(address: &str) -> Result<(), String> {
    parse(address).map(drop)
}

/// The addresses in a list, such as `http://a:7000, http://b:7000`, each once.
///
/// # Errors
/// What is wrong with one of them and what would be right.
pub(super) fn parse_list(addresses: &str) -> Result<Vec<Target>, String> {
    let mut targets: Vec<Target> = Vec::new();
    for address in addresses.split(',') {
        let target = parse(address.trim())?;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    if targets.len() > MAX {
        return Err(format!("{} addresses are too many; name at most {MAX}, or one name for all", targets.len()));
    }
    Ok(targets)
}

fn parse(address: &str) -> Result<Target, String> {
    let text = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let wrong = |what: &str| format!("`{address}` {what}; write it like `http://127.0.0.1:50051`");
    let uri: Uri = text.parse().map_err(|error| wrong(&format!("is no address ({error})")))?;
    let (host, port) = (uri.host().unwrap_or_default(), uri.port());
    // Whatever else stands in it, a name, a password or a port that is no number, is no part of an address.
    let length = host.len() + port.as_ref().map_or(0, |port| port.as_str().len() + 1);
    let whole = uri.authority().is_some_and(|authority| authority.as_str().len() == length);
    match uri.scheme_str() {
        // A channel over TLS would fail at each call, as this build has none.
        Some("https") => Err(wrong("asks for TLS, which calls between services do not speak yet")),
        Some("http") if !host.is_empty() && whole => {
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            Ok(Target { host, port: port.map_or(PORT, |port| port.as_u16()), origin: uri })
        }
        _ => Err(wrong("is no address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_no_call_could_reach_are_refused() {
        for good in ["http://127.0.0.1:1", "127.0.0.1:1", "posts:7000", "http://[::1]:7000", "http://posts"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for bad in ["", "http://", "https://posts:7000", "ftp://posts:7000", "a b", "http://posts:port", "http://:1"] {
            let told = check_address(bad).unwrap_err();
            assert!(told.contains("write it like `http://127.0.0.1:50051`"), "{told}");
            assert!(parse_list(&format!("http://a:1,{bad}")).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_hold_each_address_once() {
        let targets = parse_list("http://a:1, b:2,http://[::1]:3,http://a:1").unwrap();
        let found: Vec<(&str, u16)> = targets.iter().map(|t| (t.host.as_str(), t.port)).collect();
        assert_eq!(found, [("a", 1), ("b", 2), ("::1", 3)]);
        assert_eq!(targets[2].number(), Some("[::1]:3".parse().unwrap()));
        assert_eq!(targets[0].number(), None);
        let many: Vec<String> = (0..33).map(|n| format!("http://h{n}:1")).collect();
        assert!(parse_list(&many.join(",")).unwrap_err().contains("at most 32"));
    }
}
