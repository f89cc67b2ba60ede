//! Verdicts on how many cores a run kept busy: CPU time by wall time, as the operating system
//! counts it. Where it does not, how much faster a run was can show that it used several cores, but
//! not that it did not.

use std::collections::BTreeMap;

use shared::judge::{Judgement, lost};
use shared::report::{Finding, Run, Task, Verdict};

use crate::picture::DIFFERS;

/// A run on one thread had a core to itself if it had this much of it.
const UNDISTURBED: f64 = 0.9;

/// Work that takes less than this, in milliseconds, is not worth sharing out.
const WORTHWHILE_MS: f64 = 50.0;

/// Up to this many cores, a run is taken to have used one: clocks are read at different moments.
const ONE: f64 = 1.15;

/// What verdicts are measured by.
pub struct Baseline<'a> {
    /// The same work on one thread.
    sequential: &'a Run,
    cores: usize,
}

impl<'a> Baseline<'a> {
    pub fn new(sequential: &'a Run, cores: usize) -> Baseline<'a> {
        Baseline { sequential, cores }
    }

    /// What follows from the same work by all models, in pools of `size`.
    pub fn findings(
        &self,
        threads: &Run,
        processes: &Run,
        rayon: &Run,
        tasks: &Run,
        size: usize,
    ) -> Vec<Finding> {
        let parallel = |run| self.uses_cores(run, size);
        vec![
            self.uses_one_core(tasks).on("G4", "Async does not help to compute"),
            self.same_work(processes).on("P1", "Processes compute as well as they wait"),
            parallel(processes).on("P3", "Processes compute in parallel"),
            parallel(threads).on("G5", "Threads compute in parallel"),
            parallel(rayon).on("G5", "Rayon computes in parallel"),
        ]
    }

    /// Did `run` do the same work? A row that differs counts as failed.
    fn same_work(&self, run: &Run) -> Judgement {
        let n = self.sequential.done;
        let differs = |task: &&Task| task.error.as_deref() == Some(DIFFERS);
        let other_losses = run.lost() > run.tasks.iter().filter(differs).count();
        Judgement::exactly(
            format!("{n} of {n} rows drawn alike"),
            format!("{} of {n} rows drawn alike", run.done),
            "compared with the sequential run, pixel by pixel",
        )
        .unless(lost(&[run]).filter(|_| other_losses))
        .unless(lost(&[self.sequential]))
    }

    /// Did `run` keep `size` cores busy, or as many as there are?
    pub fn uses_cores(&self, run: &Run, size: usize) -> Judgement {
        let expected = size.min(self.cores).min(run.tasks.len());
        let busy = self.busy(run);
        let reasons = if busy > 1.0 + 0.5 * (expected as f64 - 1.0) {
            (Verdict::Holds, "one at a time could never use more than one core")
        } else if busy > ONE {
            (Verdict::NotShown, "more than one core, but fewer than it should")
        } else if cores_to_be_had(run, expected) {
            (Verdict::Fails, "it used no more than one core, and the others were idle")
        } else {
            (Verdict::NotShown, "other programs kept the cores busy, as far as is known")
        };
        let alone = (expected < 2).then_some("one worker, or one task, uses one core");
        let plural = if expected == 1 { "" } else { "s" };
        self.judgement(format!("{expected} core{plural} busy"), run, reasons)
            .unless(alone)
            .unless(self.cannot_tell(run))
    }

    /// Did `run` get by with a single core, whatever there are?
    pub fn uses_one_core(&self, run: &Run) -> Judgement {
        let unknown = share(run).is_none();
        let reasons = match self.busy(run) {
            ..=ONE => (Verdict::Holds, "there are more cores, and it used one"),
            ..1.5 => (Verdict::NotShown, "hardly more than one core"),
            _ => (Verdict::Fails, "it used more than one core"),
        };
        // Whoever gets no more than one core cannot show that it needs no more.
        let taken = run.idle_ms.is_some() && !cores_to_be_had(run, self.cores);
        let taken = taken && reasons.0 == Verdict::Holds;
        self.judgement("1 core busy".into(), run, reasons)
            .unless(taken.then_some("other programs kept the other cores busy"))
            .unless(unknown.then_some("this operating system does not tell our CPU time"))
            .unless(self.cannot_tell(run))
    }

    fn cannot_tell(&self, run: &Run) -> Option<String> {
        if let Some(lost) = lost(&[self.sequential, run]) {
            Some(lost)
        } else if self.cores < 2 {
            Some("there is only one core".into())
        } else if self.sequential.wall_ms < WORTHWHILE_MS {
            Some("it is too little work to share out: try a larger -n".into())
        } else {
            None
        }
    }

    /// Cores that a run kept busy on average.
    fn busy(&self, run: &Run) -> f64 {
        share(run).unwrap_or(self.sequential.wall_ms / run.wall_ms)
    }

    fn judgement(&self, predicted: String, run: &Run, reasons: (Verdict, &str)) -> Judgement {
        let faster = self.sequential.wall_ms / run.wall_ms;
        let measured = format!("{:.2} cores busy, {faster:.2} times as fast", self.busy(run));
        Judgement::new(predicted, measured, reasons)
    }
}

/// Whether the cores that `run` could have used beside the ones it did were idle, and not at work for
/// other programs.
fn cores_to_be_had(run: &Run, expected: usize) -> bool {
    let unused = expected as f64 - share(run).unwrap_or(0.0);
    let idle = run.idle_ms.map(|idle_ms| idle_ms / run.wall_ms);
    idle.is_some_and(|idle| idle > 0.5 * unused)
}

/// The speed-up of a job with a serial part.
pub struct Speedup<'a> {
    pub alone: &'a Run,
    /// The run on the most threads, and how many those were.
    pub most: &'a Run,
    pub threads: usize,
    /// What Amdahl's law says of it, and what it says of any number of threads.
    pub law: f64,
    pub limit: f64,
}

/// A measured speed-up this far off the law's is the law's.
const TOLERANCE: f64 = 0.2;

impl Speedup<'_> {
    fn measured(&self) -> f64 {
        self.alone.wall_ms / self.most.wall_ms
    }

    /// The least speed-up that is the law's, and the greatest.
    fn limits(&self) -> [f64; 2] {
        [1.0 - TOLERANCE, 1.0 + TOLERANCE].map(|part| self.law * part)
    }

    /// Why nothing follows from it, if nothing does.
    fn doubt(&self) -> Option<&'static str> {
        let slow = self.measured() < self.limits()[0];
        if self.threads < 2 {
            Some("there is only one core")
        } else if self.alone.wall_ms < WORTHWHILE_MS {
            Some("it is too little work to share out: try a larger -n")
        } else if share(self.alone).is_none_or(|share| share < UNDISTURBED)
            || (slow && !cores_to_be_had(self.most, self.threads))
        {
            Some("other programs kept the cores busy, as far as is known")
        } else {
            None
        }
    }

    /// Is it the speed-up of the law?
    pub fn obeys_the_law(&self) -> Judgement {
        let measured = self.measured();
        let off = measured / self.law - 1.0;
        let [least, greatest] = self.limits();
        let reasons = if measured > greatest {
            (Verdict::Fails, "the serial part did not count".into())
        } else if measured >= least {
            (Verdict::Holds, format!("{:+.0} % off the law's", off * 100.0))
        } else if measured <= ONE {
            (Verdict::Fails, "nothing but the serial part counted".into())
        } else {
            // Cores that share a power limit, or are half of one, are not whole cores together.
            (Verdict::NotShown, "the cores are slower together than one alone".into())
        };
        Judgement::new(
            format!("{:.2} times as fast on {} threads", self.law, self.threads),
            format!("{measured:.2} times as fast"),
            reasons,
        )
        .unless(self.doubt())
    }

    /// Is it less than it would be without a serial part?
    pub fn ends(&self) -> Judgement {
        let (threads, measured) = (self.threads, self.measured());
        let each = measured / threads as f64;
        let reasons = match each < 0.95 && measured < self.limit {
            true => (Verdict::Holds, "each thread adds less than the one before"),
            false => (Verdict::Fails, "it went on growing with the threads"),
        };
        Judgement::new(
            format!("less than {threads} times on {threads} threads, never {:.0}", self.limit),
            format!("{measured:.2} times on {threads} threads, {each:.2} for each"),
            reasons,
        )
        .unless(self.doubt())
    }
}

/// The same work by a thread for each core, before and after that by many threads.
pub fn no_faster(some: [&Run; 2], many: &Run, cores: usize) -> Judgement {
    let before = some[0].wall_ms.min(some[1].wall_ms);
    let faster = before / many.wall_ms;
    let quiet = |run: &&Run| share(run).is_some_and(|busy| busy >= UNDISTURBED * cores as f64);
    let busy = share(many).map_or("unknown".into(), |busy| format!("{busy:.2}"));
    // A quota may allow a part of one more.
    let reasons = if share(many).is_some_and(|busy| busy > cores as f64 + 1.0) {
        (Verdict::Fails, "it used more cores than there are")
    } else if faster <= 1.2 {
        (Verdict::Holds, "they had to take turns on the cores")
    } else if some.iter().all(quiet) {
        (Verdict::Fails, "more threads got more done")
    } else {
        (Verdict::NotShown, "more threads took more from the other programs")
    };
    Judgement::new(
        format!("no faster, {cores} cores busy at most"),
        format!("{faster:.2} times as fast, {busy} cores busy"),
        reasons,
    )
    .unless(lost(&[some[0], many, some[1]]))
    .unless((before < WORTHWHILE_MS).then_some("it is too little work to tell: try a larger -n"))
}

/// How much work, in iterations, each of `threads` has done: shared out beforehand, and as they ran
/// out of it.
pub fn sharing(
    threads: usize,
    runs: [&Run; 2],
    [blocks, stolen]: &[BTreeMap<String, u64>; 2],
) -> Judgement {
    let [_, run] = runs;
    let busy_ms = run.mean_task_ms() * run.tasks.len() as f64;
    let largest = |work: &BTreeMap<String, u64>| {
        let sum: u64 = work.values().sum();
        let most = work.values().copied().max().unwrap_or(0);
        most as f64 * threads as f64 / sum.max(1) as f64
    };
    let (fixed, shared) = (largest(blocks), largest(stolen));
    let reasons = if fixed < 1.1 {
        (Verdict::NotShown, "the blocks are equally long by chance")
    } else if shared - 1.0 < (fixed - 1.0) / 2.0 {
        (Verdict::Holds, "counted in iterations, so no clock can disturb it")
    } else if shared < fixed || !cores_to_be_had(run, threads) {
        (Verdict::NotShown, "other programs kept one of the threads waiting")
    } else {
        (Verdict::Fails, "whoever had nothing left took nothing")
    };
    Judgement::new(
        "blocks well above 1, rayon near 1 times a fair share",
        format!("most work of one thread: blocks {fixed:.2}, rayon {shared:.2} times a fair share"),
        reasons,
    )
    .unless(
        (busy_ms < WORTHWHILE_MS).then_some("it is too little work to share out: try a larger -n"),
    )
    .unless(
        (threads < 2)
            .then_some("one thread, as where there is only one core, has nobody to take from"),
    )
    .unless(lost(&runs))
}

/// How many of ten threads waited at the same time with a lock held meanwhile, and given back.
pub fn waits(held: usize, given_back: usize) -> Judgement {
    let reasons = match (held, given_back) {
        (1, 2..) => (Verdict::Holds, "counted by the threads themselves"),
        (1, _) => (Verdict::Fails, "they waited one at a time all the same"),
        _ => (Verdict::Fails, "the lock did not keep them apart"),
    };
    Judgement::new(
        "waiting at once: 1 with the lock held, up to 10 with it given back",
        format!("waiting at once: {held} with the lock held, {given_back} with it given back"),
        reasons,
    )
}

/// For each kind and way to die, how many of the three others were alive afterwards.
pub fn survival(alive: &[(&str, &str, usize)]) -> Judgement {
    let table = |count: &dyn Fn(&(&str, &str, usize)) -> usize| {
        let kinds = alive.chunk_by(|a, b| a.0 == b.0).map(|cells| {
            let ways = cells.iter().map(|cell| format!("{} {}", cell.1, count(cell)));
            format!("{}: {}", cells[0].0, ways.collect::<Vec<_>>().join(", "))
        });
        kinds.collect::<Vec<_>>().join("; ")
    };
    let expected = |cell: &(&str, &str, usize)| match (cell.0, cell.1) {
        ("process", _) | (_, "panic") => 3,
        _ => 0,
    };
    Judgement::exactly(
        table(&expected),
        table(&|cell| cell.2),
        "a panic unwinds one stack, all else ends the process",
    )
}

/// Pieces of the work that is to be stopped after the first.
pub const PIECES: usize = 100;

/// How many pieces each kind had done when it had stopped.
pub fn stop(done: &[(&str, usize)]) -> Judgement {
    let deaf = |kind: &str| matches!(kind, "thread" | "job");
    let as_claimed = |&(kind, pieces): &(&str, usize)| (pieces < PIECES) != deaf(kind);
    let reasons = match done.iter().all(as_claimed) {
        true => (Verdict::Holds, "those that do not look went on to the end"),
        false => (Verdict::Fails, "one went on that should not, or stopped that should not"),
    };
    let cells: Vec<String> = done.iter().map(|(kind, pieces)| format!("{kind} {pieces}")).collect();
    Judgement::new(
        format!("thread and job {PIECES} pieces, the others fewer"),
        cells.join("; "),
        reasons,
    )
}

fn share(run: &Run) -> Option<f64> {
    Some(run.cpu_ms? / run.wall_ms)
}

#[cfg(test)]
mod tests;
