//! Where requests go, and what became of one.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Chain;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{StatusCode, Url};

use crate::os::clock::{now_ms, thread_name};
use crate::progress::Show;
use crate::report::{Outcome, Task};

/// A longer body is given up: 8 MiB.
pub const MAX_BODY: u64 = 8 << 20;

#[derive(Debug, Clone)]
pub struct Target {
    pub url: Url,
    /// For one task, from start to last byte.
    pub timeout: Duration,
    pub show: Show,
    /// Whether the server is part of this process, and uses its file descriptors.
    pub embedded: bool,
}

impl Target {
    /// Whether the URL names a host, which has to be looked up.
    pub fn is_named(&self) -> bool {
        self.ip().is_none()
    }

    /// Whether the host is this machine, by number or by name.
    pub fn is_loopback(&self) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let name = host.strip_suffix('.').unwrap_or(host);
        // RFC 6761, section 6.3: names that end with .localhost, too.
        let localhost = name == "localhost" || name.ends_with(".localhost");
        let ip = self.ip().map(|ip| ip.to_canonical());
        // Linux takes the unspecified address for this machine.
        localhost || ip.is_some_and(|ip| ip.is_loopback() || ip.is_unspecified())
    }

    /// The proxy that the environment's variables name for this URL.
    pub fn proxy(&self) -> Option<String> {
        let uri = self.url.as_str().parse().ok().filter(|_| !self.is_loopback())?;
        // Its user and password are kept elsewhere.
        Some(Matcher::from_system().intercept(&uri)?.uri().authority()?.to_string())
    }

    /// Why a request failed, and where if it is not the URL's host that failed.
    pub(super) fn failure(&self, error: reqwest::Error, redirected: Option<String>) -> Failure {
        let place = match (redirected, self.proxy()) {
            (Some(hop), _) => format!("redirected to {hop}"),
            (None, Some(proxy)) if error.is_connect() => format!("through the proxy {proxy}"),
            _ => return error.into(),
        };
        Failure::Broken(anyhow::Error::new(error.without_url()).context(place).into())
    }

    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.url.host_str()?.trim_matches(['[', ']']).parse().ok()
    }

    /// Task `id`, which began at `start_ms` and has just got this answer. Prints its line.
    pub fn task(&self, id: usize, start_ms: f64, answer: Result<StatusCode, Failure>) -> Task {
        let (status, outcome, error) = match answer {
            Ok(status) if status.is_success() => (Some(status), Outcome::Done, None),
            // The notebook counted an answer of 400 as done.
            Ok(status) => (Some(status), Outcome::Failed, Some(format!("answered {status}"))),
            Err(Failure::TooLong) => {
                (None, Outcome::Failed, Some("the answer is longer than 8 MiB".into()))
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
            status: status.map(|status| status.as_u16()),
            outcome,
            error,
            start_ms,
            end_ms: now_ms(),
            refused: false,
        };
        self.show.line(&task);
        task
    }
}

/// Why a request got no answer.
pub enum Failure {
    TooLong,
    Broken(Box<dyn Error + Send + Sync>),
}

impl From<reqwest::Error> for Failure {
    fn from(error: reqwest::Error) -> Self {
        // Every task asks for the same URL, which the report names once.
        Failure::Broken(Box::new(error.without_url()))
    }
}

/// Checks a URL from the command line.
///
/// # Errors
/// Why it cannot work, in words that follow "invalid value": not http or https, no host, white
/// space, or longer than 8,000 characters.
pub fn parse_url(text: &str) -> Result<Url, String> {
    if text.len() > 8_000 {
        return Err("longer than 8000 characters".into());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("a URL has no white space".into());
    }
    // Url takes the path of http:///path for a host.
    if text.split_once("://").is_some_and(|(_, rest)| rest.starts_with('/')) {
        return Err("expected a host behind ://".into());
    }
    let url = Url::parse(text)
        .map_err(|error| format!("expected http:// or https:// and a host: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("expected http:// or https://, not {other}:")),
    }
}

/// An error and all its causes in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut causes: Vec<String> = Vec::new();
    for cause in Chain::new(error) {
        let cause = cause.to_string();
        // Some wrappers repeat what they wrap.
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

/// Whether the server closed the connection before the head of its answer was complete.
pub(super) fn is_hang_up(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let closed = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
    !error.is_connect()
        && Chain::new(error).any(|error| {
            error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message)
                || error
                    .downcast_ref::<io::Error>()
                    .is_some_and(|error| closed.contains(&error.kind()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_urls_are_refused() {
        for good in ["http://127.0.0.1:8080/delay/100", "https://example.com", "http://яндекс.рф"]
        {
            assert!(parse_url(good).is_ok(), "{good}");
        }
        let long = format!("http://example.com/{}", "x".repeat(1_000_000));
        for bad in [
            "",
            "ftp://example.com",
            "file:///etc/passwd",
            "http://",
            "http:///path",
            "http://a b",
            "x",
            &long,
        ] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn international_name_becomes_ascii() {
        let url = parse_url("http://яндекс.рф").unwrap();
        assert_eq!(url.host_str(), Some("xn--d1acpjx3f.xn--p1ai"));
    }

    #[test]
    fn loopback_is_known_by_number_and_name() {
        let target = |url| Target {
            url: parse_url(url).unwrap(),
            timeout: Duration::ZERO,
            show: Show::Nothing,
            embedded: false,
        };
        let urls = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://[::1]:80/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0/",
            "http://localhost:8099/",
            "http://LOCALHOST./",
            "http://class.localhost/",
        ];
        for url in urls {
            assert!(target(url).is_loopback() && target(url).proxy().is_none(), "{url}");
        }
        for url in ["http://192.0.2.1/", "http://notlocalhost/", "http://localhost.example/"] {
            assert!(!target(url).is_loopback(), "{url}");
        }
        assert!(target("http://localhost/").is_named() && !target("http://[::1]/").is_named());
    }
}
