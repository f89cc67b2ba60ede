//! Makes text from outside harmless for a terminal, and puts outcomes and verdicts into words.

use crate::report::{Outcome, Verdict};

/// Text with every character escaped that a terminal would act on instead of showing it.
pub fn escape_controls(text: &str) -> String {
    text.chars()
        .flat_map(|c| if is_control(c) { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// Whether a terminal acts on this character: controls, and those that turn the reading direction.
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A URL without its password: `http://user:***@host/`.
pub fn mask_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.into() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rsplit_once('@').and_then(|(user, _)| user.split_once(':')) {
        Some((user, password)) => {
            let rest = &rest[user.len() + 1 + password.len()..];
            format!("{scheme}://{user}:***{rest}")
        }
        None => url.into(),
    }
}

/// The sections of the notebook, by the letters of their claims.
pub const SECTION_NAMES: [(&str, &str); 4] =
    [("T", "threads"), ("P", "processes"), ("A", "async"), ("G", "GIL and summary")];

/// What the letters of claims stand for.
pub const SECTIONS: &str = "Claims by section: T threads, P processes, A async, G GIL and summary";

/// An outcome in words.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
        Outcome::TimedOut => "timed out",
        Outcome::Cancelled => "cancelled",
    }
}

/// A verdict in words.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Fails => "FAILS",
        Verdict::NotShown => "not shown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_controls_become_visible() {
        assert_eq!(escape_controls("\u{1b}[31mred\r\n\u{202e}"), "\\u{1b}[31mred\\r\\n\\u{202e}");
        assert_eq!(escape_controls("яндекс, 10 ✓"), "яндекс, 10 ✓");
    }

    #[test]
    fn passwords_of_urls_are_masked() {
        for (url, masked) in [
            ("http://u:s3cret@host/a:b@c", "http://u:***@host/a:b@c"),
            ("http://:t0ken@host:80", "http://:***@host:80"),
            ("http://u:p@ss@host/", "http://u:***@host/"),
            ("https://user@host/", "https://user@host/"),
            ("http://[::1]:8080/a@b", "http://[::1]:8080/a@b"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(mask_password(url), masked);
        }
    }
}
