//! A real Slurm of one node on this machine, for root. It needs no munge: nobody else has its ports.
#![cfg(target_os = "linux")]

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use shared::os::host::host_name;

use super::demo::DEADLINE;
use super::trial::{is_root, skipped};

pub struct Slurm {
    daemons: Vec<Child>,
    directory: PathBuf,
}

impl Slurm {
    /// `None`, and says so, where it is not installed or may not be started.
    pub fn start() -> Option<Slurm> {
        if !["slurmctld", "slurmd"]
            .iter()
            .all(|name| fs::exists(format!("/usr/sbin/{name}")).unwrap())
        {
            skipped("slurmctld or slurmd is not installed");
            return None;
        }
        if !is_root() {
            skipped("slurmd starts jobs as root only");
            return None;
        }
        let directory = env::temp_dir().join(format!("slurm-{}", std::process::id()));
        for name in ["jobs", "node"] {
            fs::create_dir_all(directory.join(name)).unwrap();
        }
        let free = [0, 1].map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        let [control, node] = free.map(|listener| listener.local_addr().unwrap().port());
        let host = host_name();
        let at = directory.display();
        let config = format!(
            "ClusterName=one\nSlurmctldHost={host}(127.0.0.1)\nSlurmctldPort={control}\n\
             SlurmdPort={node}\nSlurmUser=root\nSlurmdUser=root\nAuthType=auth/none\n\
             CredType=cred/none\nProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_CPU\nMpiDefault=none\n\
             StateSaveLocation={at}/jobs\nSlurmdSpoolDir={at}/node\n\
             SlurmctldPidFile={at}/control.pid\nSlurmdPidFile={at}/node.pid\n\
             SlurmdParameters=config_overrides\n\
             NodeName={host} NodeAddr=127.0.0.1 CPUs=16 State=UNKNOWN\n\
             PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP\n"
        );
        fs::write(directory.join("slurm.conf"), config).unwrap();
        let mut slurm = Slurm { daemons: Vec::new(), directory };
        for name in ["slurmctld", "slurmd"] {
            let log = File::create(slurm.directory.join(name)).unwrap();
            let mut daemon = Command::new(format!("/usr/sbin/{name}"));
            daemon.arg("-D").env("SLURM_CONF", slurm.config()).stdin(Stdio::null());
            daemon.stdout(log.try_clone().unwrap()).stderr(log);
            slurm.daemons.push(daemon.spawn().unwrap());
        }
        let give_up = Instant::now() + DEADLINE;
        while !slurm.is_idle() {
            let log = |name| fs::read_to_string(slurm.directory.join(name)).unwrap();
            assert!(Instant::now() < give_up, "{}{}", log("slurmctld"), log("slurmd"));
            thread::sleep(Duration::from_millis(50));
        }
        for daemon in &mut slurm.daemons {
            assert_eq!(daemon.try_wait().unwrap(), None, "a daemon of Slurm has ended");
        }
        Some(slurm)
    }

    fn is_idle(&self) -> bool {
        let mut sinfo = Command::new("sinfo");
        let output = sinfo.args(["-h", "-o", "%T"]).env("SLURM_CONF", self.config()).output();
        output.is_ok_and(|output| output.stdout.starts_with(b"idle"))
    }

    /// The value of SLURM_CONF for its commands.
    pub fn config(&self) -> PathBuf {
        self.directory.join("slurm.conf")
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}
