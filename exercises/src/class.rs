//! `cargo ex class`: one server and one board for a whole class. In memory only.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use hyper::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode, Uri};
use reqwest::Url;
use serde_json::{Value, json};
use shared::http::Server;
use shared::http::server::Pages;
use shared::render::escape::is_control;

use crate::course::ALL;

/// Most characters of a name, and most names.
pub const MAX_NAME: usize = 40;
const MAX_NAMES: usize = 200;

/// How long the board shows a request, and how many it shows.
const SHOWN: Duration = Duration::from_secs(10);
const MAX_BARS: usize = 5_000;

/// The page may load nothing, and may ask only this server.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      connect-src 'self'; img-src data:";

/// Starts the class's server.
///
/// # Errors
/// Those of [`Server::start`].
pub fn start(ip: IpAddr, port: u16) -> Result<Server> {
    Server::start_with(ip, port, Some(Arc::new(Class(Arc::default()))))
}

/// Whether a name can stand on the board.
pub fn is_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=MAX_NAME).contains(&length) && name.trim() == name && !name.contains(is_control)
}

struct Class(Arc<Mutex<Board>>);

#[derive(Default)]
struct Board {
    /// The exercises that each name has tried, and whether it has passed them.
    names: BTreeMap<String, BTreeMap<&'static str, bool>>,
    bars: VecDeque<Bar>,
    /// The number of the first of the bars.
    first: usize,
}

/// A request of a client: from when to when it waited.
struct Bar {
    client: IpAddr,
    start: Instant,
    end: Option<Instant>,
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pages for Class {
    fn page(&self, uri: &Uri) -> Option<Response<String>> {
        let (kind, text) = match uri.path() {
            "/" => ("text/html; charset=utf-8", include_str!("board.html").to_string()),
            "/board" => ("application/json", lock(&self.0).json().to_string()),
            "/checked" => ("text/plain", "noted\n".into()),
            _ => return None,
        };
        let mut response = Response::new(text);
        let query = uri.query().unwrap_or_default();
        if uri.path() == "/checked" && lock(&self.0).add(query).is_none() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
            *response.body_mut() =
                format!("a name has at most {MAX_NAME} characters, a class {MAX_NAMES} names\n");
        }
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        Some(response)
    }

    fn watch(&self, client: IpAddr) -> Box<dyn Send> {
        let mut board = lock(&self.0);
        board.forget();
        let number = board.first + board.bars.len();
        board.bars.push_back(Bar { client, start: Instant::now(), end: None });
        Box::new(Watched { board: self.0.clone(), number })
    }
}

/// A request under way.
struct Watched {
    board: Arc<Mutex<Board>>,
    number: usize,
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        let place = self.number.checked_sub(board.first);
        if let Some(bar) = place.and_then(|place| board.bars.get_mut(place)) {
            bar.end = Some(Instant::now());
        }
    }
}

impl Board {
    /// Notes a check, `name=Ada&exercise=01_threads&passed=true`, or who has joined, `name=Ada`.
    fn add(&mut self, query: &str) -> Option<()> {
        let url = Url::parse(&format!("http://class/?{query}")).ok()?;
        let field = |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value);
        let check = match (field("exercise"), field("passed")) {
            (None, None) => None,
            (exercise, passed) => {
                let exercise = ALL.iter().find(|known| Some(known.name) == exercise.as_deref())?;
                Some((exercise.name, passed?.parse::<bool>().ok()?))
            }
        };
        let name = field("name")?;
        let is_new = !self.names.contains_key(&*name);
        if !is_name(&name) || (is_new && self.names.len() >= MAX_NAMES) {
            return None;
        }
        let checks = self.names.entry(name.into_owned()).or_default();
        if let Some((exercise, passed)) = check {
            *checks.entry(exercise).or_default() |= passed;
        }
        Some(())
    }

    /// Drops bars that are too old, or too many.
    fn forget(&mut self) {
        let is_old = |bar: &Bar| bar.end.is_some_and(|end| end.elapsed() > SHOWN);
        while self.bars.len() >= MAX_BARS || self.bars.front().is_some_and(is_old) {
            self.bars.pop_front();
            self.first += 1;
        }
    }

    /// What the page shows: names with a state for each exercise, and clients with their bars, in
    /// milliseconds before now.
    fn json(&mut self) -> Value {
        self.forget();
        let state = |passed: Option<&bool>| match passed {
            Some(true) => "passed",
            Some(false) => "tried",
            None => "",
        };
        let names = self.names.iter().map(|(name, passed)| {
            let states: Vec<_> = ALL.iter().map(|one| state(passed.get(one.name))).collect();
            json!({"name": name, "states": states})
        });
        let ago = |instant: Instant| instant.elapsed().as_millis() as u64;
        let clients: BTreeSet<IpAddr> = self.bars.iter().map(|bar| bar.client).collect();
        let clients = clients.into_iter().map(|client| {
            let bars = self.bars.iter().filter(|bar| bar.client == client);
            let bars: Vec<_> = bars.map(|bar| [ago(bar.start), bar.end.map_or(0, ago)]).collect();
            json!({"address": client.to_string(), "bars": bars})
        });
        json!({
            "exercises": ALL.iter().map(|one| one.title()).collect::<Vec<_>>(),
            "names": names.collect::<Vec<_>>(),
            "clients": clients.collect::<Vec<_>>(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_checks_are_noted() {
        let mut board = Board::default();
        assert!(board.add("name=Ada").is_some());
        assert!(board.names["Ada"].is_empty(), "joined");
        assert!(board.add("name=Ada&exercise=01_threads&passed=false").is_some());
        assert!(board.add("name=Ada&exercise=01_threads&passed=true").is_some());
        assert!(board.add("name=Ada&exercise=01_threads&passed=false").is_some());
        assert!(board.names["Ada"]["01_threads"], "a pass stays");
        let long = format!("name={}&exercise=01_threads&passed=true", "x".repeat(41));
        for wrong in [
            "",
            "name=Ada&exercise=99_none&passed=true",
            "name=Ada&exercise=01_threads",
            "name=Ada&passed=true",
            "name=Ada&exercise=01_threads&passed=1",
            "name=&exercise=01_threads&passed=true",
            "name=a%1b[2J&exercise=01_threads&passed=true",
            "name=%E2%80%AEa&exercise=01_threads&passed=true",
            &long,
        ] {
            assert!(board.add(wrong).is_none(), "{wrong}");
        }
        assert_eq!(board.names.len(), 1);
    }

    #[test]
    fn names_have_a_limit() {
        let mut board = Board::default();
        let add = |number: &usize| format!("name=n{number}&exercise=00_predict&passed=false");
        let noted = (0..300).filter(|number| board.add(&add(number)).is_some()).count();
        assert_eq!(noted, MAX_NAMES);
        assert!(board.add(&add(&0)).is_some(), "a name that is there may go on");
    }

    #[test]
    fn bars_have_a_limit() {
        let class = Class(Arc::default());
        let client = IpAddr::from([127, 0, 0, 1]);
        let open: Vec<_> = (0..MAX_BARS + 10).map(|_| class.watch(client)).collect();
        assert_eq!(lock(&class.0).bars.len(), MAX_BARS);
        drop(open);
        let board = lock(&class.0);
        assert!(board.bars.iter().all(|bar| bar.end.is_some()));
    }
}
