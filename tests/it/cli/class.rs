//! `cargo ex class`: the server and the board of a class.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::exercises::guide;
use crate::support::browser::{self, Visit};
use crate::support::demo::{DEADLINE, spawn};
use crate::support::servers::{connect_from, get, get_by, get_text};
use crate::support::workspace::scratch;

/// The server of a class on a free port. It is killed when it is dropped.
pub struct Class {
    child: Child,
    pub url: String,
}

impl Class {
    /// Starts it. `name` is the test's own.
    pub fn start(name: &str) -> Class {
        let mut child = spawn(&mut guide(&scratch(name), &["class", "--port", "0"]));
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let url = lines.nth(1).unwrap().unwrap().trim().trim_end_matches('/').to_string();
        Class { child, url }
    }

    /// Sends a check as `cargo ex` does, and returns the status.
    fn checked(&self, name: &str, exercise: &str, passed: bool) -> u16 {
        let name: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        get(&format!("{}/checked?name={name}&exercise={exercise}&passed={passed}", self.url))
    }

    fn board(&self) -> Value {
        serde_json::from_str(&get_text(&format!("{}/board", self.url))).unwrap()
    }

    /// Waits until the board is as `wanted`.
    fn wait_for(&self, wanted: impl Fn(&Value) -> bool) {
        let start = Instant::now();
        while !wanted(&self.board()) {
            assert!(start.elapsed() < DEADLINE, "{}", self.board());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What a browser shows of the board. It must cause no error, and ask no other machine.
    fn visit(&self, name: &str) -> Option<String> {
        let Visit { document, console, requests } =
            browser::visit(name, &format!("{}/", self.url))?;
        assert_eq!((console, requests), (vec![], vec![]));
        Some(document)
    }
}

impl Drop for Class {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn board_shows_checks_and_bars() {
    let class = Class::start("class");
    assert_eq!(class.checked("Ada", "01_threads", true), 200);
    assert_eq!(class.checked("Ada", "rm -rf", true), 400);
    assert_eq!(get(&format!("{}/delay/1", class.url)), 200);
    let board = class.board();
    assert_eq!(board["names"][0]["name"], "Ada");
    assert_eq!(board["names"][0]["states"][1], "passed");
    assert_eq!(board["names"].as_array().unwrap().len(), 1);
    assert_eq!(board["clients"][0]["bars"].as_array().unwrap().len(), 1, "{board}");
    // It loads nothing from elsewhere.
    let page = get_text(&format!("{}/", class.url));
    assert!(page.contains("<!doctype html>") && !page.contains("src="), "{page}");
}

const LEARNERS: [&str; 20] = [
    "Ada",
    "Alonzo",
    "Barbara",
    "Bertrand",
    "Charles",
    "Donald",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
    "Joan",
    "John",
    "Katherine",
    "Leslie",
    "Margaret",
    "Niklaus",
    "Radia",
    "Robin",
    "Tony",
    "Zoë",
];

/// The exercises of the 90-minute set.
const STARRED: [&str; 5] = ["00_predict", "01_threads", "03_lock_held", "08_gather", "12_blocking"];

/// A learner at a laptop of their own: passes some exercises, fails the next, reloads the board, and
/// sends requests. Returns the last of these, which still waits.
fn learn(class: &Class, number: usize) -> TcpStream {
    let laptop = Ipv4Addr::new(127, 0, 0, 10 + number as u8);
    let ask = |path: &str| {
        let url = format!("{}{path}", class.url);
        get_by(connect_from(laptop, &url), &url)
    };
    for (place, exercise) in STARRED.iter().enumerate().take(2 + number % 4) {
        assert_eq!(class.checked(LEARNERS[number], exercise, place < 1 + number % 4), 200);
    }
    assert_eq!((ask("/"), ask("/board")), (200, 200));
    // First a stair, then a block.
    for _ in 0..5 {
        assert_eq!(ask("/delay/200"), 200);
    }
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(ask("/delay/500"), 200));
        }
    });
    let url = format!("{}/", class.url);
    let mut waiting = connect_from(laptop, &url);
    waiting.write_all(b"GET /delay/3600000 HTTP/1.1\r\nhost: class\r\n\r\n").unwrap();
    waiting
}

/// The bars of a client that have not ended.
fn waiting(client: &Value) -> usize {
    client["bars"].as_array().unwrap().iter().filter(|bar| bar[1] == 0).count()
}

/// The picture in docs/workshop.md, with fewer colours, is what this test leaves as `page.png` in the scratch directory
/// `browser class-of-twenty`.
#[test]
fn browser_shows_a_class_of_twenty() {
    if !cfg!(target_os = "linux") {
        return; // The other systems have one loopback address.
    }
    let class = Class::start("class of twenty");
    let requests: Vec<TcpStream> = thread::scope(|scope| {
        let class = &class;
        let learners: Vec<_> =
            (0..LEARNERS.len()).map(|number| scope.spawn(move || learn(class, number))).collect();
        learners.into_iter().map(|learner| learner.join().unwrap()).collect()
    });
    let clients = |board: &Value| board["clients"].as_array().unwrap().clone();
    class.wait_for(|board| clients(board).iter().filter(|one| waiting(one) == 1).count() == 20);
    let Some(document) = class.visit("class-of-twenty") else {
        return;
    };
    let count = |text: &str| document.matches(text).count();
    for (number, name) in LEARNERS.iter().enumerate() {
        assert_eq!(count(&format!("<td>{name}</td>")), 1, "{name}");
        assert_eq!(count(&format!(" requests of 127.0.0.{}\"", 10 + number)), 1, "{name}");
    }
    assert_eq!((count("<svg"), count("<tr>")), (20, 21));
    // Five times 1 to 4 passes, and 20 failures.
    assert_eq!((count("class=\"passed\""), count("class=\"tried\"")), (50, 20));

    drop(requests);
    class.wait_for(|board| clients(board).iter().all(|one| waiting(one) == 0));
    let document = class.visit("class-that-left").unwrap();
    assert_eq!(document.matches("class=\"passed\"").count(), 50);
}

#[test]
fn hostile_names_are_inert() {
    let names = [
        "<img src=x onerror=document.title='t'>",
        "</table><script>document.title=1</script",
        "\"><svg onload=document.title=1>",
        "javascript:alert(1)//'\"&amp;${1}`",
        "__proto__",
        "日本語 ‹Ωμέγα›",
        "🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀🦀",
    ];
    let class = Class::start("hostile class");
    for name in names {
        assert_eq!(class.checked(name, "01_threads", true), 200, "{name}");
    }
    let long = "x".repeat(41);
    for name in ["", " a", "a\nb", "a\u{1b}[2J", "\u{202e}a", &long] {
        assert_eq!(class.checked(name, "01_threads", true), 400, "{name:?}");
    }
    for path in
        ["checked", "checked?name=a&passed=true", "checked?name=a&exercise=01_threads&passed=yes"]
    {
        assert_eq!(get(&format!("{}/{path}", class.url)), 400, "{path}");
    }
    for path in ["../../etc/passwd", "board/..", "checked/x", "board.html", "%2e%2e/Cargo.toml"] {
        assert_eq!(get(&format!("{}/{path}", class.url)), 404, "{path}");
    }
    assert_eq!(class.board()["names"].as_array().unwrap().len(), names.len());
    let Some(document) = class.visit("hostile-class") else {
        return;
    };
    let count = |text: &str| document.matches(text).count();
    assert_eq!((count("<title>The class</title>"), count("<img"), count("<script")), (1, 0, 1));
    assert_eq!((count("onload="), count("onerror=")), (1, 1), "they are shown");
    assert_eq!(count("&lt;img src=x onerror="), 1);
}
