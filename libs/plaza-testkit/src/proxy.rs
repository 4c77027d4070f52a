//! A TCP proxy between a service and its store, that can be slow or cut every connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How many chunks may be on their way in one direction of one connection.
const IN_FLIGHT: usize = 1_024;
const CHUNK: usize = 16 * 1_024;

/// A proxy to one server; gone when dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    /// How long every byte travels, in each direction, in milliseconds.
    delay_ms: AtomicU64,
    /// Changes when every connection shall end.
    cut: watch::Sender<u64>,
}

impl Proxy {
    /// A proxy on a port of its own to the server at `upstream`.
    ///
    /// # Panics
    /// If the system has no port for it.
    pub async fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { upstream, delay_ms: AtomicU64::new(0), cut: watch::Sender::new(0) });
        let accepting = tokio::spawn({
            let shared = shared.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(shared.clone().carry(client));
                }
            }
        });
        Self { address, shared, accepting }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every byte travels this much longer from now on, in each direction.
    pub fn delay(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.shared.delay_ms.store(ms, Ordering::Relaxed);
    }

    /// Ends every connection there is; new ones are carried.
    pub fn cut(&self) {
        self.shared.cut.send_modify(|times| *times += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Shared {
    async fn carry(self: Arc<Self>, client: TcpStream) {
        let mut cut = self.cut.subscribe();
        // A server that is away refuses; so does the proxy, by ending the connection.
        let Ok(server) = TcpStream::connect(self.upstream).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::select! {
            () = self.pump(from_client, to_server) => {}
            () = self.pump(from_server, to_client) => {}
            _ = cut.changed() => {}
        }
    }

    /// Carries one direction until either end is done. Chunks keep their distance: only their arrival is late.
    async fn pump(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let (sender, mut chunks) = mpsc::channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
        let read = async move {
            let mut buffer = vec![0; CHUNK];
            while let Ok(n @ 1..) = from.read(&mut buffer).await {
                let due = Instant::now() + Duration::from_millis(self.delay_ms.load(Ordering::Relaxed));
                if sender.send((due, buffer[..n].to_vec())).await.is_err() {
                    return;
                }
            }
        };
        let write = async move {
            while let Some((due, chunk)) = chunks.recv().await {
                tokio::time::sleep_until(due).await;
                if to.write_all(&chunk).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(read, write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        address
    }

    async fn ask(stream: &mut TcpStream) -> std::io::Result<u8> {
        stream.write_all(&[7]).await?;
        stream.read_u8().await
    }

    #[tokio::test]
    async fn it_carries_delays_and_cuts() {
        let proxy = Proxy::start(echo().await).await;
        let mut stream = TcpStream::connect(proxy.address()).await.expect("a connection");
        assert_eq!(ask(&mut stream).await.expect("an answer"), 7);
        proxy.delay(Duration::from_millis(50));
        let start = Instant::now();
        assert_eq!(ask(&mut stream).await.expect("an answer"), 7);
        assert!(start.elapsed() >= Duration::from_millis(100), "both ways");
        proxy.delay(Duration::ZERO);
        proxy.cut();
        assert!(ask(&mut stream).await.is_err(), "the connection is gone");
        let mut again = TcpStream::connect(proxy.address()).await.expect("a connection");
        assert_eq!(ask(&mut again).await.expect("an answer"), 7);
    }
}
