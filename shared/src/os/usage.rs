//! What the operating system says about this process: CPU time, context switches, memory, threads,
//! idle cores.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};

use crate::os::proc::{self, number};
use crate::os::{cgroup, cores};

/// CPU time in milliseconds of this process and of the children it has waited for; on Windows, of
/// the workers that [`add_worker`] knows.
pub fn cpu_ms() -> Option<f64> {
    #[cfg(unix)]
    {
        use nix::sys::time::TimeValLike;
        let us = own_and_children()?.map(|usage| {
            usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
        });
        Some((us[0] + us[1]) as f64 / 1000.0)
    }
    #[cfg(windows)]
    {
        let (_, _, kernel, user) = winsafe::HPROCESS::GetCurrentProcess().GetProcessTimes().ok()?;
        // In units of 100 ns.
        let own_ms = (u64::from(kernel) + u64::from(user)) as f64 / 10_000.0;
        Some(own_ms + WORKERS_CPU_MS.load(Relaxed) as f64)
    }
}

/// Context switches of this process and of the children it has waited for.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub struct Switches {
    /// A thread waited, and gave its core up.
    pub voluntary: u64,
    /// The OS took the core from a thread that computed.
    pub involuntary: u64,
}

impl Switches {
    /// Those until now. `None` outside Linux: Windows does not count them, and macOS counts a wait
    /// for a lock as involuntary.
    pub fn now() -> Option<Switches> {
        #[cfg(target_os = "linux")]
        {
            Some(Switches::sum(&own_and_children()?))
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    /// Those of the calling thread alone. `None` outside Linux.
    pub fn of_this_thread() -> Option<Switches> {
        #[cfg(target_os = "linux")]
        {
            use nix::sys::resource::{UsageWho, getrusage};
            Some(Switches::sum(&[getrusage(UsageWho::RUSAGE_THREAD).ok()?]))
        }
        #[cfg(not(target_os = "linux"))]
        None
    }

    #[cfg(target_os = "linux")]
    fn sum(usages: &[nix::sys::resource::Usage]) -> Switches {
        let voluntary = usages.iter().map(|usage| usage.voluntary_context_switches() as u64);
        let involuntary = usages.iter().map(|usage| usage.involuntary_context_switches() as u64);
        Switches { voluntary: voluntary.sum(), involuntary: involuntary.sum() }
    }

    /// Those since `before`. `None` also if the OS has never counted one: some sandboxes do not count.
    pub fn since(before: Option<Switches>) -> Option<Switches> {
        let (before, now) = (before?, Switches::now()?);
        (now != Switches::default()).then(|| Switches {
            voluntary: now.voluntary.saturating_sub(before.voluntary),
            involuntary: now.involuntary.saturating_sub(before.involuntary),
        })
    }
}

/// What getrusage(2) says of this process, and of the children it has waited for.
#[cfg(unix)]
fn own_and_children() -> Option<[nix::sys::resource::Usage; 2]> {
    use nix::sys::resource::{UsageWho, getrusage};
    Some([getrusage(UsageWho::RUSAGE_SELF).ok()?, getrusage(UsageWho::RUSAGE_CHILDREN).ok()?])
}

/// Idle time in milliseconds, added up over the cores that this process may use. `None` without
/// proc(5), or if the process may use only parts of cores.
pub fn idle_ms() -> Option<f64> {
    let allowed = cores::allowed()?;
    let idle = idle_by_core(&proc::read("stat")?, &allowed)?;
    cores::quota().is_none().then(|| idle.iter().sum())
}

/// Idle time of each of the `allowed` cores by proc(5)'s `stat`. `None` if all are zero: some
/// sandboxes provide the file without figures.
fn idle_by_core(stat: &str, allowed: &HashSet<usize>) -> Option<Vec<f64>> {
    // Its unit, USER_HZ, is a hundredth of a second on all common systems.
    const TICK_MS: f64 = 10.0;
    let mut idle = Vec::new();
    for line in stat.lines() {
        let mut words = line.split_whitespace();
        let Some(core) = words.next()?.strip_prefix("cpu") else { break };
        if core.parse().is_ok_and(|core: usize| allowed.contains(&core)) {
            // user nice system idle iowait
            let ticks: f64 =
                words.skip(3).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
            idle.push(ticks * TICK_MS);
        }
    }
    idle.iter().any(|ms| *ms > 0.0).then_some(idle)
}

/// The OS's count of this process's threads. `None` on macOS, where only unsafe code could ask.
pub fn os_threads() -> Option<usize> {
    #[cfg(windows)]
    {
        use std::sync::OnceLock;
        use winsafe::{HPROCESSLIST, co::TH32CS};
        // Windows starts threads in each program that load its libraries, and ends them half a minute
        // later. So that they change no count, those of the first call count for ever.
        static FIRST: OnceLock<HashSet<(u32, u32)>> = OnceLock::new();
        let mut list = HPROCESSLIST::CreateToolhelp32Snapshot(TH32CS::SNAPTHREAD, None).ok()?;
        let threads = list.iter_threads();
        let ids = threads.map(|thread| thread.map(|it| (it.th32OwnerProcessID, it.th32ThreadID)));
        let mut ids: HashSet<(u32, u32)> = ids.collect::<Result<_, _>>().ok()?;
        ids.retain(|&(owner, _)| owner == std::process::id());
        Some(FIRST.get_or_init(|| ids.clone()).union(&ids).count())
    }
    #[cfg(not(windows))]
    Some(proc_status("Threads:")? as usize)
}

/// Peak resident memory in KiB: on Linux since [`reset_peak_rss`], on other systems since the process
/// began (they keep no other figure).
pub fn peak_rss_kib() -> Option<u64> {
    if cfg!(target_os = "linux") {
        return proc_status("VmHWM:");
    }
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let peak = getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss() as u64;
        // getrusage(2): kilobytes, but bytes on macOS.
        Some(if cfg!(target_vendor = "apple") { peak / 1024 } else { peak })
    }
    #[cfg(windows)]
    Some(windows_memory()?.PeakWorkingSetSize as u64 / 1024)
}

/// Resident memory in KiB right now. `None` outside Linux.
pub fn rss_kib() -> Option<u64> {
    // proc(5): VmRSS may be off by some pages for each core; this is exact.
    let rollup = proc::read("self/smaps_rollup");
    rollup.and_then(|rollup| number(&rollup, "Rss:")).or_else(|| proc_status("VmRSS:"))
}

/// Private memory in KiB, which the OS gets back when this process ends. Pages that other processes
/// have mapped as well, such as this program's code, do not count, and neither does the kernel's.
/// On Windows, pages that are allocated and not yet touched count, too. `None` on macOS.
pub fn private_kib() -> Option<u64> {
    #[cfg(windows)]
    {
        // The same as PrivateUsage, which Wine leaves at zero.
        Some(windows_memory()?.PagefileUsage as u64 / 1024)
    }
    #[cfg(not(windows))]
    {
        let rollup = proc::read("self/smaps_rollup")?;
        Some(number(&rollup, "Private_Clean:")? + number(&rollup, "Private_Dirty:")?)
    }
}

#[cfg(windows)]
fn windows_memory() -> Option<winsafe::PROCESS_MEMORY_COUNTERS_EX> {
    winsafe::HPROCESS::GetCurrentProcess().GetProcessMemoryInfo().ok()
}

/// Peak memory of worker processes, added up since the last [`reset_peak_rss`].
static WORKERS_PEAK_KIB: AtomicU64 = AtomicU64::new(0);

/// CPU time of worker processes. Windows does not add it up for their parent, as Unix does.
#[cfg(windows)]
static WORKERS_CPU_MS: AtomicU64 = AtomicU64::new(0);

/// What a worker process tells its parent about itself.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub struct WorkerUsage {
    pub peak_rss_kib: Option<u64>,
    pub cpu_ms: Option<f64>,
}

impl WorkerUsage {
    /// This process's own.
    pub fn now() -> WorkerUsage {
        WorkerUsage { peak_rss_kib: peak_rss_kib(), cpu_ms: cpu_ms() }
    }
}

/// Adds what a worker process that has ended told last.
pub fn add_worker(usage: WorkerUsage) {
    // Whatever a worker says, a sum of such figures does not overflow.
    let most = u64::from(u32::MAX);
    WORKERS_PEAK_KIB.fetch_add(usage.peak_rss_kib.unwrap_or(0).min(most), Relaxed);
    #[cfg(windows)]
    WORKERS_CPU_MS.fetch_add((usage.cpu_ms.unwrap_or(0.0) as u64).min(most), Relaxed);
}

/// Peak memory of the workers that [`add_worker`] knows, in KiB, since the last [`reset_peak_rss`].
pub fn workers_peak_kib() -> u64 {
    WORKERS_PEAK_KIB.load(Relaxed)
}

/// Starts new peaks of memory. Where the OS refuses, the older peak stays.
pub fn reset_peak_rss() {
    WORKERS_PEAK_KIB.store(0, Relaxed);
    if cfg!(target_os = "linux") {
        // proc(5): writing 5 resets the peak resident set size to the current size.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
    }
}

/// Memory in KiB that this process and its children can get. `None` outside Linux.
pub fn available_kib() -> Option<u64> {
    let free = number(&proc::read("meminfo")?, "MemAvailable:")?;
    // Threads reserve about twice the address space that they use.
    let address_space = address_space_kib().map(|kib| kib / 2);
    [Some(free), cgroup::memory_kib(), address_space].into_iter().flatten().min()
}

/// The limit of `ulimit -v`. `None` without one, and outside Linux.
fn address_space_kib() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
        let (soft, _) = getrlimit(Resource::RLIMIT_AS).ok()?;
        (soft != RLIM_INFINITY).then_some(soft / 1024)
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// The number behind `key` in proc(5)'s `status`; `None` without that file.
fn proc_status(key: &str) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    // A single read, because this is also called in the middle of a run.
    let mut bytes = [0; 4096];
    let length = File::open("/proc/self/status").ok()?.read(&mut bytes).ok()?;
    number(str::from_utf8(&bytes[..length]).ok()?, key)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn os_figures_describe_this_process() {
        use nix::sys::resource::{Usage, UsageWho, getrusage};
        let ms = |usage: Usage| {
            let times = [usage.user_time(), usage.system_time()];
            times
                .map(|t| t.tv_sec() as f64 * 1000.0 + t.tv_usec() as f64 / 1000.0)
                .iter()
                .sum::<f64>()
        };
        let whole = || {
            let who = [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN];
            who.map(|who| ms(getrusage(who).unwrap())).iter().sum::<f64>()
        };
        // A child that has been waited for, so that there is something to add up.
        let list = ["-c", "ls -R /proc/self >/dev/null 2>&1"];
        std::process::Command::new("sh").args(list).status().unwrap();
        let (least, cpu, most) = (whole(), cpu_ms().unwrap(), whole());
        assert!(least - 0.01 <= cpu && cpu <= most + 0.01, "{least} {cpu} {most}");
        // The test's own thread, and the thread that started it.
        assert!(os_threads().unwrap() >= 2);
        let peak = peak_rss_kib().unwrap();
        assert!((500..10_000_000).contains(&peak), "{peak} KiB");
        assert!((500..=peak + 10_000).contains(&rss_kib().unwrap()));
        if std::fs::write("/proc/self/clear_refs", "5").is_ok() {
            let large = vec![1_u8; 64 << 20];
            let peak = peak_rss_kib().unwrap();
            drop(large);
            reset_peak_rss();
            assert!(peak_rss_kib().unwrap() + 32 * 1024 < peak);
        }
    }

    #[test]
    fn work_and_memory_raise_the_figures() {
        let (before, give_up) = (cpu_ms().unwrap(), Instant::now() + Duration::from_secs(60));
        while cpu_ms().unwrap() < before + 50.0 {
            assert!(Instant::now() < give_up, "no CPU time was counted");
        }
        let large = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(peak_rss_kib().unwrap() >= 64 << 10);
        // macOS tells neither.
        assert_eq!(private_kib().is_some(), cfg!(not(target_os = "macos")));
        assert_eq!(os_threads().is_some(), cfg!(not(target_os = "macos")));
        assert!(private_kib().is_none_or(|kib| kib >= 64 << 10), "{} bytes", large.len());
        assert!(os_threads().is_none_or(|threads| threads >= 2));
    }

    #[test]
    fn waits_are_voluntary_switches() {
        assert_eq!(Switches::since(None), None);
        let before = Switches::now();
        // The shell may find that a child has ended before it waits for it, but each child sleeps.
        let script = "for i in 1 2 3 4 5; do sleep 0.01; done";
        let child = std::process::Command::new("sh").args(["-c", script]).status();
        let Some(all) = Switches::since(before) else { return };
        assert!(child.unwrap().success() && all.voluntary >= 5, "{all:?}");
        let own = || Switches::of_this_thread().unwrap().voluntary;
        let before = own();
        (0..5).for_each(|_| std::thread::sleep(Duration::from_millis(10)));
        assert!(own() >= before + 5);
    }

    #[test]
    fn worker_time_is_not_counted_twice() {
        let before = cpu_ms().unwrap();
        add_worker(WorkerUsage { cpu_ms: Some(5_000.0), peak_rss_kib: None });
        let counted = cpu_ms().unwrap() - before >= 5_000.0;
        assert_eq!(counted, cfg!(windows), "Unix counts it among the children's");
    }

    #[test]
    fn only_allowed_cores_count_as_idle() {
        let stat = "cpu 9 9 9 99 9\ncpu0 1 1 1 10 0\ncpu1 1 1 1 20 5\ncpu2 1 1 1 40 0\nintr 7\n";
        let idle = |cores: &[usize]| idle_by_core(stat, &cores.iter().copied().collect()).unwrap();
        assert_eq!(idle(&[1]), [250.0]);
        assert_eq!(idle(&[0, 2]), [100.0, 400.0]);
        assert_eq!(idle(&[0, 1]), [100.0, 250.0]);
        assert_eq!(idle_by_core("cpu 0 0 0 0 0\ncpu0 0 0 0 0 0\n", &HashSet::from([0])), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn idle_time_matches_the_sum_of_all_cores() {
        // proc(5): the first line of `stat` adds up the others; idle is fourth, iowait fifth.
        let stat = || std::fs::read_to_string("/proc/stat").unwrap();
        let total_ms = || {
            let stat = stat();
            let words = stat.lines().next().unwrap().split_whitespace().skip(4).take(2);
            words.map(|word| word.parse::<f64>().unwrap()).sum::<f64>() * 10.0
        };
        let cores = stat().lines().filter(|line| line.starts_with("cpu")).count() - 1;
        if std::thread::available_parallelism().unwrap().get() != cores {
            return;
        }
        let (least, idle, most) = (total_ms(), idle_ms().unwrap(), total_ms());
        // Each core's share is rounded down to a tick.
        let rounding = 20.0 * cores as f64;
        assert!(least - rounding <= idle && idle <= most + rounding, "{least} {idle} {most}");
    }
}
