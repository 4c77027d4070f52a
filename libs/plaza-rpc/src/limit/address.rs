//! Where a caller is: at the other end of the connection, unless a proxy that is trusted says otherwise.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};

/// The other end of a request's connection; an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteAddress(pub SocketAddr);

/// Where a caller is. A proxy appends the address that it saw to the header, so that the last one in it is the only one
/// that callers cannot make up; without any address there, it is the proxy that calls.
pub(crate) fn of_caller(
    headers: &HeaderMap,
    trusted: Option<&HeaderName>,
    connection: Option<RemoteAddress>,
) -> Option<IpAddr> {
    let told = trusted.and_then(|name| {
        let last = headers.get_all(name).iter().next_back()?.to_str().ok()?;
        last.rsplit(',').next()?.trim().parse().ok()
    });
    told.or_else(|| connection.map(|RemoteAddress(address)| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_header_counts_and_of_it_the_last_address() {
        let name = HeaderName::from_static("x-forwarded-for");
        let connection = Some(RemoteAddress("10.0.0.9:4711".parse().unwrap()));
        let mut headers = HeaderMap::new();
        headers.append(&name, "1.1.1.1".parse().unwrap());
        headers.append(&name, "2.2.2.2, 3.3.3.3".parse().unwrap());
        let of = |headers: &HeaderMap, trusted| of_caller(headers, trusted, connection).unwrap().to_string();
        assert_eq!(of(&headers, None), "10.0.0.9", "who asks could have written it");
        assert_eq!(of(&headers, Some(&name)), "3.3.3.3");
        headers.append(&name, "nonsense".parse().unwrap());
        assert_eq!(of(&headers, Some(&name)), "10.0.0.9");
        assert_eq!(of(&HeaderMap::new(), Some(&name)), "10.0.0.9");
    }
}
