//! The choice of a model, as a table: a question, the answer, the claims that it rests on, and the
//! figures just measured, with the command that measures them again.

use shared::report::{Finding, Verdict};
use shared::verdict::Check;

use crate::quoted::{Quoted, Source};

struct Line {
    /// The question and the answer.
    says: &'static str,
    claims: &'static [Source],
    /// The command of the lesson that measured the figures.
    command: &'static str,
    /// What was measured, if all of it was.
    figures: fn(Quoted) -> Option<String>,
    /// Why the answer follows.
    because: fn(Quoted) -> &'static str,
}

const COST: &str = "async-demo/cost";
const SCALE: &str = "async-demo/scale";
const GIL: &str = "cpu-bound-demo/gil";
const BESIDE: &str = "cpu-bound-demo/compute-in-async";
const STOP: &str = "cpu-bound-demo/stop";

const TABLE: [Line; 7] = [
    Line {
        says: "Tasks wait, some hundreds at once: threads",
        claims: &[("T1", "threads-demo"), ("T6", COST), ("T8", COST)],
        command: "cargo run -p async-demo -- cost",
        figures: |quoted| {
            let (us, kib) = (us(quoted, "thread")?, kib(quoted, "thread")?);
            Some(format!("a thread takes {us:.0} us and {kib:.0} KiB"))
        },
        because: |_| "they are the simplest model, and any library works in them",
    },
    Line {
        says: "Thousands wait, or must be cancelled: async",
        claims: &[("A5", "async-demo"), ("A4", "async-demo")],
        command: "cargo run -p async-demo -- scale",
        figures: |quoted| {
            let (task, thread) = (per_request(quoted, "async")?, per_request(quoted, "threads")?);
            Some(format!("{task:.0} KiB a request in async, {thread:.0} in a thread"))
        },
        because: |quoted| match quoted.doubt(&[("T8", SCALE)]) {
            None => "threads held as many requests here, so cancelling decides",
            Some(_) => "the OS granted fewer threads, and nothing cancels a thread from outside",
        },
    },
    Line {
        says: "Tasks compute over data: rayon, with a thread for each core",
        claims: &[
            ("G5", "cpu-bound-demo"),
            ("G6", "cpu-bound-demo"),
            ("G7", "cpu-bound-demo"),
            ("G8", "cpu-bound-demo"),
        ],
        command: "cargo run -p cpu-bound-demo",
        figures: |quoted| {
            let alone = quoted.run("cpu-bound-demo/notebook", "sequential")?;
            let rayon = quoted.run("cpu-bound-demo/notebook", "rayon")?;
            Some(format!("rayon {:.2} times as fast as one thread", alone.wall_ms / rayon.wall_ms))
        },
        because: |_| "idle threads steal work, and more threads than cores add nothing",
    },
    Line {
        says: "Tasks wait and compute: async, with rayon for the computing",
        claims: &[("A6", "async-demo"), ("A6", BESIDE), ("G9", BESIDE)],
        command: "cargo run -p cpu-bound-demo -- compute-in-async",
        figures: |quoted| {
            let [tasks, rayon] = ["tasks on many threads", "rayon"]
                .map(|way| quoted.figure(BESIDE, "Beats of the heart meanwhile", way));
            let (tasks, rayon) = (tasks?, rayon?);
            Some(format!(
                "a task beats {tasks:.0} times beside computing tasks, {rayon:.0} beside rayon"
            ))
        },
        because: |_| "a task that computes blocks its thread of the runtime",
    },
    Line {
        says: "Tasks must survive crashes, or be killed: processes",
        claims: &[
            ("P4", "process-demo"),
            ("P7", "process-demo"),
            ("P6", COST),
            ("G10", "cpu-bound-demo"),
        ],
        command: "cargo run -p cpu-bound-demo -- stop",
        figures: |quoted| {
            let (us, kib) = (us(quoted, "process")?, kib(quoted, "process")?);
            let stop = |kind| quoted.figure(STOP, "Time until it stopped", kind);
            let (process, thread) = (stop("process")?, stop("thread")?);
            Some(format!(
                "killed, a process stops in {process:.1} ms, a thread when its work ends, in \
                {thread:.0} ms; a process takes {:.1} ms and {kib:.0} KiB",
                us / 1000.0
            ))
        },
        because: |_| "their data must be serialized, and each costs more than a thread",
    },
    Line {
        says: "How small a piece of work may be: a hundred times what starting it costs",
        claims: &[("T6", COST), ("P6", COST)],
        command: "cargo run -p async-demo -- cost",
        figures: |quoted| {
            let ms = |kind| Some(100.0 * us(quoted, kind)? / 1000.0);
            let (task, thread, process) = (ms("task")?, ms("thread")?, ms("process")?);
            Some(format!("a task {task:.2} ms, a thread {thread:.0} ms, a process {process:.0} ms"))
        },
        because: |_| "then starting it adds 1 % to the work",
    },
    Line {
        says: "Tasks compute in Python: processes, or code that releases the lock",
        claims: &[("G1", GIL), ("G3", GIL)],
        command: "cargo run -p cpu-bound-demo -- gil",
        figures: |quoted| {
            let busy = |label| quoted.figure(GIL, "Two workers in Python", label);
            let required = ["threads", "hashlib", "processes"];
            let cells = required.into_iter().chain(["interpreters", "free-threaded"]);
            let cells = cells.filter_map(|label| Some(format!("{label} {:.1}", busy(label)?)));
            let all = required.into_iter().all(|label| busy(label).is_some());
            let cells = cells.collect::<Vec<_>>().join(", ");
            all.then(|| format!("cores busy with two workers: {cells}"))
        },
        because: |_| "one thread of an interpreter computes at a time",
    },
];

/// A finding for each line of the table. It holds if its claims do.
pub fn findings(quoted: Quoted) -> Vec<Finding> {
    let finding = |line: &Line| {
        let mut claims: Vec<&str> = line.claims.iter().map(|claim| claim.0).collect();
        claims.dedup();
        let figures = (line.figures)(quoted);
        let reason = match quoted.doubt(line.claims) {
            Some(doubt) => doubt,
            None if figures.is_none() => (Verdict::NotShown, "its figures are missing".into()),
            None => (Verdict::Holds, (line.because)(quoted).into()),
        };
        let predicted = format!("{} hold", claims.join(", "));
        let measured = format!("{} ({})", figures.unwrap_or("unknown".into()), line.command);
        Check::new(predicted, measured, reason).on("G9", line.says)
    };
    TABLE.iter().map(finding).collect()
}

/// Time in microseconds to make one of a kind.
fn us(quoted: Quoted, kind: &str) -> Option<f64> {
    quoted.figure(COST, "Time to make one and see it end", kind)
}

/// Memory in KiB of one of a kind.
fn kib(quoted: Quoted, kind: &str) -> Option<f64> {
    quoted.figure(COST, "Private memory of one", kind)
}

/// Memory in KiB of a request that waits, the kernel's stack included.
fn per_request(quoted: Quoted, model: &str) -> Option<f64> {
    let private = quoted.figure(SCALE, "Private memory for each request", model)?;
    Some(private + quoted.figure(SCALE, "Kernel stack for each request", model).unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quoted::tests::lesson;
    use Verdict::*;
    use shared::report::{Figure, LessonReport, Run, Scale};

    /// Every claim of the table holds, and every figure is there.
    fn usual() -> Vec<LessonReport> {
        let mut lessons: Vec<LessonReport> = Vec::new();
        for (claim, place) in TABLE.iter().flat_map(|line| line.claims).chain([&("T8", SCALE)]) {
            let name =
                if place.contains('/') { place.to_string() } else { format!("{place}/notebook") };
            let new = lesson(&name, claim, Holds);
            match lessons.iter_mut().find(|lesson| lesson.name == name) {
                Some(old) => old.findings.extend(new.findings),
                None => lessons.push(new),
            }
        }
        lessons.push(lesson(STOP, "G10", Holds));
        let mut add = |name: &str, figure: &str, points: &[(&str, f64)]| {
            let lesson = lessons.iter_mut().find(|lesson| lesson.name == name).unwrap();
            let figure = Figure::new(figure, "", Scale::Linear);
            let add = |figure: Figure, point: &(&str, f64)| figure.point(point.0, point.1, None);
            lesson.figures.push(points.iter().fold(figure, add));
        };
        let kinds = [("task", 0.5), ("thread", 50.0), ("process", 1200.0)];
        add(COST, "Time to make one and see it end", &kinds);
        add(COST, "Private memory of one", &kinds);
        add(SCALE, "Private memory for each request", &[("async", 17.0), ("threads", 8.0)]);
        add(SCALE, "Kernel stack for each request", &[("async", 0.0), ("threads", 16.0)]);
        let beats = [("tasks on many threads", 0.0), ("rayon", 50.0)];
        add(BESIDE, "Beats of the heart meanwhile", &beats);
        add(STOP, "Time until it stopped", &[("process", 0.3), ("thread", 500.0)]);
        let busy = [("threads", 1.0), ("hashlib", 1.9), ("processes", 1.8)];
        add(GIL, "Two workers in Python", &busy);
        let notebook = lessons.iter_mut().find(|one| one.name == "cpu-bound-demo/notebook");
        notebook.unwrap().runs =
            vec![Run::new("sequential", 200.0, Vec::new()), Run::new("rayon", 100.0, Vec::new())];
        lessons
    }

    #[test]
    fn lines_hold_with_their_claims() {
        let lessons = usual();
        let findings = findings(Quoted(&lessons));
        for finding in &findings {
            assert_eq!(finding.verdict, Holds, "{finding:#?}");
        }
        let measured = findings.iter().map(|finding| finding.measured.split(" (").next());
        assert!(findings[1].measured.ends_with(" (cargo run -p async-demo -- scale)"));
        assert_eq!(
            measured.flatten().collect::<Vec<_>>(),
            [
                "a thread takes 50 us and 50 KiB",
                "17 KiB a request in async, 24 in a thread",
                "rayon 2.00 times as fast as one thread",
                "a task beats 0 times beside computing tasks, 50 beside rayon",
                "killed, a process stops in 0.3 ms, a thread when its work ends, in 500 ms; a \
                process takes 1.2 ms and 1200 KiB",
                "a task 0.05 ms, a thread 5 ms, a process 120 ms",
                "cores busy with two workers: threads 1.0, hashlib 1.9, processes 1.8",
            ]
        );
    }

    #[test]
    fn doubtful_claim_takes_its_lines_along() {
        let verdicts = |lessons: &[LessonReport]| -> Vec<Verdict> {
            findings(Quoted(lessons)).iter().map(|finding| finding.verdict).collect()
        };
        for verdict in [Fails, NotShown] {
            let mut lessons = usual();
            let cost = lessons.iter_mut().find(|lesson| lesson.name == COST).unwrap();
            let t6 = cost.findings.iter_mut().filter(|finding| finding.claim == "T6");
            t6.for_each(|finding| finding.verdict = verdict);
            let expected = [verdict, Holds, Holds, Holds, Holds, verdict, Holds];
            assert_eq!(verdicts(&lessons), expected);
        }
        let mut lessons = usual();
        lessons.iter_mut().for_each(|lesson| lesson.figures.clear());
        let first = &findings(Quoted(&lessons))[0];
        assert_eq!((first.verdict, first.because.as_str()), (NotShown, "its figures are missing"));
        assert_eq!(verdicts(&[]), [NotShown; 7]);
    }

    #[test]
    fn refused_threads_change_the_reason() {
        let because = |lessons: &[LessonReport]| findings(Quoted(lessons))[1].because.clone();
        let mut lessons = usual();
        assert!(because(&lessons).contains("threads held as many"));
        let scale = lessons.iter_mut().find(|lesson| lesson.name == SCALE).unwrap();
        scale.findings.iter_mut().for_each(|finding| finding.verdict = NotShown);
        assert!(because(&lessons).contains("granted fewer"));
    }
}
