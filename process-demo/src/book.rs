//! The pool's bookkeeping, without a process, a thread or a clock: who has which task, what came of
//! it, which tasks are tried again, and when it is no use to replace another worker.

use std::collections::{HashMap, VecDeque};

use anyhow::{Result, bail};
use shared::report::Task;

/// So many workers for each place in the pool may be lost in a row, none of the pool having answered
/// in between, before no more are started.
const MAX_IN_VAIN: usize = 3;

/// The tasks of one run, numbered from 0. Each is waiting, with a worker, or settled for good.
pub struct Book {
    waiting: VecDeque<usize>,
    /// Which task the worker in each place of the pool has.
    with: HashMap<usize, usize>,
    /// How many workers each task has been lost with.
    strikes: Vec<usize>,
    retries: usize,
    settled: Vec<Task>,
    /// Workers lost since the last answer, and how many may be.
    in_vain: usize,
    max_in_vain: usize,
    answered: bool,
    /// Why the last worker was lost or could not be started.
    why: Option<String>,
}

impl Book {
    /// For `tasks` tasks and `places` workers at a time. A task that is lost with its worker is
    /// tried `retries` times more.
    pub fn new(tasks: usize, places: usize, retries: usize) -> Book {
        Book {
            waiting: (0..tasks).collect(),
            with: HashMap::new(),
            strikes: vec![0; tasks],
            retries,
            settled: Vec::new(),
            in_vain: 0,
            max_in_vain: places.max(1) * MAX_IN_VAIN,
            answered: false,
            why: None,
        }
    }

    /// Whether there is work for one more worker.
    pub fn has_work(&self) -> bool {
        !self.waiting.is_empty() && self.in_vain < self.max_in_vain
    }

    /// Gives the worker in `place` a task to carry out, unless there is none, or it has one.
    pub fn take(&mut self, place: usize) -> Option<usize> {
        if !self.has_work() || self.with.contains_key(&place) {
            return None;
        }
        let id = self.waiting.pop_front()?;
        self.with.insert(place, id);
        Some(id)
    }

    /// The worker in `place` has answered: its task is settled, well or not.
    pub fn answered(&mut self, place: usize, task: Task) {
        if self.give_back(place, task.id) {
            self.in_vain = 0;
            self.answered = true;
            self.settled.push(task);
        }
    }

    /// The worker in `place` is lost, and `task` says how. Its task waits again, behind the others,
    /// or has failed once it has been tried often enough.
    pub fn lost(&mut self, place: usize, task: Task) {
        if self.give_back(place, task.id) {
            self.in_vain += 1;
            self.why.clone_from(&task.error);
            self.strikes[task.id] += 1;
            if self.strikes[task.id] <= self.retries {
                self.waiting.push_back(task.id);
            } else {
                self.settled.push(task);
            }
        }
    }

    /// The worker in `place` is lost, but had not come so far as to begin with task `id`, which waits
    /// again, behind the others: should it be the task's doing, they are done before.
    pub fn not_begun(&mut self, place: usize, id: usize, why: String) {
        if self.give_back(place, id) {
            self.in_vain += 1;
            self.why = Some(why);
            self.waiting.push_back(id);
        }
    }

    /// No worker could be started for some place. The others go on without.
    pub fn refused(&mut self, why: String) {
        self.why = Some(why);
    }

    /// Whether the worker in `place` had this task, which it has no more. What it says of any other
    /// counts for nothing.
    fn give_back(&mut self, place: usize, id: usize) -> bool {
        let had = self.with.get(&place) == Some(&id);
        if had {
            self.with.remove(&place);
        }
        had
    }

    /// What came of each task, once nobody works on them any more. Those without an outcome failed.
    ///
    /// # Errors
    /// No worker could be started, or so many died without a single answer that they seem unable to.
    pub fn close(mut self) -> Result<Vec<Task>> {
        let left: Vec<usize> = self.waiting.into_iter().chain(self.with.into_values()).collect();
        let why = self.why.unwrap_or("nobody was there to do it".into());
        let lost = self.strikes.iter().sum::<usize>();
        if !self.answered && lost >= MAX_IN_VAIN {
            bail!("no worker lived to answer, {lost} died: {why}");
        }
        if self.settled.is_empty() && !left.is_empty() {
            bail!("no worker could be had: {why}");
        }
        let why = format!("no worker was left for it: {why}");
        self.settled.extend(left.into_iter().map(|id| Task::failed(id, &why)));
        Ok(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use shared::report::Outcome;

    use super::*;

    /// What may happen next to the pool, in any order, sensible or not.
    #[derive(Debug, Clone)]
    enum Event {
        Take(usize),
        /// The worker in this place answers for its task; or, if a number is given, for that one.
        Answered(usize, Option<usize>),
        Lost(usize, Option<usize>),
        NotBegun(usize, Option<usize>),
        Refused,
    }

    const PLACES: usize = 4;

    fn event() -> impl Strategy<Value = Event> {
        // Mostly the task that it has, so that long runs get somewhere.
        let id = || prop_oneof![5 => Just(None), 1 => (0..12usize).prop_map(Some)];
        prop_oneof![
            5 => (0..PLACES).prop_map(Event::Take),
            4 => (0..PLACES, id()).prop_map(|(place, id)| Event::Answered(place, id)),
            2 => (0..PLACES, id()).prop_map(|(place, id)| Event::Lost(place, id)),
            1 => (0..PLACES, id()).prop_map(|(place, id)| Event::NotBegun(place, id)),
            1 => Just(Event::Refused),
        ]
    }

    fn done(id: usize) -> Task {
        Task { outcome: Outcome::Done, error: None, ..Task::failed(id, "") }
    }

    /// What the book must come to, kept the slow way: by looking through all that has happened.
    #[derive(Default)]
    struct History {
        /// The place and the task of each worker that is busy.
        busy: Vec<(usize, usize)>,
        answered: HashSet<usize>,
        losses: Vec<usize>,
        losses_in_a_row: usize,
    }

    impl History {
        fn settled(&self, id: usize, retries: usize) -> bool {
            let losses = self.losses.iter().filter(|&&lost| lost == id).count();
            self.answered.contains(&id) || losses > retries
        }

        /// The task that the worker in `place` has, if it is `named` or none is.
        fn end(&mut self, place: usize, named: Option<usize>) -> Option<usize> {
            let at = self.busy.iter().position(|&(busy, _)| busy == place)?;
            let id = self.busy[at].1;
            (named.is_none() || named == Some(id)).then(|| self.busy.remove(at).1)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        /// Would be wrong: a task lost, counted twice, given to two workers, credited to a worker
        /// that did not have it, or tried too often, in whatever order things happen.
        #[test]
        fn whatever_happens_every_task_has_one_outcome(
            tasks in 0..10usize,
            retries in 0..3usize,
            events in prop::collection::vec(event(), 0..80),
        ) {
            let mut book = Book::new(tasks, PLACES, retries);
            let mut history = History::default();
            for event in events {
                match event {
                    Event::Take(place) => {
                        let busy = history.busy.iter().any(|&(busy, _)| busy == place);
                        let over = history.losses_in_a_row >= PLACES * MAX_IN_VAIN;
                        let free = (0..tasks).any(|id| {
                            !history.settled(id, retries) && history.busy.iter().all(|&(_, had)| had != id)
                        });
                        prop_assert_eq!(book.has_work(), free && !over);
                        let taken = book.take(place);
                        prop_assert_eq!(taken.is_some(), free && !over && !busy);
                        if let Some(id) = taken {
                            prop_assert!(id < tasks && !history.settled(id, retries));
                            prop_assert!(history.busy.iter().all(|&(_, had)| had != id));
                            history.busy.push((place, id));
                        }
                    }
                    Event::Answered(place, named) => {
                        let ended = history.end(place, named);
                        if let Some(id) = ended.or(named) {
                            book.answered(place, done(id));
                        }
                        if let Some(id) = ended {
                            history.answered.insert(id);
                            history.losses_in_a_row = 0;
                        }
                    }
                    Event::Lost(place, named) => {
                        let ended = history.end(place, named);
                        if let Some(id) = ended.or(named) {
                            book.lost(place, Task::failed(id, "lost"));
                        }
                        if let Some(id) = ended {
                            history.losses.push(id);
                            history.losses_in_a_row += 1;
                        }
                    }
                    Event::NotBegun(place, named) => {
                        let ended = history.end(place, named);
                        if let Some(id) = ended.or(named) {
                            book.not_begun(place, id, "no room".into());
                        }
                        history.losses_in_a_row += usize::from(ended.is_some());
                    }
                    Event::Refused => book.refused("no room".into()),
                }
            }
            let unable = history.answered.is_empty() && history.losses.len() >= MAX_IN_VAIN;
            let idle = history.answered.is_empty() && (0..tasks).all(|id| !history.settled(id, retries));
            match book.close() {
                Err(_) => prop_assert!(unable || idle && tasks > 0),
                Ok(outcomes) => {
                    prop_assert!(!unable && (!idle || tasks == 0));
                    let ids: HashSet<usize> = outcomes.iter().map(|task| task.id).collect();
                    prop_assert_eq!((outcomes.len(), ids), (tasks, (0..tasks).collect()));
                    for task in outcomes {
                        prop_assert_eq!(task.outcome == Outcome::Done, history.answered.contains(&task.id));
                    }
                }
            }
        }
    }

    /// Would be wrong: workers that are started for ever, although none comes so far as to begin.
    #[test]
    fn workers_that_never_begin_are_no_longer_replaced() {
        let mut book = Book::new(2, 1, 0);
        for round in 0..MAX_IN_VAIN {
            assert_eq!(book.take(0), Some(round % 2));
            book.not_begun(0, round % 2, "no room".into());
        }
        assert!(!book.has_work() && book.take(0).is_none());
        let why = book.close().unwrap_err().to_string();
        assert_eq!(why, "no worker could be had: no room");
    }

    /// Would be wrong: a task that is tried again at once, and takes the next worker with it, too.
    #[test]
    fn a_task_that_is_tried_again_waits_behind_the_others() {
        let mut book = Book::new(3, 1, 1);
        assert_eq!(book.take(0), Some(0));
        book.lost(0, Task::failed(0, "killed"));
        let mut order = Vec::new();
        while let Some(id) = book.take(0) {
            order.push(id);
            book.answered(0, done(id));
        }
        assert_eq!(order, [1, 2, 0]);
        assert!(book.close().unwrap().iter().all(|task| task.error.is_none()));
    }

    /// Would be wrong: a reason that is kept for oneself, or a pool that never gave up.
    #[test]
    fn workers_that_never_answer_are_no_longer_replaced_and_the_reason_is_said() {
        let mut book = Book::new(100, 2, 0);
        let mut started = 0;
        while let Some(id) = book.take(0) {
            started += 1;
            book.lost(0, Task::failed(id, "killed by signal 9"));
        }
        assert_eq!(started, 2 * MAX_IN_VAIN);
        let error = book.close().unwrap_err().to_string();
        assert_eq!(error, "no worker lived to answer, 6 died: killed by signal 9");
        // But where one did answer, what came of the tasks is not thrown away.
        let mut book = Book::new(3, 1, 0);
        let _ = book.take(0);
        book.answered(0, done(0));
        book.refused("no room".into());
        let left = book.close().unwrap();
        assert_eq!(left[1].error.as_deref(), Some("no worker was left for it: no room"));
    }

    /// Would be wrong: a single worker that was killed passes for workers that cannot start.
    #[test]
    fn a_task_whose_worker_died_has_failed_even_if_it_was_the_only_one() {
        let mut book = Book::new(1, 1, 1);
        for _ in 0..2 {
            let id = book.take(0).unwrap();
            book.lost(0, Task::failed(id, "killed by signal 9"));
        }
        let tasks = book.close().unwrap();
        assert_eq!(tasks[0].error.as_deref(), Some("killed by signal 9"));
        assert!(Book::new(1, 1, 0).close().is_err());
        assert!(Book::new(0, 1, 0).close().unwrap().is_empty());
    }
}
