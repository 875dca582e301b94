//! Modules of Rust that hold tests and have to stay declared.

use super::{
    declared::{Declared, declared},
    found,
};
use crate::repair::edit::syntax::{Grammar, Source};

/// Whether a file of Rust holds tests.
pub(super) fn holds(source: &Source) -> bool {
    // What is said of a whole file is no test.
    let is_test = |code: &str| !code.starts_with("#![");
    let tests = found(source, &std::collections::BTreeSet::new());
    source.grammar() == Grammar::Rust && tests.iter().any(|test| is_test(&test.code))
}

/// A module whose tests are compiled no more: a file declares it no longer, or under a condition (an
/// attribute, a block around it) under which it did not stand before. `tested` are the files with tests.
pub(super) fn lost(path: &str, old: &Source, new: &Source, tested: &[String]) -> Option<String> {
    if old.grammar() != Grammar::Rust || tested.is_empty() {
        return None;
    }
    let new = declared(new);
    let stays = |old: &Declared| {
        let file = file(path, old);
        new.iter().any(|new| {
            let is_bound = |condition| old.conditions.contains(condition);
            self::file(path, new) == file && new.conditions.iter().all(is_bound)
        })
    };
    let mut lost = declared(old).into_iter().filter(|module| {
        // Of one that tests are compiled without none is run.
        let is_tested = !module
            .conditions
            .iter()
            .any(|only| only == "#[cfg(not(test))]");
        is_tested && holds_tests(path, module, tested) && !stays(module)
    });
    lost.next().map(|module| module.name)
}

fn holds_tests(path: &str, module: &Declared, tested: &[String]) -> bool {
    let file = file(path, module);
    let beneath = file.strip_suffix(".rs").unwrap_or(&file);
    tested.iter().any(|path| {
        *path == file
            || path
                .strip_prefix(beneath)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}

/// Where the module's file is, if it is not `NAME/mod.rs`. A root of a crate is known by its usual place; of
/// another one the modules are not found.
fn file(path: &str, module: &Declared) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let above = folder.rsplit('/').next().unwrap_or_default();
    let is_root = matches!(stem, "lib" | "main" | "mod" | "build")
        || matches!(above, "bin" | "tests" | "examples" | "benches");
    let mut parts: Vec<&str> = folder.split('/').collect();
    if !is_root && (module.path.is_none() || !module.inside.is_empty()) {
        parts.push(stem);
    }
    parts.extend(module.inside.iter().map(String::as_str));
    let named = format!("{}.rs", module.name);
    for part in module.path.as_deref().unwrap_or(&named).split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(path: &str, old: &str, new: &str, tested: &[String]) -> Option<String> {
        super::lost(
            path,
            &Source::of(path, old)?,
            &Source::of(path, new)?,
            tested,
        )
    }

    const LIB: &str = "pub mod a;\n#[cfg(feature = \"b\")]\nmod b;\nmod c { pub mod d; }\n#[path = \"x/e.rs\"]\nmod e;\nmod none;\n";

    fn lost_of(path: &str, new: &str, tested: &[&str]) -> Option<String> {
        let tested: Vec<String> = tested.iter().map(ToString::to_string).collect();
        lost(path, LIB, new, &tested)
    }

    #[test]
    fn a_module_with_tests_stays_declared() {
        for (line, path, tested) in [
            ("pub mod a;", "src/lib.rs", "src/a.rs"),
            ("pub mod a;", "src/lib.rs", "src/a/mod.rs"),
            ("pub mod a;", "lib.rs", "a/deep/er.rs"),
            ("pub mod a;", "src/z.rs", "src/z/a.rs"),
            ("pub mod a;", "src/bin/z.rs", "src/bin/a.rs"),
            ("mod b;", "src/lib.rs", "src/b.rs"),
            ("pub mod d;", "src/lib.rs", "src/c/d.rs"),
            ("#[path = \"x/e.rs\"]\nmod e;", "src/lib.rs", "src/x/e.rs"),
        ] {
            assert_eq!(lost_of(path, LIB, &[tested]), None);
            let without = LIB.replace(line, "");
            let name = line.trim_end_matches(';').rsplit(' ').next().unwrap();
            assert_eq!(
                lost_of(path, &without, &[tested]).as_deref(),
                Some(name),
                "{line} {path}"
            );
            for (condition, end) in [
                ("#[cfg(any())]\n", ""),
                ("#[cfg(any())] ", ""),
                ("#[cfg(\n    any()\n)]\n", ""),
                ("skip! {\n", "}"),
                ("// ", ""),
                ("#[path = \"other.rs\"]\n", ""),
            ] {
                let new = LIB.replace(line, &format!("{condition}{line}\n{end}"));
                assert!(lost_of(path, &new, &[tested]).is_some(), "{new}");
            }
        }
    }

    #[test]
    fn each_of_several_on_a_line_stays_declared() {
        let tested = ["src/a.rs", "src/b.rs", "src/c/d.rs", "src/c/e.rs"].map(str::to_owned);
        let old = "pub mod a; pub mod b;\nmod c { pub mod d; mod e; } mod f;\n";
        let lost = |new: &str| lost("src/lib.rs", old, new, &tested);
        assert_eq!(lost(old), None);
        assert_eq!(lost(&old.replace(" mod f;", "")), None);
        for name in ["a", "b", "d", "e"] {
            for visible in ["pub ", ""] {
                let line = format!("{visible}mod {name};");
                let new = old.replace(&line, "");
                if new != old {
                    assert_eq!(lost(&new).as_deref(), Some(name), "{new}");
                }
                let off = old.replace(&line, &format!("#[cfg(any())] {line}"));
                assert!(off == old || lost(&off).is_some(), "{off}");
            }
        }
    }

    #[test]
    fn what_takes_no_test_away_is_allowed() {
        let tested = ["src/a.rs", "src/b.rs"];
        for (from, to) in [
            ("mod none;\n", ""),
            ("pub mod a;", "pub(crate) mod a;"),
            ("pub mod a;", "mod other;\nmod a;"),
            ("#[cfg(feature = \"b\")]\n", ""),
            ("pub mod a;", "#[macro_use]\npub mod a;"),
            ("pub mod a;", "#[macro_use] #[allow(dead_code)] mod a;"),
        ] {
            let new = LIB.replace(from, to);
            assert_eq!(lost_of("src/lib.rs", &new, &tested), None, "{to}");
        }
        let off = "#[cfg(not(test))]\nmod a;\n";
        assert_eq!(
            lost("src/lib.rs", off, "", &tested.map(str::to_owned)),
            None
        );
        // Not where its file would be: it does not compile, and may go.
        let new = LIB.replace("pub mod a;", "");
        assert_eq!(lost_of("src/z.rs", &new, &tested), None);
        assert_eq!(lost_of("src/lib.py", &new, &tested), None);
    }

    #[test]
    fn files_with_tests_are_told() {
        let test = "#[test]\nfn t() {}\n";
        for (path, text, expected) in [
            ("src/a.rs", test, true),
            ("src/b.rs", "#![cfg(unix)]\nfn b() {}\n", false),
            ("src/c.py", "def test_c(): pass\n", false),
            ("tests/d.rs", test, true),
        ] {
            assert_eq!(holds(&Source::of(path, text).unwrap()), expected, "{path}");
        }
    }
}
