//! Under a real srun, on this machine.

use nix::sys::signal::Signal;
use shared::os::child::ChildExit;

use crate::support::demo::run_of;
use crate::support::processes::assert_ended;
use crate::support::servers::HoldingServer;
use crate::support::slurm::Slurm;
use crate::support::sshd::workers;
use crate::support::trial::Trial;
use crate::support::workspace::binary;

#[test]
fn srun_workers_answer_and_end() {
    let Some(slurm) = Slurm::start() else { return };
    let mark = slurm.config().display().to_string();
    let worker = binary("process-demo");
    // Env passes the place of the configuration to srun.
    let command = format!("srun --ntasks=1 --quiet '{}' worker {mark}", worker.display());
    let variable = format!("SLURM_CONF={mark}");
    let start = |words: &[&str]| {
        let common =
            ["-n", "4", "--workers", "2", "--format", "json", "--worker-command", &command];
        let words = [&common[..], words].concat();
        // Srun forks a process, and does not wait for it.
        Trial::start_under(&["env", &variable], "process-demo", &words).leaving_orphans(true)
    };
    let report = start(&[]).any_report();
    for model in ["processes", "process-pool"] {
        assert_eq!(run_of(&report, model).done, 4, "{:?}", run_of(&report, model).tasks);
    }
    let server = HoldingServer::start(8, 2);
    let trial = start(&["--url", &server.url, "--timeout", "60s"]);
    server.wait_until_held();
    let there = workers(&mark);
    assert!(trial.signal(Signal::SIGKILL));
    assert_ended(&there);
    assert_eq!(trial.finish().exit, ChildExit::Signal(9));
}
