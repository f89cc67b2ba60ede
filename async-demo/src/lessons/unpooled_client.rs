//! A client for thousands of requests at once, built directly on hyper: each has its own connection.
//!
//! The general client needs about ten kilobytes more for each request: room to follow redirects, to
//! retry and to share connections. Here, a waiting request costs only a socket, a buffer and the task.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context, Result};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use shared::Task;
use shared::http::client::{lookup, user_agent};
use shared::http::permit::Permit;
use shared::http::target::{Failure, MAX_BODY};
use shared::http::{AsyncClient, Target};
use shared::os::clock::now_ms;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// GETs one URL. Leaves https, credentials, proxies and redirects to the general client.
#[derive(Clone)]
pub struct UnpooledClient {
    direct: Option<Arc<Direct>>,
    general: Arc<AsyncClient>,
}

/// What all requests of a client share.
struct Direct {
    target: Target,
    /// The addresses of the host, or why the lookup failed.
    addresses: io::Result<Vec<SocketAddr>>,
    request: Request<String>,
}

impl UnpooledClient {
    /// Looks up the host of `target`, once for all requests. Blocks until that is done.
    ///
    /// # Errors
    /// The URL is https and the system's certificates cannot be read.
    pub fn new(target: &Target) -> Result<UnpooledClient> {
        let direct = Direct::new(target).map(Arc::new);
        Ok(UnpooledClient { direct, general: Arc::new(AsyncClient::new(target)?) })
    }

    /// Runs task `id`; other tasks run while it waits.
    pub async fn get(&self, id: usize) -> Task {
        if let Some(direct) = &self.direct
            && let Some(task) = direct.get(id).await
        {
            return task;
        }
        self.general.get(id).await
    }
}

impl Direct {
    /// `None` if this is a job for the general client.
    fn new(target: &Target) -> Option<Direct> {
        let url = &target.url;
        let credentials = !url.username().is_empty() || url.password().is_some();
        if url.scheme() != "http" || credentials || target.proxy().is_some() {
            return None;
        }
        let host = match (url.host_str()?, url.port()) {
            (host, Some(port)) => format!("{host}:{port}"),
            (host, None) => host.to_string(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_string(),
        };
        let request = Request::get(path)
            .header(header::HOST, host)
            .header(header::ACCEPT, "*/*")
            .header(header::USER_AGENT, user_agent())
            .body(String::new());
        Some(Direct { target: target.clone(), addresses: look_up(target), request: request.ok()? })
    }

    /// Runs task `id`, or returns `None` if the answer is a redirect.
    async fn get(&self, id: usize) -> Option<Task> {
        // A connection, and its other end in the embedded server.
        let permit = Permit::acquire(1 + u32::from(self.target.embedded)).await;
        let start_ms = now_ms();
        let answer = match timeout(self.target.timeout, self.ask(permit)).await {
            Ok(Ok(Some(status))) if status.is_redirection() => return None,
            Ok(Ok(Some(status))) => Ok(status),
            Ok(Ok(None)) => Err(Failure::TooLong),
            Ok(Err(error)) => Err(Failure::Broken(error.into())),
            Err(_) => Err(Failure::Broken(timed_out().into())),
        };
        Some(self.target.task(id, start_ms, answer))
    }

    /// The status of the answer, or `None` if the answer is too long.
    async fn ask(&self, permit: Permit) -> Result<Option<StatusCode>> {
        let copy = |error: &io::Error| io::Error::new(error.kind(), error.to_string());
        let addresses = self.addresses.as_ref().map_err(copy).context("cannot look up the host")?;
        let stream = TcpStream::connect(&addresses[..]).await.context("cannot connect")?;
        let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Ends when `client` is dropped, at the latest. Then its descriptor is available again.
            let _permit = permit;
            let _ = connection.await;
        });
        let response = client.send_request(self.request.clone()).await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut length = 0;
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            length += frame?.data_ref().map_or(0, |data| data.len()) as u64;
            if length > MAX_BODY {
                return Ok(None);
            }
        }
        Ok(Some(status))
    }
}

/// The addresses of the host. A silent name server gets no more time than one task.
fn look_up(target: &Target) -> io::Result<Vec<SocketAddr>> {
    let url = &target.url;
    let (Some(host), true) = (url.host_str(), target.is_named()) else {
        return url.socket_addrs(|| None); // An address, not a name.
    };
    let in_time = async { timeout(target.timeout, lookup(host.to_string())).await };
    let found = Builder::new_current_thread().enable_time().build()?.block_on(in_time);
    let mut addresses = found.unwrap_or_else(|_| Err(timed_out()))?;
    let port = url.port_or_known_default().unwrap_or(80);
    addresses.iter_mut().for_each(|address| address.set_port(port));
    Ok(addresses)
}

fn timed_out() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "operation timed out")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use shared::http::target::parse_url;
    use shared::progress::Show;

    fn direct(url: &str) -> Option<Direct> {
        let url = parse_url(url).unwrap();
        let timeout = Duration::from_secs(1);
        Direct::new(&Target { url, timeout, show: Show::Nothing, embedded: false })
    }

    #[test]
    fn plain_http_is_asked_directly() {
        for (url, host, path) in [
            ("http://127.0.0.1", "127.0.0.1", "/"),
            ("http://localhost:80/x?y#z", "localhost", "/x?y"),
            ("http://[::1]:8080/x", "[::1]:8080", "/x"),
        ] {
            let Direct { request, addresses, .. } = direct(url).unwrap();
            assert_eq!(request.headers()[header::HOST], host);
            assert_eq!(request.uri(), path);
            assert!(addresses.unwrap().iter().all(|address| address.ip().is_loopback()));
        }
        for url in ["https://localhost/", "http://me@localhost/", "http://:word@localhost/"] {
            assert!(direct(url).is_none(), "{url}");
        }
    }
}
