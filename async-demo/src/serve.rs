//! The embedded server alone, for a whole class or for another program.

use std::io::{self, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::thread;

use anyhow::Result;
use shared::cli::{Opt, Options, Stop};
use shared::server::Server;

pub const OPTIONS: &[Opt] = &[
    Opt {
        name: "port",
        value: "PORT",
        help: "Where to listen; 0, the default, takes any free port",
        check: |text| match text.parse::<u16>() {
            Ok(_) => Ok(()),
            Err(_) => Err("expected a port from 0 to 65535".into()),
        },
        writes: false,
    },
    Opt {
        name: "host",
        value: "IP",
        help: "127.0.0.1, the default, serves this machine only; 0.0.0.0 serves the network",
        check: |text| match text.parse::<IpAddr>() {
            Ok(_) => Ok(()),
            Err(_) => Err("expected an IP address, such as 0.0.0.0".into()),
        },
        writes: false,
    },
];

pub fn run(options: &Options) -> Result<()> {
    // Both have been checked with the rest of the command line.
    let port = options.get("port").map_or(Ok(0), str::parse)?;
    let host = options.get("host").map_or(Ok(Ipv4Addr::LOCALHOST.into()), str::parse)?;
    let server = Server::start(host, port)?;
    let url = server.url("");
    let text =
        format!("Serving until Ctrl-C:\n  {url}/delay/100\n  {url}/status/400\n  {url}/gate/10\n");
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever closes stdout may still want the server.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let why = format!("cannot say where it serves: {error}");
            return Err(Stop::Output(why).into());
        }
        _ => {}
    }
    loop {
        thread::park();
    }
}
