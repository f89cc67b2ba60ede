//! Signals that this program cannot leave as it finds them.

/// Makes the OS report how children end, and makes SIGINT and SIGTERM end this process. Called first
/// in `main`.
pub fn prepare() {
    #[cfg(unix)]
    {
        use std::sync::Arc;
        use std::sync::atomic::AtomicBool;

        use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM};
        use signal_hook::flag;

        // A parent may have had SIGCHLD ignored (`trap '' CHLD`), and we inherit that. Then the OS
        // forgets how our children ended. With a handler, even one of no use, it remembers.
        let _ = flag::register(SIGCHLD, Arc::default());
        // The OS spares process 1, as in a container without an init, signals that it does not handle.
        if std::process::id() == 1 {
            for signal in [SIGINT, SIGTERM] {
                // The code that a shell reports for a process that this signal ended.
                let always = Arc::new(AtomicBool::new(true));
                let _ = flag::register_conditional_shutdown(signal, 128 + signal, always);
            }
        }
    }
}
