//! From a name to the machines behind it.

use std::io;
use std::net::SocketAddr;

use async_trait::async_trait;

/// Finds the machines behind a name.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// Where `host` is now: any number of machines, in any order.
    ///
    /// # Errors
    /// If nobody knows it.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}
