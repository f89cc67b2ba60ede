//! Colours of the text. Renderers always write them; [`crate::os::stdout`] takes them out where nobody
//! would see them. Words say the same, so that the text reads well without.

use anstyle::{AnsiColor, Style};

use crate::report::Verdict;

pub const PLAIN: Style = Style::new();
pub const HEADING: Style = PLAIN.bold();
pub const DETAIL: Style = PLAIN.dimmed();
/// Bars of tasks that wait.
pub const WAITING: Style = AnsiColor::Cyan.on_default();
/// Bars of tasks that compute.
pub const COMPUTING: Style = AnsiColor::Magenta.on_default();
pub const GOOD: Style = AnsiColor::Green.on_default();
pub const BAD: Style = AnsiColor::Red.on_default();
pub const OPEN: Style = AnsiColor::Yellow.on_default();

pub fn verdict(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Holds => GOOD,
        Verdict::Fails => BAD.bold(),
        Verdict::NotShown => OPEN,
    }
}

/// `text` in this style. Its width is that of `text`.
pub fn paint(style: Style, text: &str) -> String {
    match style == PLAIN || text.is_empty() {
        true => text.into(),
        false => format!("{style}{text}{style:#}"),
    }
}
