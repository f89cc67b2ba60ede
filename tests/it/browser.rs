//! Opens a page in a real browser without a window, and asks it a question in JavaScript.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use shared::child::{self, End};

use super::demo::{DEADLINE, scratch};

/// What Chromium is called on one system or another.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// What is set where tests must not be left out for want of a browser.
const NEEDED: &str = "TESTS_NEED_BROWSER";

/// What a browser made of a page.
pub struct Seen {
    /// The answer, as JSON.
    pub answer: Value,
    /// What it wrote to its console: errors, and what the page's policy refused.
    pub console: Vec<String>,
    /// What it asked any host for, but for what it asks its maker of itself.
    pub requests: Vec<String>,
}

/// Opens `page`, a whole document, and asks it for the value of `question`, a JavaScript expression,
/// which is asked in the page itself, by a script with its nonce. `name` is the test's own.
/// `None`, said on stdout, where there is no browser.
pub fn ask(name: &str, page: &str, question: &str) -> Option<Seen> {
    let Some(browser) = browser() else {
        assert!(env::var_os(NEEDED).is_none(), "none of {NAMES:?} is here");
        println!("skipped: none of {NAMES:?} is here");
        return None;
    };
    let nonce = page.split("nonce=\"").nth(1).map_or("", |rest| &rest[..32]);
    let script = format!(
        "<pre id=\"answer\"></pre><script nonce=\"{nonce}\">document.getElementById(\"answer\")\
         .textContent = JSON.stringify({question})</script></body>"
    );
    let directory = scratch(&format!("browser-{name}"));
    let file = directory.join("page.html");
    std::fs::write(&file, page.replace("</body>", &script)).unwrap();

    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let list = requests.clone();
    thread::spawn(move || refuse(proxy, &list));
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox", // Which root, such as in a container, cannot have. The page is our own.
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--enable-logging=stderr",
        "--proxy-bypass-list=<-loopback>",
        "--dump-dom",
    ]);
    // Every request has to go through this one.
    command.arg(format!("--proxy-server=http://{address}"));
    command.arg(format!("--user-data-dir={}", directory.join("user").display()));
    command.arg(format!("file://{}", file.display()));
    let ended = child::run(&mut command, DEADLINE).unwrap();
    assert_eq!(ended.end, End::Exit(0), "{}", ended.stderr);
    let _ = std::fs::remove_dir_all(directory.join("user"));

    let answer = ended.stdout.rsplit("<pre id=\"answer\">").next().unwrap();
    let answer = answer.split("</pre>").next().unwrap();
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\u{a0}"), ("&amp;", "&")];
    let answer = plain.iter().fold(answer.to_string(), |text, (from, to)| text.replace(from, to));
    let lines = ended.stderr.lines();
    Some(Seen {
        answer: serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{}", ended.stderr)),
        console: lines.filter(|line| line.contains("CONSOLE")).map(String::from).collect(),
        requests: requests.lock().unwrap().drain(..).collect(),
    })
}

/// Refuses every request, and puts its first line on the list.
fn refuse(proxy: TcpListener, list: &Arc<Mutex<Vec<String>>>) {
    for stream in proxy.incoming().map_while(Result::ok) {
        let list = list.clone();
        // On a thread of its own, since a browser also connects only to be quicker later.
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let its_own = line.contains(".google.com") || line.contains(".googleapis.com");
            if !line.is_empty() && !its_own {
                list.lock().unwrap().push(line);
            }
            // Whether the browser still reads it is all the same.
            let _ = (&stream).write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        });
    }
}

fn browser() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let places = || env::split_paths(&path);
    NAMES
        .iter()
        .flat_map(|name| places().map(move |place| place.join(name)))
        .find(|file| file.is_file())
}
