//! The activity for thousands of tasks at once: a GET on a connection of its own, by hyper itself.
//!
//! A general client keeps some ten kilobytes more for each request: room to follow redirects, to try
//! again, to share connections. By hand, what waits is a socket, a buffer and the task.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::activity::{Activity, AsyncActivity, Failure, MAX_BODY, Show, ip};
use crate::report::Task;
use crate::stopwatch::now_ms;

/// See the module. Whatever is not http to our own loopback is left to the general client.
#[derive(Clone)]
pub struct OneShot {
    direct: Option<Direct>,
    timeout: Duration,
    general: AsyncActivity,
}

/// Where to connect to, and what to ask for there.
#[derive(Clone)]
struct Direct {
    address: SocketAddr,
    path: Arc<str>,
}

impl Direct {
    fn to(url: &Url) -> Option<Direct> {
        let ip = ip(url).filter(|ip| ip.is_loopback())?;
        let address = SocketAddr::new(ip, url.port_or_known_default()?);
        let plain = url.scheme() == "http" && url.username().is_empty();
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_string(),
        };
        plain.then(|| Direct { address, path: path.into() })
    }

    /// `None` stands for an answer that is too long.
    async fn ask(&self) -> Result<Option<StatusCode>> {
        let request = Request::get(&*self.path)
            .header(header::HOST, self.address.to_string())
            .header(header::ACCEPT, "*/*")
            .body(String::new())?;
        let stream = TcpStream::connect(self.address).await?;
        let (mut client, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends when the client is dropped, at the latest.
        tokio::spawn(connection);
        let response = client.send_request(request).await?;
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

impl Activity<OneShot> {
    /// With `timeout` for each task from start to last byte.
    ///
    /// # Errors
    /// The address is https and the system's certificates cannot be read.
    pub fn new(url: &Url, timeout: Duration, show: Show) -> Result<Self> {
        let client = OneShot {
            direct: Direct::to(url),
            timeout,
            general: AsyncActivity::without_reuse(url, timeout, show)?,
        };
        Ok(Activity { client, url: url.clone(), show })
    }

    /// Carries out task `id`; other tasks run while it waits.
    pub async fn get(&self, id: usize) -> Task {
        let start_ms = now_ms();
        let Some(direct) = &self.client.direct else {
            return self.client.general.get(id).await;
        };
        let answer = match timeout(self.client.timeout, direct.ask()).await {
            Ok(Ok(Some(status))) => Ok(status),
            Ok(Ok(None)) => Err(Failure::TooLong),
            Ok(Err(error)) => Err(Failure::Broken(error.into())),
            Err(_) => Err(Failure::Broken(
                io::Error::new(io::ErrorKind::TimedOut, "operation timed out").into(),
            )),
        };
        match answer {
            Ok(status) if status.is_redirection() => self.client.general.get(id).await,
            answer => self.task(id, start_ms, answer),
        }
    }
}
