//! Measures text in the columns of a terminal: 漢 takes two of them, a combining accent none.

use unicode_width::UnicodeWidthStr;

/// Columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of `text` that fits into `columns`.
pub fn cut(text: &str, columns: usize) -> &str {
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
    let fits = ends.take_while(|&end| width(&text[..end]) <= columns);
    &text[..fits.last().unwrap_or(0)]
}

/// `text`, followed by spaces if it takes fewer than `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_and_combining_characters_are_measured() {
        assert_eq!(["abc", "漢字", "e\u{301}", "🦀"].map(width), [3, 4, 1, 2]);
        assert_eq!((cut("漢字", 3), cut("e\u{301}a", 1), cut("漢", 1)), ("漢", "e\u{301}", ""));
        assert_eq!((pad("漢", 4), pad("漢字", 2)), ("漢  ".into(), "漢字".into()));
    }
}
