//! Hosts as network namespaces, each with a name, an address and an sshd.

use std::net::Ipv4Addr;
use std::process::{Command, Stdio};

use shared::http::Server;
use shared::os::child::ChildExit;

use crate::support::demo::{lesson, run_of};
use crate::support::sshd::Sshd;
use crate::support::trial::{Trial, skipped};

/// A host on a network of its own.
struct Host {
    namespace: String,
    /// This machine's address in its network.
    gateway: String,
    sshd: Option<Sshd>,
}

impl Host {
    /// `None`, and says so, without the right to make one.
    fn start(number: u8) -> Option<Host> {
        let pid = std::process::id();
        let namespace = format!("host{number}-{pid}");
        // Two addresses of four. By the pid, so that two runs of the tests are not in each other's way.
        let net = format!("10.{}.{}", pid >> 8 & 255, pid & 255);
        let [gateway, address] = [1, 2].map(|end| format!("{net}.{}", 4 * number + end));
        let mut host = Host { namespace, gateway, sshd: None };
        let (name, gateway) = (host.namespace.clone(), host.gateway.clone());
        // An interface's name has at most 15 characters.
        let veth = format!("veth{number}-{pid}");
        for command in [
            format!("ip netns add {name}"),
            format!("ip link add {veth} type veth peer name eth0 netns {name}"),
            format!("ip address add {gateway}/30 dev {veth}"),
            format!("ip link set {veth} up"),
            format!("ip -n {name} address add {address}/30 dev eth0"),
            format!("ip -n {name} link set eth0 up"),
            format!("ip -n {name} link set lo up"),
            format!("ip -n {name} route add default via {gateway}"),
        ] {
            let mut words = command.split(' ');
            let mut ip = Command::new(words.next().unwrap());
            let made = ip.args(words).stderr(Stdio::null()).status();
            if !made.is_ok_and(|status| status.success()) {
                skipped(&format!("making a network namespace: {command}"));
                return None;
            }
        }
        let named = format!("hostname host{number}; exec \"$@\"");
        let starter = ["ip", "netns", "exec", &name, "unshare", "--uts", "sh", "-c", &named, "sh"];
        let name = format!("host{number}");
        let sshd = Sshd::start_under(&starter, &name, &address, 22)?;
        host.sshd = Some(sshd);
        Some(host)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.sshd.take());
        let delete = "ip netns pids $0 | xargs -r kill -9; ip netns delete $0";
        let _ = Command::new("sh").args(["-c", delete, &self.namespace]).status();
    }
}

/// process-demo with six tasks and a worker on each of two hosts.
fn start(hosts: &[Host; 2], words: &[&str]) -> Trial {
    let first = hosts[0].sshd.as_ref().unwrap().worker_command("here");
    // The hosts' directories differ in the last digit.
    let command = first.replace("-host1", "-host{k}");
    let common = ["-n", "6", "--workers", "2", "--format", "json", "--worker-command", &command];
    Trial::start("process-demo", &[&common[..], words].concat())
}

#[test]
fn two_hosts_share_the_tasks() {
    let (Some(one), Some(two)) = (Host::start(1), Host::start(2)) else { return };
    let hosts = [one, two];
    // The embedded server listens on this machine's loopback interface only.
    let output = start(&hosts, &[]).finish();
    assert_eq!((output.exit, &*output.stdout), (ChildExit::Code(2), ""));
    let wanted = ["cannot reach the embedded server", "Connection refused", "give --url", " host"];
    assert!(wanted.iter().all(|words| output.stderr.contains(words)), "{}", output.stderr);

    let server = Server::start(Ipv4Addr::UNSPECIFIED.into(), 0).unwrap();
    let url = server.url("/delay/50").replace("0.0.0.0", &hosts[0].gateway);
    let report = start(&hosts, &["--url", &url]).any_report();
    for model in ["processes", "process-pool"] {
        let run = run_of(&report, model);
        assert_eq!(run.done, 6);
        for host in [" host1 pid ", " host2 pid "] {
            assert!(run.tasks.iter().any(|task| task.thread.contains(host)), "{:?}", run.tasks);
        }
    }
    let starts = &lesson(&report).figures[0].points;
    assert!(starts.len() == 2 && starts.iter().all(|worker| worker.measured.is_some()));
}
