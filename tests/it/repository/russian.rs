//! Russian pages say what the English ones say: the same headings, commands, rows, names, figures and links.

use crate::support::workspace::read;

/// What a page has besides its prose. Words stand in another order in another language, so names,
/// figures and links are sorted.
#[derive(Debug, Default)]
struct Skeleton {
    /// Levels of the headings, from 1.
    headings: Vec<usize>,
    /// Blocks of commands, code and output, line by line.
    blocks: Vec<String>,
    rows: Vec<Row>,
    /// Code in the text.
    names: Vec<String>,
    figures: Vec<String>,
    quotes: Vec<String>,
    links: Vec<String>,
}

/// A row of a table.
#[derive(Debug)]
struct Row {
    cells: Vec<String>,
    names: Vec<String>,
    figures: Vec<String>,
    /// Messages of the programs, which speak English.
    quotes: Vec<String>,
}

impl Skeleton {
    fn of(page: &str) -> Skeleton {
        let mut skeleton = Skeleton::default();
        let mut in_block = false;
        let mut prose = String::new();
        for line in page.lines() {
            let is_fence = line.starts_with("```");
            if is_fence || in_block {
                in_block ^= is_fence;
                skeleton.blocks.push(line.to_string());
            } else if line.starts_with('|') {
                skeleton.rows.push(Row::of(line));
                skeleton.links.extend(links(line));
            } else {
                if line.starts_with('#') {
                    skeleton.headings.push(line.split(' ').next().unwrap().len());
                }
                prose += line;
                prose.push('\n');
            }
        }
        skeleton.names = sorted(between(&prose, "`", "`"));
        skeleton.figures = figures(&prose);
        skeleton.quotes = between(&prose.replace(['«', '»'], "\""), "\"", "\"");
        skeleton.links.extend(links(&prose));
        skeleton.links.sort();
        skeleton
    }
}

impl Row {
    fn of(line: &str) -> Row {
        let line = &line.replace(['«', '»'], "\"");
        let cells = line.trim_matches(['|', ' ']).split(" | ").map(String::from).collect();
        let names = sorted(between(line, "`", "`"));
        Row { cells, names, figures: figures(line), quotes: sorted(between(line, "\"", "\"")) }
    }
}

/// Numbers without the signs that languages put between digits: 1,000.5 and 1 000,5.
fn figures(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_ascii_digit() && !".,\u{a0}".contains(c));
    let numbers = words.map(|word| word.chars().filter(char::is_ascii_digit).collect());
    sorted(numbers.filter(|number: &String| !number.is_empty()).collect())
}

fn is_russian(text: &str) -> bool {
    text.chars().any(|c| ('а'..='я').contains(&c))
}

/// Targets of links, in the English page's words.
fn links(text: &str) -> Vec<String> {
    let targets = between(text, "](", ")").into_iter().chain(between(text, "<http", ">"));
    targets.map(|target| target.replace(".ru.md", ".md")).collect()
}

/// The parts of `text` from `open` to `close`, in one line each.
fn between(text: &str, open: &str, close: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((part, after)) =
        rest.split_once(open).and_then(|(_, after)| after.split_once(close))
    {
        parts.push(part.split_whitespace().collect::<Vec<_>>().join(" "));
        rest = after;
    }
    parts
}

fn sorted(mut parts: Vec<String>) -> Vec<String> {
    parts.sort();
    parts
}

/// Compares two pages. A link from each to the other is allowed.
fn compare(english: &str, russian: &str) {
    let [english, russian] = [english, russian].map(|page| Skeleton::of(&read(page)));
    assert!(english.rows.len() > 10 && english.links.len() > 3, "{english:?}");
    assert_eq!(russian.headings, english.headings);
    assert_eq!(russian.blocks, english.blocks);
    assert_eq!(russian.names, english.names);
    assert_eq!(russian.figures, english.figures);
    assert_eq!(russian.links, english.links);
    for quote in russian.quotes.iter().filter(|quote| !is_russian(quote)) {
        assert!(english.quotes.contains(quote), "{quote}");
    }
    for (russian, english) in russian.rows.iter().zip(&english.rows) {
        assert_eq!(russian.cells.len(), english.cells.len(), "{russian:?}");
        assert_eq!(russian.names, english.names);
        assert_eq!(russian.figures, english.figures, "{:?}", russian.cells);
        assert_eq!(russian.quotes, english.quotes);
        // Names and messages, such as those of wrong answers, are not translated; articles are left out.
        for (cell, original) in russian.cells.iter().zip(&english.cells) {
            assert!(is_russian(cell) || original.ends_with(cell), "{cell:?}, not {original:?}");
        }
    }
    assert_eq!(russian.rows.len(), english.rows.len());
}

#[test]
fn russian_readme_has_the_same_content() {
    compare("README.md", "README.ru.md");
}

#[test]
fn russian_workshop_has_the_same_content() {
    compare("docs/workshop.md", "docs/workshop.ru.md");
}
