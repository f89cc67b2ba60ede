//! The embedded server alone, for a whole class or for a program of one's own.
//!
//! ```text
//! cargo run -p shared -- --port 8080 --host 0.0.0.0
//! ```

use std::io::{self, ErrorKind, Write};
use std::net::IpAddr;
use std::process::ExitCode;
use std::thread;

use anyhow::Result;
use clap::{Arg, Command, value_parser};
use shared::ExitError;
use shared::cli::usage_error;
use shared::http::Server;
use shared::os::{fd_limit, signals, stdout};
use shared::render::escape::escape_controls;

/// The standard streams, the listener, the event loop, and some clients.
const LEAST_FILES: usize = 20;

fn main() -> ExitCode {
    signals::prepare();
    let command = Command::new("serve")
        .about("The embedded server alone, until Ctrl-C")
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .default_value("0")
                .allow_hyphen_values(true)
                .value_parser(value_parser!(u16))
                .help("Port to listen on; 0 takes any free port"),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("IP")
                .default_value("127.0.0.1")
                .value_parser(value_parser!(IpAddr))
                .help("Address to listen on; 0.0.0.0 serves the network"),
        );
    let served = match command.try_get_matches() {
        Ok(matches) => serve(matches.get_one("host"), matches.get_one("port")),
        Err(error) if error.use_stderr() => Err(ExitError::Usage(usage_error(&error)).into()),
        Err(help) => print(&help.to_string()),
    };
    let Err(error) = served else { return ExitCode::SUCCESS };
    say(&escape_controls(&format!("{error:#}")));
    ExitCode::from(ExitError::code(&error))
}

fn serve(host: Option<&IpAddr>, port: Option<&u16>) -> Result<()> {
    let (Some(&host), Some(&port)) = (host, port) else { return Ok(()) };
    fd_limit::raise_limit();
    fd_limit::check(LEAST_FILES)?;
    say(&format!("up to {} open files, one for each client", fd_limit::limit()));
    let addresses = Server::start(host, port)?.addresses();
    if host.is_unspecified()
        && let [only] = &addresses[..]
        && only.ip().is_loopback()
    {
        say(&format!("found no network address; {} works on this machine only", only.ip()));
    }
    let mut text = "Serving until Ctrl-C:\n".to_string();
    for address in addresses {
        for path in ["delay/100", "status/400", "gate/10"] {
            text += &format!("  http://{address}/{path}\n");
        }
    }
    print(&text)?;
    loop {
        thread::park();
    }
}

/// With stderr closed, the server still serves.
fn say(text: &str) {
    let _ = io::stderr().write_all(format!("serve: {text}\n").as_bytes());
}

fn print(text: &str) -> Result<()> {
    match stdout::write(text) {
        // A reader that has left may still want the server.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(ExitError::Output(format!("cannot write the address: {error}")).into())
        }
        _ => Ok(()),
    }
}
