//! Opens a page in a browser without a window, and asks it a question in JavaScript; or visits a site.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use serde_json::Value;
use shared::os::child::{self, ChildExit, ChildOutput};

use super::demo::DEADLINE;
use super::workspace::scratch;

/// Chromium's names on different systems.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// If it is set, a test without a browser fails instead of being skipped.
const NEEDED: &str = "TESTS_NEED_BROWSER";

/// What a browser made of a page.
pub struct Seen {
    /// The answer, as JSON.
    pub answer: Value,
    /// Its console: errors, and what the page's policy refused.
    pub console: Vec<String>,
    /// The requests that the page made to any host.
    pub requests: Vec<String>,
}

/// What a browser showed of a site.
pub struct Visit {
    /// Its document once its scripts have run.
    pub document: String,
    pub console: Vec<String>,
    /// The requests to other machines.
    pub requests: Vec<String>,
}

/// Opens `page`, a whole document, and asks it for the value of `question`, a JavaScript expression.
/// The page itself evaluates it, in a script with its nonce. `name` is the test's own.
/// `None`, said on stdout, without a browser.
pub fn ask(name: &str, page: &str, question: &str) -> Option<Seen> {
    let browser = found()?;
    let nonce = page.split("nonce=\"").nth(1).map_or("", |rest| &rest[..32]);
    let script = format!(
        "<pre id=\"answer\"></pre><script nonce=\"{nonce}\">document.getElementById(\"answer\")\
         .textContent = JSON.stringify({question})</script></body>"
    );
    let directory = scratch(&format!("browser {name}"));
    let (output, requests) = open(browser, &directory, &page.replace("</body>", &script));
    assert_eq!(output.exit, ChildExit::Code(0), "{}", output.stderr);

    let answer = output.stdout.rsplit("<pre id=\"answer\">").next().unwrap();
    let answer = answer.split("</pre>").next().unwrap();
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\u{a0}"), ("&amp;", "&")];
    let answer = plain.iter().fold(answer.to_string(), |text, (from, to)| text.replace(from, to));
    Some(Seen {
        answer: serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{}", output.stderr)),
        console: console(&output),
        requests,
    })
}

/// Visits a site of this machine for two seconds of the page's own time, and saves what it shows as
/// `page.png` in the scratch directory `browser NAME`.
pub fn visit(name: &str, url: &str) -> Option<Visit> {
    let browser = found()?;
    let directory = scratch(&format!("browser {name}"));
    let picture = format!("--screenshot={}", directory.join("page.png").display());
    let options = ["--virtual-time-budget=2000", "--window-size=1280,1360", &picture];
    let (output, requests) = open_url(browser, &directory, url, &options);
    assert_eq!(output.exit, ChildExit::Code(0), "{}", output.stderr);
    Some(Visit { console: console(&output), document: output.stdout, requests })
}

/// The browser, looked for once.
fn found() -> Option<&'static Path> {
    static BROWSER: LazyLock<Option<PathBuf>> = LazyLock::new(browser);
    if BROWSER.is_none() {
        assert!(env::var_os(NEEDED).is_none(), "none of {NAMES:?} starts");
        println!("skipped: none of {NAMES:?} starts");
    }
    BROWSER.as_deref()
}

fn console(output: &ChildOutput) -> Vec<String> {
    let lines = output.stderr.lines();
    lines.filter(|line| line.contains("CONSOLE")).map(String::from).collect()
}

/// The first browser that starts.
fn browser() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let files = NAMES.iter().flat_map(|name| env::split_paths(&path).map(move |at| at.join(name)));
    files.filter(|file| file.is_file()).find(|file| {
        let page = "<p>it starts</p>";
        let (output, _) = open(file, &scratch("browser that starts"), page);
        output.exit == ChildExit::Code(0) && output.stdout.contains(page)
    })
}

/// Opens a page, and prints its document once its scripts have run. Also returns its requests.
fn open(browser: &Path, directory: &Path, page: &str) -> (ChildOutput, Vec<String>) {
    let file = directory.join("page.html");
    std::fs::write(&file, page).unwrap();
    let url = format!("file://{}", file.display()).replace(' ', "%20");
    // A page in a file may ask this machine no more than any other.
    open_url(browser, directory, &url, &["--proxy-bypass-list=<-loopback>"])
}

/// The same for the page at a URL.
fn open_url(
    browser: &Path,
    directory: &Path,
    url: &str,
    options: &[&str],
) -> (ChildOutput, Vec<String>) {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let list = requests.clone();
    thread::spawn(move || refuse(proxy, &list));
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox", // Root, as in a container, cannot have one. The page is our own.
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--enable-logging=stderr",
        "--dump-dom",
    ]);
    // Every request to another machine has to go through this proxy.
    command.arg(format!("--proxy-server=http://{address}"));
    command.arg(format!("--user-data-dir={}", directory.join("user").display()));
    command.args(options).arg(url);
    let output = child::run(&mut command, DEADLINE).unwrap_or_else(|error| ChildOutput {
        exit: ChildExit::Code(127),
        stdout: String::new(),
        stderr: error.to_string(),
    });
    let _ = std::fs::remove_dir_all(directory.join("user"));
    let requests = requests.lock().unwrap().drain(..).collect();
    (output, requests)
}

/// Refuses every request, and puts its first line on the list.
fn refuse(proxy: TcpListener, list: &Arc<Mutex<Vec<String>>>) {
    for stream in proxy.incoming().map_while(Result::ok) {
        let list = list.clone();
        // On a thread of its own: a browser opens connections in advance and sends nothing on them.
        thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let browsers_own = line.contains(".google.com") || line.contains(".googleapis.com");
            if !line.is_empty() && !browsers_own {
                list.lock().unwrap().push(line);
            }
            // The browser may be gone.
            let _ = (&stream).write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        });
    }
}
