//! Which file of a crate imports from which, read from the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::workspace::files;

/// The files of a crate by module path (`["lab", "http"]`; the root's is empty), with their source as
/// far as it matters here: without tests and comments.
pub struct Sources(BTreeMap<Module, String>);

pub type Module = Vec<String>;

/// Files, and the files that each imports from.
pub type Graph = BTreeMap<Module, BTreeSet<Module>>;

impl Sources {
    /// Reads the crate whose root, `lib.rs` or `main.rs`, is in `directory`. Other programs in `bin`
    /// are crates of their own.
    pub fn read(directory: &Path) -> Sources {
        let mut sources = BTreeMap::new();
        let mut tests = Vec::new();
        for file in files(directory, ".rs") {
            let path = file.strip_prefix(directory).unwrap().with_extension("");
            let mut module: Module =
                path.iter().map(|part| part.to_str().unwrap().to_string()).collect();
            if module[0] == "bin" {
                continue;
            }
            if module == ["lib"] || module == ["main"] {
                module.clear();
            }
            let text = fs::read_to_string(&file).unwrap();
            if is_test(text.lines().find(|line| line.starts_with("#![cfg(")).unwrap_or_default()) {
                tests.push(module);
                continue;
            }
            let (text, only_tests) = without_tests(&text);
            tests.extend(only_tests.into_iter().map(|name| child(&module, &name)));
            sources.insert(module, text);
        }
        sources.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        Sources(sources)
    }

    /// Which file imports from which.
    pub fn graph(&self) -> Graph {
        let imports = |module: &Module, text: &str| {
            let mut found = BTreeSet::new();
            for path in self.paths(module, text) {
                found.insert(self.resolve(&path));
            }
            found.remove(module);
            found
        };
        self.0.iter().map(|(module, text)| (module.clone(), imports(module, text))).collect()
    }

    /// The paths in a file that lead to other files, from the crate's root.
    fn paths(&self, module: &Module, text: &str) -> Vec<Module> {
        let mut found = Vec::new();
        let mut starts = vec![("crate".to_string(), Vec::new()), ("self".into(), module.clone())];
        if let Some((_, parent)) = module.split_last() {
            starts.push(("super".into(), parent.to_vec()));
        }
        let children = self.0.keys().filter(|key| key.len() == module.len() + 1);
        let children = children.filter(|key| key.starts_with(module));
        starts.extend(children.map(|key| (key.last().unwrap().clone(), key.clone())));
        for (word, base) in starts {
            let start = format!("{word}::");
            for (at, _) in text.match_indices(&start) {
                let before = text[..at].chars().next_back().unwrap_or(' ');
                if !is_identifier(before) && before != ':' {
                    let mut rest = &text[at + start.len()..];
                    let mut base = base.clone();
                    while let (Some(after), true) = (rest.strip_prefix("super::"), word == "super")
                    {
                        base.pop();
                        rest = after;
                    }
                    use_tree(&base, &mut rest, &mut found);
                }
            }
        }
        found
    }

    /// The file that a path leads to. It follows what a file exports again by `pub use`.
    fn resolve(&self, path: &[String]) -> Module {
        let depth = (0..=path.len()).rev().find(|&depth| self.0.contains_key(&path[..depth]));
        let (module, rest) = path.split_at(depth.unwrap());
        let Some(name) = rest.first() else { return module.to_vec() };
        for statement in self.0[module].split("pub use ").skip(1) {
            let mut tree = statement.strip_prefix("crate::").unwrap_or(statement);
            let base = if tree == statement { module } else { &[] };
            let mut exported = Vec::new();
            use_tree(base, &mut tree, &mut exported);
            let same = |other: &&Module| other.last() == Some(name) && other[..] != path[..];
            if let Some(origin) = exported.iter().find(same) {
                return self.resolve(origin);
            }
        }
        module.to_vec()
    }
}

/// Reads `a::{b, c::D}` from the start of `rest`, and adds each path behind `base`.
fn use_tree(base: &[String], rest: &mut &str, found: &mut Vec<Module>) {
    let mut path = base.to_vec();
    loop {
        *rest = rest.trim_start();
        if let Some(inner) = rest.strip_prefix('{') {
            *rest = inner;
            loop {
                *rest = rest.trim_start_matches([' ', '\n', ',']);
                if rest.is_empty() || rest.starts_with('}') {
                    *rest = rest.get(1..).unwrap_or_default();
                    return;
                }
                use_tree(&path, rest, found);
                // Skips "as name".
                *rest = &rest[rest.find([',', '}']).unwrap_or(rest.len())..];
            }
        }
        let end = rest.find(|c| !is_identifier(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        *rest = after;
        if !["", "self"].contains(&name) {
            path.push(name.to_string());
        }
        match after.strip_prefix("::") {
            Some(after) => *rest = after,
            None => break,
        }
    }
    found.push(path);
}

fn child(module: &Module, name: &str) -> Module {
    [&module[..], &[name.to_string()]].concat()
}

fn is_identifier(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether an attribute means that what follows exists only in tests.
fn is_test(attribute: &str) -> bool {
    attribute.contains("cfg(") && attribute.split(|c| !is_identifier(c)).any(|word| word == "test")
}

/// A source without comments and without what exists only in tests. Also returns the modules in
/// files of their own that do.
fn without_tests(source: &str) -> (String, Vec<String>) {
    let (mut kept, mut modules) = (String::new(), Vec::new());
    let mut lines = source.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("#[") && is_test(line) {
            let mut attributes =
                lines.by_ref().skip_while(|line| line.trim_start().starts_with("#["));
            let item = attributes.next().unwrap_or_default();
            if let Some(name) = item.trim().strip_prefix("mod ").and_then(|m| m.strip_suffix(';')) {
                modules.push(name.to_string());
            } else if item.ends_with('{') {
                // rustfmt puts the closing brace below the first letter of the item.
                let indent = item.len() - item.trim_start().len();
                let end = format!("{}}}", " ".repeat(indent));
                lines.by_ref().find(|line| *line == end);
            }
            continue;
        }
        let code = line.find("//").filter(|&at| !line[..at].ends_with(':'));
        kept.push_str(&line[..code.unwrap_or(line.len())]);
        kept.push('\n');
    }
    (kept, modules)
}

/// A circle of imports, if there is one: each file imports from the next, the last from the first.
pub fn circle(graph: &Graph) -> Option<Vec<String>> {
    fn visit<'a>(
        module: &'a Module,
        graph: &'a Graph,
        way: &mut Vec<&'a Module>,
        safe: &mut BTreeSet<&'a Module>,
    ) -> bool {
        if safe.contains(module) {
            return false;
        }
        if let Some(start) = way.iter().position(|before| *before == module) {
            way.drain(..start);
            return true;
        }
        way.push(module);
        if graph[module].iter().any(|next| visit(next, graph, way, safe)) {
            return true;
        }
        way.pop();
        safe.insert(module);
        false
    }
    let (mut way, mut safe) = (Vec::new(), BTreeSet::new());
    let found = graph.keys().any(|module| visit(module, graph, &mut way, &mut safe));
    found.then(|| way.iter().map(|module| format!("crate::{}", module.join("::"))).collect())
}
