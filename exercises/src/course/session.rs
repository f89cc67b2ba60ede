//! 09: one client for all requests, as `aiohttp.ClientSession`.

use std::env;
use std::process::ExitCode;

use reqwest::Client;
use shared::http::client::install_tls_provider;

use crate::event::{What, record};
use crate::exercise::Exercise;
use crate::judge;
use crate::seen::{Red, Seen, Verdict};
use crate::site::{PATIENCE, SITE};

pub const EXERCISE: Exercise = Exercise {
    name: "09_session",
    about: "ten requests on five connections",
    minutes: 8,
    starred: false,
    goal: "10 requests on 5 connections",
    hints: [
        "Who keeps a connection open between two requests? How long does that one live here?",
        "A `reqwest::Client` keeps its connections for later requests. `client.clone()` is cheap and \
         shares them, and a task can own a clone. A connection is free again once the body is read.",
        "Above the first loop: `let client = ___;`. In each task: `let client = client.___;`.",
    ],
    stub: include_str!("../../stubs/09_session.rs"),
    solution: include_str!("../../solutions/09_session.rs"),
};

const AT_ONCE: usize = 5;
const REQUESTS: usize = 10;

/// A new client without connections.
pub fn new_client() -> Client {
    install_tls_provider();
    // Neither a proxy nor the system's certificates are needed to reach this machine.
    let client = Client::builder().no_proxy().tls_certs_only([]).build();
    client.unwrap_or_else(|error| panic!("cannot set up a client: {error}"))
}

/// Judges the learner's `two_rounds`. The first URL's answer is so long that it keeps its connection
/// until it is read; the second answers five requests at once.
#[track_caller]
pub fn main<F: Future<Output = ()>>(two_rounds: fn(String, String) -> F) -> ExitCode {
    let learner = async || {
        install_tls_provider(); // For a learner's `Client::new()`.
        let site = env::var(SITE).unwrap_or_default();
        let gate = format!("http://{site}/gate/{AT_ONCE}/{}", PATIENCE.as_millis());
        record(What::Begun(0));
        two_rounds(format!("http://{site}/bytes/1000000"), gate).await;
        record(What::Ended(0));
    };
    judge::run_async(&EXERCISE, learner, verdict)
}

fn verdict(seen: &Seen) -> Verdict {
    seen.no_panic()?;
    let (requests, connections) = (seen.requests, seen.connections);
    if requests > AT_ONCE && seen.peak_at_server < AT_ONCE {
        let measured = format!("{} at once", seen.peak_at_server);
        return Err(Red::new(measured, "the second five must wait at the same time"));
    }
    let () = seen.returned()?;
    if requests != REQUESTS {
        let because = "send five requests one after the other, then five at once";
        return Err(Red::new(format!("{requests} requests"), because));
    }
    let reads = seen.source.contains("text()") || seen.source.contains("bytes()");
    let because = match connections {
        AT_ONCE => return Ok(format!("{requests} requests on {connections} connections")),
        REQUESTS if !reads => "no body was read, so no connection was handed back to the client",
        REQUESTS if seen.source.matches("new_client()").count() == 1 => {
            "all ten wait at once: send the first five one after the other"
        }
        REQUESTS => "each request has a client of its own, and so a connection of its own",
        _ => {
            "each round has a client of its own: the second cannot use the first one's connections"
        }
    };
    Err(Red::new(format!("{connections} connections"), because))
}
