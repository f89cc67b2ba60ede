//! A real sshd for this user, with keys and a configuration of its own, and what runs on such a host.
#![cfg(target_os = "linux")]

use std::collections::HashSet;
use std::env;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use super::demo::{DEADLINE, run};
use super::processes::children;
use super::trial::skipped;
use super::workspace::binary;

const SSHD: &str = "/usr/sbin/sshd";

pub struct Sshd {
    listener: Child,
    /// Without spaces. It also marks the workers of this sshd.
    directory: PathBuf,
}

impl Sshd {
    /// On a free port of this machine. `None`, and says so, where sshd is not installed.
    pub fn start() -> Option<Sshd> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = COUNT.fetch_add(1, Relaxed).to_string();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        Sshd::start_under(&[], &name, "127.0.0.1", port)
    }

    /// The same, started by another program such as `ip netns exec`. Its directory ends with `name`.
    pub fn start_under(starter: &[&str], name: &str, address: &str, port: u16) -> Option<Sshd> {
        if !fs::exists(SSHD).unwrap() {
            skipped("sshd is not installed");
            return None;
        }
        // Root's sshd locks itself up there.
        let _ = fs::create_dir_all("/run/sshd");
        let directory = env::temp_dir().join(format!("sshd-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let at = directory.display();
        for key in ["host", "user"] {
            let words = ["-q", "-t", "ed25519", "-N", "", "-f"];
            let mut keygen = Command::new("ssh-keygen");
            run(keygen.args(words).arg(directory.join(key)).stdin(Stdio::null()))
                .success()
                .unwrap();
        }
        // In a second shell (SHLVL), bash reads no .bashrc, which might write to stdout.
        let server = format!(
            "ListenAddress {address}\nPort {port}\nHostKey {at}/host\nPidFile none\n\
             AuthorizedKeysFile {at}/user.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
             MaxStartups 100\nMaxSessions 100\nSetEnv SHLVL=2\n"
        );
        let client = format!(
            "Host dead2\n Port 1\n\
             Host asking*\n PubkeyAuthentication no\n PasswordAuthentication yes\n\
             Host one\n ControlPath {at}/control\n ControlMaster auto\n ControlPersist 60\n\
             Host *\n HostName {address}\n Port {port}\n IdentityFile {at}/user\n IdentitiesOnly yes\n \
             UserKnownHostsFile {at}/known\n StrictHostKeyChecking accept-new\n LogLevel ERROR\n"
        );
        fs::write(directory.join("server"), server).unwrap();
        fs::write(directory.join("client"), client).unwrap();
        let mut words = starter.to_vec();
        words.push(SSHD);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).args(["-D", "-e", "-f"]).arg(directory.join("server"));
        command.stdin(Stdio::null()).stderr(fs::File::create(directory.join("log")).unwrap());
        let listener = command.spawn().unwrap();
        let mut sshd = Sshd { listener, directory };
        let give_up = Instant::now() + DEADLINE;
        while TcpStream::connect((address, port)).is_err() {
            let log = fs::read_to_string(sshd.directory.join("log")).unwrap();
            assert!(Instant::now() < give_up, "sshd does not listen: {log}");
            thread::sleep(Duration::from_millis(5));
        }
        // Another program could have taken the port, and answer there.
        assert_eq!(sshd.listener.try_wait().unwrap(), None, "sshd has ended");
        Some(sshd)
    }

    /// The `--worker-command` for process-demo on `host`, a name of the client's configuration:
    /// `dead2` refuses connections, `asking` wants a password, `one` shares a connection.
    pub fn worker_command(&self, host: &str) -> String {
        let (ssh, worker) = (self.ssh(host), binary("process-demo"));
        format!("{ssh} \"'{}' worker {}\"", worker.display(), self.directory.display())
    }

    fn ssh(&self, host: &str) -> String {
        format!("ssh -F {}/client {host}", self.directory.display())
    }

    /// Opens the connection that the clients of the host `one` share.
    pub fn connect_once(&self) {
        let ssh = self.ssh("one");
        let mut words = ssh.split(' ');
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg("true").stdin(Stdio::null());
        assert!(command.status().unwrap().success());
    }

    /// The connections that it serves, by the pids of the processes that do.
    pub fn connections(&self) -> HashSet<u32> {
        children(self.listener.id())
    }

    /// The workers that it runs.
    pub fn workers(&self) -> HashSet<u32> {
        workers(self.directory.to_str().unwrap())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let control = self.directory.join("control");
        if control.exists() {
            let exit = ["-q", "-O", "exit", "-S", control.to_str().unwrap(), "one"];
            let _ = Command::new("ssh").args(exit).stderr(Stdio::null()).status();
        }
        let _ = self.listener.kill();
        let _ = self.listener.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Processes of process-demo in its mode `worker`, whose last argument is `mark`.
pub fn workers(mark: &str) -> HashSet<u32> {
    let entries = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    let worker = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let words = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
        let [program, "worker", last] = words[..] else { return None };
        (program.ends_with("process-demo") && last == mark).then_some(pid)
    };
    entries.filter_map(worker).collect()
}
