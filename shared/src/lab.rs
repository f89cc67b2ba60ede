//! What a lesson works with: the settings of the command line, the target of its requests, and
//! [`Lab::run`], which measures.

use std::cell::Cell;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use anyhow::Result;

use crate::cli::Options;
use crate::report::{Figure, Finding, Lesson, Run, Settings, Task, panic_message};
use crate::stopwatch::Stopwatch;
#[cfg(feature = "http")]
use {
    crate::activity::{Activity, AsyncActivity, BlockingActivity, Show},
    crate::apart::Apart,
    crate::one_shot::OneShot,
    crate::server::{Seen, Server},
    anyhow::{Context, bail},
    reqwest::Url,
    std::sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    std::time::Duration,
};

/// What a lesson returns: what it measured, and what follows from that.
#[derive(Debug, Default)]
pub struct Evidence {
    pub runs: Vec<Run>,
    pub figures: Vec<Figure>,
    /// What the tasks made together: a PNG file as a `data:` address.
    pub picture: Option<String>,
    pub findings: Vec<Finding>,
    /// What other programs reported; it becomes part of this one's report, its findings a ledger.
    pub quoted: Vec<Lesson>,
}

impl Evidence {
    pub fn new(runs: Vec<Run>, findings: Vec<Finding>) -> Evidence {
        Evidence { runs, findings, ..Evidence::default() }
    }

    pub fn with(self, figures: Vec<Figure>) -> Evidence {
        Evidence { figures, ..self }
    }

    pub fn showing(self, picture: Option<String>) -> Evidence {
        Evidence { picture, ..self }
    }
}

pub struct Lab {
    /// How many tasks a run consists of, at least 1.
    pub tasks: usize,
    /// Size of pools, at least 1, and no more than there are tasks.
    pub workers: usize,
    /// Cores that this process may use.
    pub cores: usize,
    /// How long the embedded server waits before it answers; `None` where it is not asked.
    pub delay_ms: Option<f64>,
    /// Whether the report goes where a picture can be seen: to a page, or as JSON to who knows.
    pub shows_pictures: bool,
    /// The lesson's own options.
    pub options: Options,
    /// Whether the system has allowed fewer tasks at once than there should have been.
    pub(crate) rationed: Cell<bool>,
    #[cfg(feature = "http")]
    pub(crate) target: Option<Target>,
}

/// Where requests go.
#[cfg(feature = "http")]
pub struct Target {
    pub url: Url,
    pub timeout: Duration,
    pub show: Show,
    pub(crate) server: Watched,
}

/// The server whose counts a run reports.
#[cfg(feature = "http")]
pub(crate) enum Watched {
    Inside(Arc<Server>),
    Apart(Mutex<Apart>),
    /// Not ours, so nobody counts.
    Nobody,
}

#[cfg(feature = "http")]
impl Target {
    /// The activity with a blocking client of its own.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn blocking(&self) -> Result<BlockingActivity> {
        BlockingActivity::new(&self.url, self.timeout, self.show)
    }

    /// The activity with an async client of its own.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn non_blocking(&self) -> Result<AsyncActivity> {
        AsyncActivity::new(&self.url, self.timeout, self.show)
    }

    /// The activity for thousands of tasks at once, each with a connection of its own.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn one_shot(&self) -> Result<Activity<OneShot>> {
        Activity::<OneShot>::new(&self.url, self.timeout, self.show)
    }

    /// Before a run: the server counts anew.
    fn begin(&self, model: &str) -> Result<Option<Arc<Seen>>> {
        if self.show == Show::Lines {
            crate::text::print_model(model);
        }
        Ok(match &self.server {
            Watched::Inside(server) => Some(server.observe()),
            Watched::Apart(apart) => {
                crate::server::lock(apart).seen()?;
                None
            }
            Watched::Nobody => None,
        })
    }

    /// After a run: adds what the server has counted.
    fn counted(&self, seen: Option<Arc<Seen>>, run: Run) -> Result<Run> {
        let counts = match (&self.server, seen) {
            (Watched::Apart(apart), _) => Some(crate::server::lock(apart).seen()?),
            (_, Some(seen)) => {
                let (peak, connections) = (&seen.peak_in_flight, &seen.connections);
                Some((peak.load(Relaxed), connections.load(Relaxed)))
            }
            _ => None,
        };
        Ok(Run {
            peak_in_flight: counts.map(|(peak, _)| peak),
            connections: counts.map(|(_, connections)| connections),
            ..run
        })
    }

    /// Whether the address is a host's name, and not its number.
    pub fn is_named(&self) -> bool {
        crate::activity::ip(&self.url).is_none()
    }
}

impl Lab {
    /// Measures one run: `carry_out` does the tasks, by whatever model, and returns what came of
    /// each. Whatever it need not measure, such as setting up a client, is done before.
    ///
    /// # Errors
    /// Those of `carry_out`, or its tasks are not the ones asked for.
    pub fn run(
        &self,
        model: &str,
        predicted_ms: impl Into<Option<f64>>,
        carry_out: impl FnOnce(&Stopwatch) -> Result<Vec<Task>>,
    ) -> Result<Run> {
        #[cfg(feature = "http")]
        let seen = match &self.target {
            Some(target) => target.begin(model)?,
            None => None,
        };
        let stopwatch = Stopwatch::start();
        // A task that panics on this very thread loses them all, and they are accounted for.
        let outcome = catch_unwind(AssertUnwindSafe(|| carry_out(&stopwatch)));
        let tasks = outcome.unwrap_or_else(|panic| {
            let why = format!("panicked: {}", panic_message(&*panic));
            Ok((0..self.tasks).map(|id| Task::failed(id, &why)).collect())
        })?;
        let run = stopwatch.stop(model, self.tasks, tasks)?;
        #[cfg(feature = "http")]
        let run = match &self.target {
            Some(target) => target.counted(seen, run)?,
            None => run,
        };
        Ok(Run { predicted_ms: predicted_ms.into(), rationed: self.rationed.get(), ..run })
    }

    /// Whether a run can go on with the threads or processes `obtained` so far, where the system
    /// refuses one more: with one at least. It is said on stderr, once.
    pub fn can_do_with(&self, obtained: usize) -> bool {
        if obtained > 0 && !self.rationed.replace(true) {
            let line = b"fewer tasks at once than there should be: the system allows no more\n";
            // Who reads no stderr may still want the report.
            let _ = io::stderr().write_all(line);
        }
        obtained > 0
    }

    pub(crate) fn settings(&self) -> Settings {
        #[cfg(feature = "http")]
        let (url, embedded) = match &self.target {
            Some(target) => {
                let embedded = !matches!(target.server, Watched::Nobody);
                (Some(target.url.to_string()), embedded)
            }
            None => (None, false),
        };
        #[cfg(not(feature = "http"))]
        let (url, embedded) = (None, false);
        Settings { tasks: self.tasks, url, embedded, delay_ms: self.delay_ms }
    }
}

#[cfg(feature = "http")]
impl Lab {
    /// Where requests go.
    ///
    /// # Errors
    /// The demo has not set [`crate::cli::Demo::http`].
    pub fn target(&self) -> Result<&Target> {
        self.target.as_ref().context("this demo asks for nothing over HTTP")
    }

    /// The embedded server, for a lesson that asks what it saw.
    ///
    /// # Errors
    /// Requests go elsewhere: the lesson is not one of those with [`crate::cli::Lesson::own_server`].
    pub fn server(&self) -> Result<&Server> {
        match &self.target()?.server {
            Watched::Inside(server) => Ok(server),
            _ => bail!("this lesson needs the embedded server"),
        }
    }

    /// The same target at another path of the embedded server.
    ///
    /// # Errors
    /// As [`Lab::server`].
    pub fn target_at(&self, path: &str) -> Result<Target> {
        let target = self.target()?;
        Ok(Target {
            url: Url::parse(&self.server()?.url(path))?,
            timeout: target.timeout,
            show: Show::Nothing,
            server: Watched::Nobody,
        })
    }

    /// How many of the tasks may be under way at once: all of them, unless the system allows this
    /// program fewer descriptors than they need, which is said on stderr then. A task has `each`,
    /// besides the one that the embedded server has for it.
    pub fn at_once(&self, each: usize) -> usize {
        let server = usize::from(self.delay_ms.is_some());
        let allowed = crate::descriptors::at_once_said(self.tasks, each + server);
        self.rationed.set(allowed < self.tasks);
        allowed
    }

    /// The activity with a blocking client of its own.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn blocking(&self) -> Result<BlockingActivity> {
        self.target()?.blocking()
    }

    /// The activity with an async client of its own.
    ///
    /// # Errors
    /// The client cannot be set up.
    pub fn non_blocking(&self) -> Result<AsyncActivity> {
        self.target()?.non_blocking()
    }
}
