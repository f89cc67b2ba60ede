//! Each answer with a part of the message that it must get.

use std::process::ExitCode;

use exercises::threads;

use crate::hostile;

/// A file's name, its `main`, and a part of its message.
pub struct Answer(pub &'static str, pub fn() -> ExitCode, pub &'static str);

/// A solution's message.
pub const GREEN: &str = "green";

#[path = "../../exercises/solutions/00_predict.rs"]
mod solution_00;
#[path = "../../exercises/solutions/01_threads.rs"]
mod solution_01;
#[path = "../../exercises/solutions/02_count.rs"]
mod solution_02;
#[path = "../../exercises/solutions/03_lock_held.rs"]
mod solution_03;
#[path = "../../exercises/solutions/04_executor.rs"]
mod solution_04;
#[path = "../../exercises/solutions/05_processes.rs"]
mod solution_05;
#[path = "../../exercises/solutions/06_worker.rs"]
mod solution_06;
#[path = "../../exercises/solutions/07_crash.rs"]
mod solution_07;
#[path = "../../exercises/solutions/08_gather.rs"]
mod solution_08;
#[path = "../../exercises/solutions/09_session.rs"]
mod solution_09;
#[path = "../../exercises/solutions/10_limit.rs"]
mod solution_10;
#[path = "../../exercises/solutions/11_cancel.rs"]
mod solution_11;
#[path = "../../exercises/solutions/12_blocking.rs"]
mod solution_12;
#[path = "../../exercises/solutions/13_rows.rs"]
mod solution_13;
#[path = "../../exercises/solutions/13_par_iter.rs"]
mod solution_13_par_iter;
#[path = "../../exercises/stubs/00_predict.rs"]
mod stub_00;
#[path = "../../exercises/stubs/01_threads.rs"]
mod stub_01;
#[path = "../../exercises/stubs/02_count.rs"]
mod stub_02;
#[path = "../../exercises/stubs/03_lock_held.rs"]
mod stub_03;
#[path = "../../exercises/stubs/04_executor.rs"]
mod stub_04;
#[path = "../../exercises/stubs/05_processes.rs"]
mod stub_05;
#[path = "../../exercises/stubs/06_worker.rs"]
mod stub_06;
#[path = "../../exercises/stubs/07_crash.rs"]
mod stub_07;
#[path = "../../exercises/stubs/08_gather.rs"]
mod stub_08;
#[path = "../../exercises/stubs/09_session.rs"]
mod stub_09;
#[path = "../../exercises/stubs/10_limit.rs"]
mod stub_10;
#[path = "../../exercises/stubs/11_cancel.rs"]
mod stub_11;
#[path = "../../exercises/stubs/12_blocking.rs"]
mod stub_12;
#[path = "../../exercises/stubs/13_rows.rs"]
mod stub_13;
#[path = "../../exercises/wrong/00_many_cores.rs"]
mod wrong_00_many_cores;
#[path = "../../exercises/wrong/00_pool.rs"]
mod wrong_00_pool;
#[path = "../../exercises/wrong/00_sum.rs"]
mod wrong_00_sum;
#[path = "../../exercises/wrong/00_two_cores.rs"]
mod wrong_00_two_cores;
#[path = "../../exercises/wrong/01_by_arrival.rs"]
mod wrong_01_by_arrival;
#[path = "../../exercises/wrong/01_from_one.rs"]
mod wrong_01_from_one;
#[path = "../../exercises/wrong/01_join_in_loop.rs"]
mod wrong_01_join_in_loop;
#[path = "../../exercises/wrong/01_lazy_map.rs"]
mod wrong_01_lazy_map;
#[path = "../../exercises/wrong/01_lock_held.rs"]
mod wrong_01_lock_held;
#[path = "../../exercises/wrong/01_no_join.rs"]
mod wrong_01_no_join;
#[path = "../../exercises/wrong/01_rounds.rs"]
mod wrong_01_rounds;
#[path = "../../exercises/wrong/01_twice.rs"]
mod wrong_01_twice;
#[path = "../../exercises/wrong/02_join_in_loop.rs"]
mod wrong_02_join_in_loop;
#[path = "../../exercises/wrong/02_one_thread.rs"]
mod wrong_02_one_thread;
#[path = "../../exercises/wrong/02_own_lock.rs"]
mod wrong_02_own_lock;
#[path = "../../exercises/wrong/03_join_in_loop.rs"]
mod wrong_03_join_in_loop;
#[path = "../../exercises/wrong/03_no_threads.rs"]
mod wrong_03_no_threads;
#[path = "../../exercises/wrong/03_not_counted.rs"]
mod wrong_03_not_counted;
#[path = "../../exercises/wrong/04_batches.rs"]
mod wrong_04_batches;
#[path = "../../exercises/wrong/04_every_third.rs"]
mod wrong_04_every_third;
#[path = "../../exercises/wrong/04_lock_while_asking.rs"]
mod wrong_04_lock_while_asking;
#[path = "../../exercises/wrong/04_one_thread.rs"]
mod wrong_04_one_thread;
#[path = "../../exercises/wrong/04_sender_alive.rs"]
mod wrong_04_sender_alive;
#[path = "../../exercises/wrong/05_no_pipe.rs"]
mod wrong_05_no_pipe;
#[path = "../../exercises/wrong/05_no_wait.rs"]
mod wrong_05_no_wait;
#[path = "../../exercises/wrong/05_wait_in_loop.rs"]
mod wrong_05_wait_in_loop;
#[path = "../../exercises/wrong/06_endless.rs"]
mod wrong_06_endless;
#[path = "../../exercises/wrong/06_no_flush.rs"]
mod wrong_06_no_flush;
#[path = "../../exercises/wrong/06_no_newline.rs"]
mod wrong_06_no_newline;
#[path = "../../exercises/wrong/06_not_the_square.rs"]
mod wrong_06_not_the_square;
#[path = "../../exercises/wrong/06_one_line.rs"]
mod wrong_06_one_line;
#[path = "../../exercises/wrong/06_println.rs"]
mod wrong_06_println;
#[path = "../../exercises/wrong/06_to_writer.rs"]
mod wrong_06_to_writer;
#[path = "../../exercises/wrong/07_endless_retry.rs"]
mod wrong_07_endless_retry;
#[path = "../../exercises/wrong/07_loss_untold.rs"]
mod wrong_07_loss_untold;
#[path = "../../exercises/wrong/07_no_replacement.rs"]
mod wrong_07_no_replacement;
#[path = "../../exercises/wrong/07_worker_per_task.rs"]
mod wrong_07_worker_per_task;
#[path = "../../exercises/wrong/08_await_each_task.rs"]
mod wrong_08_await_each_task;
#[path = "../../exercises/wrong/08_by_arrival.rs"]
mod wrong_08_by_arrival;
#[path = "../../exercises/wrong/08_futures.rs"]
mod wrong_08_futures;
#[path = "../../exercises/wrong/08_no_await.rs"]
mod wrong_08_no_await;
#[path = "../../exercises/wrong/08_threads.rs"]
mod wrong_08_threads;
#[path = "../../exercises/wrong/09_all_at_once.rs"]
mod wrong_09_all_at_once;
#[path = "../../exercises/wrong/09_body_unread.rs"]
mod wrong_09_body_unread;
#[path = "../../exercises/wrong/09_client_per_round.rs"]
mod wrong_09_client_per_round;
#[path = "../../exercises/wrong/09_in_turn.rs"]
mod wrong_09_in_turn;
#[path = "../../exercises/wrong/10_batches.rs"]
mod wrong_10_batches;
#[path = "../../exercises/wrong/10_every_third.rs"]
mod wrong_10_every_third;
#[path = "../../exercises/wrong/10_in_turn.rs"]
mod wrong_10_in_turn;
#[path = "../../exercises/wrong/10_no_await.rs"]
mod wrong_10_no_await;
#[path = "../../exercises/wrong/10_one_too_many.rs"]
mod wrong_10_one_too_many;
#[path = "../../exercises/wrong/10_underscore.rs"]
mod wrong_10_underscore;
#[path = "../../exercises/wrong/11_detached.rs"]
mod wrong_11_detached;
#[path = "../../exercises/wrong/11_timeout_each.rs"]
mod wrong_11_timeout_each;
#[path = "../../exercises/wrong/11_wait_for_all.rs"]
mod wrong_11_wait_for_all;
#[path = "../../exercises/wrong/12_join.rs"]
mod wrong_12_join;
#[path = "../../exercises/wrong/12_no_call.rs"]
mod wrong_12_no_call;
#[path = "../../exercises/wrong/12_spawn.rs"]
mod wrong_12_spawn;
#[path = "../../exercises/wrong/13_by_arrival.rs"]
mod wrong_13_by_arrival;
#[path = "../../exercises/wrong/13_every_second.rs"]
mod wrong_13_every_second;
#[path = "../../exercises/wrong/13_halves.rs"]
mod wrong_13_halves;
#[path = "../../exercises/wrong/13_lock_while_drawing.rs"]
mod wrong_13_lock_while_drawing;
#[path = "../../exercises/wrong/13_thread_per_row.rs"]
mod wrong_13_thread_per_row;

pub const ANSWERS: &[Answer] = &[
    Answer("stubs/01_threads", stub_01::main, "each request began when the last had its answer"),
    Answer("solutions/01_threads", solution_01::main, GREEN),
    Answer("wrong/01_join_in_loop", wrong_01_join_in_loop::main, "right after `spawn`"),
    Answer("wrong/01_lazy_map", wrong_01_lazy_map::main, "an iterator is lazy"),
    Answer("wrong/01_lock_held", wrong_01_lock_held::main, "a thread keeps the lock"),
    Answer("wrong/01_by_arrival", wrong_01_by_arrival::main, "in the order of arrival"),
    Answer("wrong/01_no_join", wrong_01_no_join::main, "before each thread had ended"),
    Answer("stubs/00_predict", stub_00::main, "as long as one"),
    Answer("solutions/00_predict", solution_00::main, GREEN),
    Answer("wrong/00_pool", wrong_00_pool::main, "whole rounds: 10 / 4"),
    Answer("wrong/00_sum", wrong_00_sum::main, "as long as the longest"),
    Answer("wrong/00_two_cores", wrong_00_two_cores::main, "the serial fifth does not shrink"),
    Answer("wrong/00_many_cores", wrong_00_many_cores::main, "the serial fifth remains"),
    Answer("stubs/02_count", stub_02::main, "nothing keeps it out"),
    Answer("solutions/02_count", solution_02::main, GREEN),
    Answer("wrong/02_own_lock", wrong_02_own_lock::main, "a lock of its own"),
    Answer("wrong/02_one_thread", wrong_02_one_thread::main, "adds 1, once"),
    Answer("wrong/02_join_in_loop", wrong_02_join_in_loop::main, "start all ten before"),
    Answer("stubs/03_lock_held", stub_03::main, "you built a GIL"),
    Answer("solutions/03_lock_held", solution_03::main, GREEN),
    Answer("wrong/03_no_threads", wrong_03_no_threads::main, "1 thread asks for all"),
    Answer(
        "wrong/03_not_counted",
        wrong_03_not_counted::main,
        "each thread adds 1 through its guard",
    ),
    Answer("wrong/03_join_in_loop", wrong_03_join_in_loop::main, "right after `spawn`"),
    Answer("stubs/08_gather", stub_08::main, "before the loop goes on"),
    Answer("solutions/08_gather", solution_08::main, GREEN),
    Answer("wrong/08_futures", wrong_08_futures::main, "a future runs only when it is awaited"),
    Answer("wrong/08_await_each_task", wrong_08_await_each_task::main, "right after its `spawn`"),
    Answer("wrong/08_threads", wrong_08_threads::main, "an async task needs none"),
    Answer("wrong/08_by_arrival", wrong_08_by_arrival::main, "in the order of arrival"),
    Answer("wrong/08_no_await", wrong_08_no_await::main, "before each task had ended"),
    Answer("stubs/12_blocking", stub_12::main, "`call` blocks the event loop's thread"),
    Answer("solutions/12_blocking", solution_12::main, GREEN),
    Answer("wrong/12_spawn", wrong_12_spawn::main, "`spawn` starts no thread"),
    Answer("wrong/12_join", wrong_12_join::main, "`join` stops the event loop"),
    Answer("wrong/12_no_call", wrong_12_no_call::main, "call `call` once"),
    Answer("stubs/13_rows", stub_13::main, "one thread draws one row"),
    Answer("solutions/13_rows", solution_13::main, GREEN),
    Answer("solutions/13_par_iter", solution_13_par_iter::main, GREEN),
    Answer("wrong/13_halves", wrong_13_halves::main, "32 meanwhile"),
    Answer("wrong/13_every_second", wrong_13_every_second::main, "the other thread had run out"),
    Answer(
        "wrong/13_lock_while_drawing",
        wrong_13_lock_while_drawing::main,
        "keeps the lock while it draws",
    ),
    Answer("wrong/13_thread_per_row", wrong_13_thread_per_row::main, "not one for each row"),
    Answer("wrong/13_by_arrival", wrong_13_by_arrival::main, "not of their ids"),
    Answer("stubs/05_processes", stub_05::main, "`output` waits for the end"),
    Answer("solutions/05_processes", solution_05::main, GREEN),
    Answer("wrong/05_wait_in_loop", wrong_05_wait_in_loop::main, "each process is waited for"),
    Answer("wrong/05_no_pipe", wrong_05_no_pipe::main, "stdout went to the terminal"),
    Answer("wrong/05_no_wait", wrong_05_no_wait::main, "before each process had ended"),
    Answer("stubs/06_worker", stub_06::main, "no answer to the first line"),
    Answer("solutions/06_worker", solution_06::main, GREEN),
    Answer("wrong/06_no_flush", wrong_06_no_flush::main, "lay in the buffer"),
    Answer("wrong/06_to_writer", wrong_06_to_writer::main, "an answer in"),
    Answer("wrong/06_endless", wrong_06_endless::main, "does not end with its input"),
    Answer("wrong/06_not_the_square", wrong_06_not_the_square::main, "an answer is wrong"),
    Answer("stubs/04_executor", stub_04::main, "13 threads"),
    Answer("solutions/04_executor", solution_04::main, GREEN),
    Answer("wrong/04_batches", wrong_04_batches::main, "stuck after 2 of 13"),
    Answer("wrong/04_every_third", wrong_04_every_third::main, "stuck after 8 of 13"),
    Answer(
        "wrong/04_lock_while_asking",
        wrong_04_lock_while_asking::main,
        "the lock is held while asking",
    ),
    Answer("wrong/04_sender_alive", wrong_04_sender_alive::main, "a sender is still alive"),
    Answer("wrong/04_one_thread", wrong_04_one_thread::main, "one after the other"),
    Answer("stubs/10_limit", stub_10::main, "nothing limits them"),
    Answer("solutions/10_limit", solution_10::main, GREEN),
    Answer("wrong/10_underscore", wrong_10_underscore::main, "`let _ =` drops it"),
    Answer("wrong/10_batches", wrong_10_batches::main, "stuck after 2 of 13"),
    Answer("wrong/10_in_turn", wrong_10_in_turn::main, "one after the other"),
    Answer("wrong/10_every_third", wrong_10_every_third::main, "stuck after 8 of 13"),
    Answer("wrong/10_one_too_many", wrong_10_one_too_many::main, "at most k may ask at once"),
    Answer("stubs/11_cancel", stub_11::main, "mirror 0 takes a minute"),
    Answer("solutions/11_cancel", solution_11::main, GREEN),
    Answer("wrong/11_detached", wrong_11_detached::main, "detaches the task"),
    Answer("wrong/11_wait_for_all", wrong_11_wait_for_all::main, "you wait for the others"),
    Answer("stubs/09_session", stub_09::main, "each request has a client"),
    Answer("solutions/09_session", solution_09::main, GREEN),
    Answer("wrong/09_client_per_round", wrong_09_client_per_round::main, "each round has a client"),
    Answer("wrong/09_body_unread", wrong_09_body_unread::main, "no body was read"),
    Answer("wrong/09_in_turn", wrong_09_in_turn::main, "the second five must wait"),
    Answer("stubs/07_crash", stub_07::main, "`unwrap` ends the thread"),
    Answer("solutions/07_crash", solution_07::main, GREEN),
    Answer("wrong/07_no_replacement", wrong_07_no_replacement::main, "one worker was left"),
    Answer("wrong/07_endless_retry", wrong_07_endless_retry::main, "kills the next one"),
    Answer("wrong/07_loss_untold", wrong_07_loss_untold::main, "every task has one outcome"),
    Answer("wrong/01_rounds", wrong_01_rounds::main, "the others came later, or never"),
    Answer("wrong/01_from_one", wrong_01_from_one::main, "ask once for each id"),
    Answer("wrong/01_twice", wrong_01_twice::main, "ask 10 times"),
    Answer("wrong/06_no_newline", wrong_06_no_newline::main, "waits for the end of the line"),
    Answer("wrong/06_one_line", wrong_06_one_line::main, "ended before its input did"),
    Answer("wrong/06_println", wrong_06_println::main, "`println!` nothing"),
    Answer(
        "wrong/07_worker_per_task",
        wrong_07_worker_per_task::main,
        "a worker is for many tasks",
    ),
    Answer("wrong/09_all_at_once", wrong_09_all_at_once::main, "all ten wait at once"),
    Answer("wrong/10_no_await", wrong_10_no_await::main, "`acquire()` is a future"),
    Answer("wrong/11_timeout_each", wrong_11_timeout_each::main, "one mirror after the other"),
    Answer("hostile/deadlock", || threads::main(hostile::deadlock), "(a deadlock)"),
    Answer("hostile/endless_loop", || threads::main(hostile::endless_loop), "loops without end"),
    Answer("hostile/endless_requests", || threads::main(hostile::endless_requests), "its answer"),
    Answer(
        "hostile/endless_output",
        || threads::main(hostile::endless_output),
        "your code printed",
    ),
    Answer("hostile/exit", || threads::main(hostile::exit_in_the_middle), "exited with code 0"),
    Answer("hostile/panic", || threads::main(hostile::panic_in_thread), "no answer for 3"),
    Answer("hostile/stack", || threads::main(hostile::stack_overflow), "the stack is full"),
    Answer("hostile/many_threads", || threads::main(hostile::many_threads), "because"),
    Answer("hostile/left_behind", || threads::main(hostile::process_left_behind), "0 of 10"),
];
