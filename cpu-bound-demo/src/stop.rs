//! How long does it take until work stops that nobody needs any more? A thread and a rayon job stop when
//! they look at a flag, a task at its next await, a process at once. Who does not look goes on.
//! You will see six times the same work of a hundred pieces, told to stop after the first.
//! Try it: pieces of 100 ms, and see who takes ten times as long.

use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread::Builder;
use std::time::Duration;

use anyhow::{Context, Result};
use shared::child;
use shared::cli::Hidden;
use shared::lab::{Evidence, Lab};
use shared::report::{Figure, Scale};
use shared::stopwatch::now_ms;
use tokio::runtime::Builder as Runtime;
use tokio::task::yield_now;

use crate::judge;
use crate::pieces::{PROCESS, Work};

/// What starts this program as a child of which one kind is told to stop.
pub const CHILD: Hidden = Hidden::new("stop-one", child).watching_stdin();
pub const ABOUT: &str = "How long it takes to stop a thread, a task, a job and a process";

pub fn run(_: &Lab) -> Result<Evidence> {
    let mut figure = Figure::new("Time until it stopped", "ms", Scale::Logarithmic);
    let mut done = Vec::new();
    for kind in ["thread", "thread+flag", "job", "job+flag", "task", "process"] {
        let mut child = child::this_program(CHILD.name)?;
        let ended = child::run_watching(child.arg(kind), Duration::from_secs(20))?;
        let said = ended.stdout.trim().split_once(' ');
        let (pieces, ms) = said.with_context(|| format!("{kind}: {}", ended.stderr))?;
        figure = figure.point(kind, ms.parse::<f64>()?, None);
        done.push((kind, pieces.parse()?));
    }
    let finding = judge::stop(&done).on("G10", "Who neither looks nor awaits cannot be stopped");
    Ok(Evidence::new(Vec::new(), vec![finding]).with(vec![figure]))
}

/// The child: has one kind begin, tells it to stop, and says how many pieces it has done by then.
fn child(words: &[String]) -> Result<()> {
    let kind = words.first().map_or("", String::as_str);
    let (work, looks) = (Arc::new(Work::default()), kind.ends_with("flag"));
    let mine = work.clone();
    let asked_ms = match kind {
        "thread" | "thread+flag" => {
            let thread = Builder::new().spawn(move || mine.carry_out(looks))?;
            (work.ask(), thread.join()).0
        }
        "job" | "job+flag" => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
            pool.in_place_scope(|scope| {
                scope.spawn(move |_| mine.carry_out(looks));
                work.ask()
            })
        }
        "task" => {
            let event_loop = Runtime::new_current_thread().enable_time().build()?;
            event_loop.block_on(async {
                let task = tokio::spawn(async move { mine.carry_out_async().await });
                while work.done.load(SeqCst) == 0 {
                    yield_now().await;
                }
                task.abort();
                (now_ms(), task.await).0
            })
        }
        _ => {
            let mut process = child::piped(PROCESS.name, &[])?;
            process.from.read_line(&mut String::new())?;
            let asked_ms = (process.child.kill()?, now_ms()).1;
            process.child.wait()?;
            work.done.store(1 + process.from.lines().count(), SeqCst);
            asked_ms
        }
    };
    let ms = now_ms() - asked_ms;
    child::tell(format!("{} {ms:.3}", work.done.load(SeqCst)));
    Ok(())
}
