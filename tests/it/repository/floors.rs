//! Imports run downwards: `shared` is built in floors, and no crate has a circle.

use std::path::Path;

use crate::support::imports::{Graph, Sources, circle};
use crate::support::workspace::{files, root};

/// The floors of `shared` from the bottom. Modules on the same floor do not import from each other.
const FLOORS: [&[&str]; 9] = [
    &["exit"],
    &["os"],
    &["report"],
    &["render", "verdict"],
    &["progress"],
    &["http"],
    &["lab"],
    &["demo"],
    &["cli"],
];

fn graph(package: &str) -> Graph {
    Sources::read(&root().join(package).join("src")).graph()
}

/// The rank of a module's floor, from 0 at the bottom.
fn floor(module: &[String]) -> usize {
    let rank = FLOORS.iter().position(|floor| floor.contains(&&*module[0]));
    rank.unwrap_or_else(|| panic!("{module:?} is on no floor"))
}

#[test]
fn shared_imports_from_lower_floors_only() {
    let graph = graph("shared");
    assert!(graph.len() > 20, "{graph:#?}");
    // The root exports from every floor, and imports nothing for itself.
    for (module, imports) in graph.iter().filter(|(module, _)| !module.is_empty()) {
        for import in imports.iter().filter(|import| import.first() != module.first()) {
            assert!(!import.is_empty(), "{module:?} imports from lib.rs");
            assert!(floor(import) < floor(module), "{module:?} imports from {import:?}");
        }
    }
}

#[test]
fn imports_have_no_circle() {
    let manifests = files(root(), "Cargo.toml");
    let packages: Vec<&Path> = manifests.iter().filter_map(|file| file.parent()).collect();
    let with_sources = packages.iter().filter(|package| package.join("src").is_dir());
    let mut checked = 0;
    for package in with_sources {
        let graph = Sources::read(&package.join("src")).graph();
        assert_eq!(circle(&graph), None, "{}", package.display());
        checked += 1;
    }
    assert!(checked >= 6, "{checked} crates");
}

#[test]
fn planted_imports_are_found() {
    let directory = crate::support::workspace::scratch("imports");
    let file = |name: &str, text: &str| {
        let file = directory.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    file("lib.rs", "mod a;\nmod b;\npub use b::c::Deep;\n");
    file("a.rs", "use crate::{\n    Deep,\n    b::{self as other, One},\n};\n");
    file("b.rs", "mod c;\n#[cfg(test)]\nmod d;\n// crate::a::X\nfn f() { c::g() }\n");
    file("b/c.rs", "#[cfg(test)]\n#[cfg(unix)]\nmod tests {\n    use crate::a;\n}\nfn g() {}\n");
    file("b/d.rs", "use crate::a;\n");
    let imports = |module: &[&str]| -> Vec<String> {
        let module: Vec<String> = module.iter().map(|part| part.to_string()).collect();
        let graph = Sources::read(&directory).graph();
        graph[&module].iter().map(|import| import.join("::")).collect()
    };
    assert_eq!(imports(&["a"]), ["b", "b::c"]);
    assert_eq!(imports(&["b"]), ["b::c"]);
    assert_eq!(imports(&["b", "c"]), [""; 0]);
    assert_eq!(circle(&Sources::read(&directory).graph()), None);
    file("b/c.rs", "use super::One;\n");
    let mut found = circle(&Sources::read(&directory).graph()).unwrap();
    found.sort();
    assert_eq!(found, ["crate::b", "crate::b::c"]);
}
