//! The I/O-bound activity: one HTTP GET, as a blocking and as an async twin with equal settings.

use std::error::Error;
use std::io::{self, Read};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Chain, Context, Result, anyhow};
use reqwest::{ClientBuilder, StatusCode, Url};

use crate::report::{Outcome, Task};
use crate::stopwatch::{now_ms, thread_name};

/// An answer longer than this is given up: 8 MiB.
pub(crate) const MAX_BODY: u64 = 8 << 20;

/// GETs one address. Clones share one client, and so its connections.
#[derive(Clone)]
pub struct Activity<Client> {
    pub(crate) client: Client,
    pub(crate) url: Url,
    pub(crate) show: Show,
}

pub type BlockingActivity = Activity<reqwest::blocking::Client>;
pub type AsyncActivity = Activity<reqwest::Client>;

/// Whether each task's line is printed as it finishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    Lines,
    Nothing,
}

impl BlockingActivity {
    /// A client of its own, with `timeout` for each task from start to last byte.
    ///
    /// # Errors
    /// The address is https and the system's certificates cannot be read.
    pub fn new(url: &Url, timeout: Duration, show: Show) -> Result<Self> {
        let client = build(url, timeout, |settings| {
            // The blocking client has a time limit of its own, 30 s unless told.
            reqwest::blocking::ClientBuilder::from(settings).timeout(timeout).build()
        })?;
        Ok(Activity { client, url: url.clone(), show })
    }

    /// Carries out task `id` and waits for it.
    pub fn get(&self, id: usize) -> Task {
        let start_ms = now_ms();
        let answer = self.ask();
        self.task(id, start_ms, answer)
    }

    fn ask(&self) -> Result<StatusCode, Failure> {
        let response = self.client.get(self.url.clone()).send()?;
        let status = response.status();
        match io::copy(&mut response.take(MAX_BODY + 1), &mut io::sink()) {
            Ok(length) if length > MAX_BODY => Err(Failure::TooLong),
            Ok(_) => Ok(status),
            // The blocking client wraps its error in one of std's.
            Err(error) => Err(match error.downcast::<reqwest::Error>() {
                Ok(error) => error.into(),
                Err(error) => Failure::Broken(error.into()),
            }),
        }
    }
}

impl AsyncActivity {
    /// A client of its own, with `timeout` for each task from start to last byte.
    ///
    /// # Errors
    /// The address is https and the system's certificates cannot be read.
    pub fn new(url: &Url, timeout: Duration, show: Show) -> Result<Self> {
        let client = build(url, timeout, |settings| settings.build())?;
        Ok(Activity { client, url: url.clone(), show })
    }

    /// As [`AsyncActivity::new`], but each task opens a connection of its own and nobody else gets it
    /// afterwards. A thousand tasks that wait for one another's connections cost more than that.
    ///
    /// # Errors
    /// As [`AsyncActivity::new`].
    pub fn without_reuse(url: &Url, timeout: Duration, show: Show) -> Result<Self> {
        let client = build(url, timeout, |settings| settings.pool_max_idle_per_host(0).build())?;
        Ok(Activity { client, url: url.clone(), show })
    }

    /// Carries out task `id`; other tasks run while it waits.
    pub async fn get(&self, id: usize) -> Task {
        let start_ms = now_ms();
        let answer = self.ask().await;
        self.task(id, start_ms, answer)
    }

    async fn ask(&self) -> Result<StatusCode, Failure> {
        let mut response = self.client.get(self.url.clone()).send().await?;
        let mut length = 0;
        while let Some(chunk) = response.chunk().await? {
            length += chunk.len() as u64;
            if length > MAX_BODY {
                return Err(Failure::TooLong);
            }
        }
        Ok(response.status())
    }
}

impl<Client: Clone> Activity<Client> {
    /// The same client, for another address.
    pub fn at(&self, url: Url) -> Self {
        Activity { url, ..self.clone() }
    }
}

impl<Client> Activity<Client> {
    pub(crate) fn task(
        &self,
        id: usize,
        start_ms: f64,
        answer: Result<StatusCode, Failure>,
    ) -> Task {
        let (status, outcome, error) = match answer {
            Ok(status) if status.is_success() => (Some(status.as_u16()), Outcome::Done, None),
            // The notebook counted an answer of 400 as done.
            Ok(status) => {
                (Some(status.as_u16()), Outcome::Failed, Some(format!("answered {status}")))
            }
            Err(Failure::TooLong) => {
                (None, Outcome::Failed, Some("the answer is longer than 8 MiB".to_string()))
            }
            Err(Failure::Broken(error)) => {
                let outcome = if is_timeout(&*error) { Outcome::TimedOut } else { Outcome::Failed };
                (None, outcome, Some(chain(&*error)))
            }
        };
        let task = Task {
            id,
            pid: std::process::id(),
            thread: thread_name(),
            status,
            outcome,
            error,
            start_ms,
            end_ms: now_ms(),
        };
        self.show.line(&task);
        task
    }
}

impl Show {
    /// Prints the notebook's line for a task that has finished.
    pub fn line(self, task: &Task) {
        if self == Show::Lines {
            crate::text::print_line(task);
        }
    }
}

pub(crate) enum Failure {
    TooLong,
    Broken(Box<dyn Error + Send + Sync>),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // Every task asks for the same address, and the report names it once.
        Failure::Broken(Box::new(error.without_url()))
    }
}

/// Checks what a person gave as an address.
///
/// # Errors
/// In words that follow "invalid value":
/// not http or https, no host, white space, or longer than 8,000 characters.
pub fn parse_url(text: &str) -> Result<Url, String> {
    if text.len() > 8_000 {
        return Err("longer than 8000 characters".into());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("an address has no white space".into());
    }
    let url = Url::parse(text)
        .map_err(|error| format!("expected http:// or https:// and a host: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("expected http:// or https://, not {other}:")),
    }
}

/// The settings that both twins share, made into a client by `finish`.
fn build<C>(
    url: &Url,
    timeout: Duration,
    finish: impl Fn(ClientBuilder) -> reqwest::Result<C>,
) -> Result<C> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let loopback = ip(url).is_some_and(|ip| ip.is_loopback());
    let settings = || {
        let settings = reqwest::Client::builder().timeout(timeout).connect_timeout(timeout);
        // A proxy that the environment names cannot reach our own loopback.
        if loopback { settings.no_proxy() } else { settings }
    };
    // Reading the system's certificates takes longer than the rest of a worker's start. Our own
    // loopback gets on without; so must http where there are none, but it may redirect to https.
    let secure = || finish(settings());
    let plain = || finish(settings().tls_backend_preconfigured(trust_nobody()));
    let client = match url.scheme() {
        "https" => secure(),
        _ if loopback => plain(),
        _ => secure().or_else(|_| plain()),
    };
    client.map_err(|error| anyhow!(chain(&error))).context("cannot set up the HTTP client")
}

/// The address that `url` names, unless it names a host.
pub fn ip(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

fn trust_nobody() -> rustls::ClientConfig {
    rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

/// An error and all its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = Vec::new();
    for cause in Chain::new(error) {
        let cause = cause.to_string();
        // Some wrappers say no more than what they wrap.
        if causes.last() != Some(&cause) {
            causes.push(cause);
        }
    }
    causes.join(": ")
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    Chain::new(error).any(|error| {
        error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
            || error
                .downcast_ref::<io::Error>()
                .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would be wrong: an address that cannot work gets as far as the first request.
    #[test]
    fn an_address_is_checked_before_any_work() {
        for good in ["http://127.0.0.1:8080/delay/100", "https://example.com", "http://яндекс.рф"]
        {
            assert!(parse_url(good).is_ok(), "{good}");
        }
        let long = format!("http://example.com/{}", "x".repeat(1_000_000));
        for bad in
            ["", "ftp://example.com", "file:///etc/passwd", "http://", "http://a b", "x", &long]
        {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }

    /// Would be wrong: an international name that is sent as it is written.
    #[test]
    fn an_international_name_becomes_ascii() {
        assert_eq!(
            parse_url("http://яндекс.рф").unwrap().host_str(),
            Some("xn--d1acpjx3f.xn--p1ai")
        );
    }
}
