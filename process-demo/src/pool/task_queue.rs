//! The pool's bookkeeping, without processes, threads or clocks: which tasks wait, which are in flight,
//! what became of the others, which are retried, and when replacing another worker is useless.

use std::collections::{HashMap, HashSet, VecDeque};

use anyhow::{Result, bail};
use shared::Task;

/// So many workers for each place in the pool may be lost in a row, without an answer in between.
const MAX_LOSSES: usize = 3;

/// The tasks of a run. Each is waiting, in flight or finished.
pub struct TaskQueue {
    waiting: VecDeque<usize>,
    in_flight: HashSet<usize>,
    /// How many workers died with each task.
    attempts: HashMap<usize, usize>,
    retries: usize,
    finished: Vec<Task>,
    has_answer: bool,
    /// Workers lost since the last answer.
    consecutive_losses: usize,
    max_losses: usize,
    /// Whether a place of the pool was given up, because no worker greeted there.
    gave_up: bool,
    /// Why the last worker was lost or could not be started.
    why: Option<String>,
}

impl TaskQueue {
    /// For the tasks `ids`, all different, and `size` workers at a time. A task whose worker dies is
    /// retried so many times.
    pub fn new(ids: &[usize], size: usize, retries: usize) -> TaskQueue {
        TaskQueue {
            waiting: ids.iter().copied().collect(),
            in_flight: HashSet::new(),
            attempts: HashMap::new(),
            retries,
            finished: Vec::new(),
            has_answer: false,
            consecutive_losses: 0,
            max_losses: size.max(1) * MAX_LOSSES,
            gave_up: false,
            why: None,
        }
    }

    /// Whether there is work for another worker.
    pub fn has_work(&self) -> bool {
        !self.waiting.is_empty() && self.consecutive_losses < self.max_losses
    }

    /// Whether no task is waiting, but one in flight may wait again.
    pub fn may_get_work(&self) -> bool {
        let is_over = self.consecutive_losses >= self.max_losses;
        self.waiting.is_empty() && !self.in_flight.is_empty() && !is_over
    }

    /// Hands out a task, if one is waiting.
    pub fn take(&mut self) -> Option<usize> {
        let id = if self.has_work() { self.waiting.pop_front()? } else { return None };
        self.in_flight.insert(id);
        Some(id)
    }

    /// A worker answered.
    pub fn complete(&mut self, task: Task) {
        if self.in_flight.remove(&task.id) {
            self.consecutive_losses = 0;
            self.has_answer = true;
            self.finished.push(task);
        }
    }

    /// A worker was lost with its task. The task waits again, behind the others, or has failed.
    pub fn fail(&mut self, task: Task) {
        if self.in_flight.remove(&task.id) {
            self.lose_worker(&task);
            let attempts = self.attempts.entry(task.id).or_default();
            *attempts += 1;
            if *attempts <= self.retries {
                self.waiting.push_back(task.id);
            } else {
                self.finished.push(task);
            }
        }
    }

    /// A worker could not start, so it has not begun its task. The task waits again, behind the others:
    /// if it is to blame after all, they are done before.
    pub fn requeue(&mut self, task: Task) {
        if self.in_flight.remove(&task.id) {
            self.lose_worker(&task);
            self.waiting.push_back(task.id);
        }
    }

    /// The OS refused a worker. The others do its share.
    pub fn refuse(&mut self, why: String) {
        self.why = Some(why);
    }

    /// No worker greets in one place of the pool. The others do its share.
    pub fn give_up(&mut self, why: String) {
        self.gave_up = true;
        self.why = Some(why);
    }

    fn lose_worker(&mut self, task: &Task) {
        self.consecutive_losses += 1;
        self.why.clone_from(&task.error);
    }

    /// What became of each task, after all supervisors have left. If the OS refused workers, tasks that
    /// still wait are refused as well; any other task without an outcome has failed.
    ///
    /// # Errors
    /// So many workers were lost without a single answer that none seems able to answer; or no task is
    /// finished, and no worker is left.
    pub fn finish(mut self) -> Result<Vec<Task>> {
        let gave_up = self.gave_up || self.consecutive_losses >= self.max_losses;
        let why = self.why.unwrap_or("its supervisor panicked".into());
        let died: usize = self.attempts.values().sum();
        if !self.has_answer && died >= MAX_LOSSES {
            bail!("all {died} workers died before answering: {why}");
        }
        if self.finished.is_empty() && gave_up {
            bail!("the pool has no worker: {why}");
        }
        let why = format!("no worker was left for this task: {why}");
        let left = |id| if gave_up { Task::failed(id, &why) } else { Task::refused(id, &why) };
        self.finished.extend(self.waiting.into_iter().map(left));
        self.finished.extend(self.in_flight.into_iter().map(|id| Task::failed(id, &why)));
        Ok(self.finished)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use shared::report::Outcome;

    use super::*;

    /// What may happen next in a pool, in any order, sensible or not. The numbers choose a task: by its
    /// place among those in flight; or, if there are fewer, by its id, whatever its state.
    #[derive(Debug, Clone)]
    enum Event {
        Take,
        Complete(usize),
        Fail(usize),
        Requeue(usize),
        Refuse,
        GiveUp,
    }

    const SIZE: usize = 4;

    fn event() -> impl Strategy<Value = Event> {
        let choice = || prop_oneof![5 => 0..SIZE, 1 => 0..40usize];
        prop_oneof![
            5 => Just(Event::Take),
            4 => choice().prop_map(Event::Complete),
            2 => choice().prop_map(Event::Fail),
            1 => choice().prop_map(Event::Requeue),
            1 => Just(Event::Refuse),
            1 => Just(Event::GiveUp),
        ]
    }

    /// What the queue must come to, worked out the slow way from everything that happened.
    #[derive(Default)]
    struct History {
        in_flight: Vec<usize>,
        completed: HashSet<usize>,
        deaths: Vec<usize>,
        losses_in_a_row: usize,
        gave_up: bool,
    }

    impl History {
        fn is_finished(&self, id: usize, retries: usize) -> bool {
            let deaths = self.deaths.iter().filter(|&&died| died == id).count();
            self.completed.contains(&id) || deaths > retries
        }

        /// The chosen task, and whether it was in flight until now.
        fn land(&mut self, choice: usize) -> (usize, bool) {
            let id = self.in_flight.get(choice).copied().unwrap_or(choice);
            let before = self.in_flight.len();
            self.in_flight.retain(|&flying| flying != id);
            (id, self.in_flight.len() < before)
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn every_task_has_one_outcome(
            ids in prop::collection::hash_set(0..40usize, 0..10),
            retries in 0..3usize,
            events in prop::collection::vec(event(), 0..80),
        ) {
            let ids: Vec<usize> = ids.into_iter().collect();
            let mut queue = TaskQueue::new(&ids, SIZE, retries);
            let mut history = History::default();
            for event in events {
                match event {
                    Event::Take => {
                        let over = history.losses_in_a_row >= SIZE * MAX_LOSSES;
                        let waits = |id: &&usize| {
                            !history.is_finished(**id, retries) && !history.in_flight.contains(*id)
                        };
                        let has_work = ids.iter().any(|id| waits(&id)) && !over;
                        prop_assert_eq!(queue.has_work(), has_work);
                        let may_come_back = !ids.iter().any(|id| waits(&id))
                            && !history.in_flight.is_empty()
                            && !over;
                        prop_assert_eq!(queue.may_get_work(), may_come_back);
                        let taken = queue.take();
                        prop_assert_eq!(taken.is_some(), has_work);
                        if let Some(id) = taken {
                            prop_assert!(ids.iter().filter(waits).any(|&waiting| waiting == id));
                            history.in_flight.push(id);
                        }
                    }
                    Event::Complete(choice) => {
                        let (id, was_in_flight) = history.land(choice);
                        queue.complete(Task::done(id, 0.0));
                        if was_in_flight {
                            history.completed.insert(id);
                            history.losses_in_a_row = 0;
                        }
                    }
                    Event::Fail(choice) => {
                        let (id, was_in_flight) = history.land(choice);
                        queue.fail(Task::failed(id, "died"));
                        if was_in_flight {
                            history.deaths.push(id);
                            history.losses_in_a_row += 1;
                        }
                    }
                    Event::Requeue(choice) => {
                        let (id, was_in_flight) = history.land(choice);
                        queue.requeue(Task::refused(id, "no room"));
                        history.losses_in_a_row += usize::from(was_in_flight);
                    }
                    Event::Refuse => queue.refuse("no room".into()),
                    Event::GiveUp => {
                        queue.give_up("no host".into());
                        history.gave_up = true;
                    }
                }
            }
            let unable = history.completed.is_empty() && history.deaths.len() >= MAX_LOSSES;
            let idle = !ids.iter().any(|&id| history.is_finished(id, retries))
                && (history.gave_up || history.losses_in_a_row >= SIZE * MAX_LOSSES);
            match queue.finish() {
                Err(_) => prop_assert!(unable || idle),
                Ok(tasks) => {
                    prop_assert!(!unable && !idle);
                    let finished: HashSet<usize> = tasks.iter().map(|task| task.id).collect();
                    prop_assert_eq!(tasks.len(), ids.len());
                    prop_assert_eq!(finished, ids.into_iter().collect());
                    for task in tasks {
                        let is_done = task.outcome == Outcome::Done;
                        prop_assert_eq!(is_done, history.completed.contains(&task.id));
                    }
                }
            }
        }
    }

    #[test]
    fn retried_task_waits_behind_the_others() {
        let mut queue = TaskQueue::new(&[7, 1, 4], 1, 1);
        assert_eq!(queue.take(), Some(7));
        queue.fail(Task::failed(7, "killed"));
        assert_eq!([queue.take(), queue.take(), queue.take()], [Some(1), Some(4), Some(7)]);
    }

    /// The error with which a queue of one worker ends, all of whose workers are lost like this.
    fn end(ids: &[usize], lose: fn(&mut TaskQueue, usize)) -> String {
        let mut queue = TaskQueue::new(ids, 1, 0);
        while let Some(id) = queue.take() {
            lose(&mut queue, id);
        }
        queue.finish().unwrap_err().to_string()
    }

    #[test]
    fn useless_pool_says_why() {
        let died = end(&[0, 1, 2, 3], |queue, id| queue.fail(Task::failed(id, "exited")));
        assert_eq!(died, "all 3 workers died before answering: exited");
        let none = end(&[0, 1], |queue, id| queue.requeue(Task::refused(id, "no room")));
        assert_eq!(none, "the pool has no worker: no room");
    }

    #[test]
    fn failed_task_survives_lost_places() {
        let mut queue = TaskQueue::new(&[5, 6], 1, 0);
        let _ = queue.take();
        queue.fail(Task::failed(5, "exited"));
        queue.give_up("no host".into());
        let errors: Vec<_> = queue.finish().unwrap().into_iter().map(|task| task.error).collect();
        let left = Some("no worker was left for this task: no host".into());
        assert_eq!(errors, [Some("exited".into()), left]);
    }

    #[test]
    fn answers_survive_the_last_worker() {
        let mut queue = TaskQueue::new(&[5, 6], 1, 0);
        let _ = queue.take();
        queue.complete(Task::done(5, 0.0));
        queue.refuse("no room".into());
        let tasks = queue.finish().unwrap();
        assert_eq!(tasks[0].error, None);
        assert_eq!(tasks[1].error.as_deref(), Some("no worker was left for this task: no room"));
    }
}
