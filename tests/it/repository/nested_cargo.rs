//! Cargo that a test starts finds everything built: `cargo test`, `cargo run` and `cargo test` again
//! compile no dependency twice.

use std::collections::HashMap;
use std::env;

use serde_json::Value;
use shared::os::child::ChildExit;

use crate::support::demo::run_cargo;
use crate::support::workspace::cargo;

/// Settings of cargo that a user may have in the environment. Cargo sets all others itself.
const OF_THE_USER: [&str; 8] = [
    "CARGO_BUILD_",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_INCREMENTAL",
    "CARGO_NET_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_DIR",
];

const BUILD: [&str; 6] =
    ["build", "--offline", "-p", "async-demo", "--message-format", "json-render-diagnostics"];

#[test]
fn cargo_in_tests_rebuilds_no_dependency() {
    // As at a terminal, where cargo has set nothing.
    let mut at_terminal = cargo();
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_") && !OF_THE_USER.iter().any(|user| name.starts_with(user)) {
            at_terminal.env_remove(name);
        }
    }
    let built = run_cargo(at_terminal.args(BUILD));
    assert_eq!(built.exit, ChildExit::Code(0), "{}", built.stderr);

    let messages = run_cargo(cargo().args(BUILD)).stdout;
    let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut fresh: HashMap<String, bool> = HashMap::new();
    for artifact in messages.filter(|message| message["reason"] == "compiler-artifact") {
        let package = artifact["package_id"].as_str().unwrap();
        if !package.starts_with("path+") {
            let all = fresh.entry(package.to_string()).or_insert(true);
            *all &= artifact["fresh"] == true;
        }
    }
    assert!(fresh.keys().any(|package| package.contains("#ring@")), "{fresh:?}");
    assert!(fresh.values().all(|&fresh| fresh), "{fresh:#?}");
}
