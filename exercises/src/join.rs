//! `cargo ex join`: tells the class's board of each check.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reqwest::Url;

use crate::exercise::Exercise;
use crate::progress;
use crate::site;

/// How long a check may wait for the class's server.
const PATIENCE: Duration = Duration::from_millis(300);

fn file() -> PathBuf {
    progress::directory().join(".class")
}

/// Joins the class at `url` as `name`.
///
/// # Errors
/// The file cannot be written.
pub fn join(url: &str, name: &str) -> io::Result<()> {
    fs::write(file(), format!("{url}\n{name}\n"))
}

/// Tells the board of a check, if this learner has joined a class. A class that does not answer costs
/// 300 ms, and nothing else.
pub fn tell(exercise: &Exercise, passed: bool) {
    let text = fs::read_to_string(file()).unwrap_or_default();
    let mut lines = text.lines();
    let (Some(url), Some(name)) = (lines.next(), lines.next()) else { return };
    let Ok(mut url) = Url::parse(url) else { return };
    url.set_path("checked");
    let fields = [("name", name), ("exercise", exercise.name), ("passed", &passed.to_string())];
    url.query_pairs_mut().clear().extend_pairs(fields);
    let host = url.host_str().unwrap_or_default();
    let address = format!("{host}:{}", url.port_or_known_default().unwrap_or(80));
    let (send, sent) = mpsc::channel();
    let send = move || {
        // The server has noted it once it answers.
        let _ = site::get(&address, &format!("{}?{}", url.path(), url.query().unwrap_or_default()));
        let _ = send.send(());
    };
    // On a thread that nothing waits for: a name server or the class may be silent for long.
    if thread::Builder::new().spawn(send).is_ok() {
        let _ = sent.recv_timeout(PATIENCE);
    }
}
