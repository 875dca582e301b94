//! The check of a file by the tests that it holds itself.

use std::path::Path;

use super::{Check, CheckStep, Language, Stage, edit::kinds};

impl Check {
    /// The tests that the file at `path` holds itself; `None` where it holds none, or calls them itself when it
    /// is run. Of Python classes of unittest and examples of doctest, or what only pytest finds; of Rust test
    /// items and examples in doc comments, and whether it compiles without them. Each has to be of one test at
    /// least.
    ///
    /// The text is the one that the file has at first: no correction takes a test away.
    pub fn own(path: &str, text: &str) -> Option<Self> {
        let kinds = kinds(path, text);
        let steps = match Language::of(Path::new(path)) {
            Language::Python => {
                let run = |words: &[&str]| {
                    let words = ["python3", "-m"].iter().chain(words).copied();
                    CheckStep::new(Stage::Test, words.chain([path])).tests(1)
                };
                match kinds.of_pytest {
                    true if kinds.doctests => vec![run(&["pytest", "-q", "--doctest-modules"])],
                    true => vec![run(&["pytest", "-q"])],
                    false => {
                        let classes = kinds.items.then(|| run(&["unittest"]));
                        // Only then it tells how many there are.
                        let examples = kinds.doctests.then(|| run(&["doctest", "-v"]));
                        classes.into_iter().chain(examples).collect()
                    }
                }
            }
            Language::Rust => of_rust(path, kinds.items, kinds.doctests),
            Language::Other => Vec::new(),
        };
        (!steps.is_empty()).then(|| Self::new(steps))
    }
}

fn of_rust(path: &str, items: bool, doctests: bool) -> Vec<CheckStep> {
    if !items && !doctests {
        return Vec::new();
    }
    let mut steps = Check::rust_alone(path).steps;
    if items {
        steps.extend(Check::rust_tests(path));
    }
    if doctests {
        // Examples use the library by its name.
        let stem = Path::new(path).file_stem().unwrap_or_default();
        let name = stem.to_string_lossy().replace('-', "_");
        let library = format!("lib{name}.rlib");
        let named = format!("--crate-name={name}");
        let compile = [
            "rustc",
            "--edition=2021",
            "--crate-type=rlib",
            &named,
            "--error-format=json",
            "-Awarnings",
            "-o",
            &library,
            path,
        ];
        let external = format!("--extern={name}={library}");
        let run = [
            "rustdoc",
            "--edition=2021",
            "--test",
            &named,
            &external,
            path,
        ];
        let limit = CheckStep::new(Stage::Compile, compile).limit;
        steps.push(CheckStep::new(Stage::Compile, compile));
        // Each is compiled.
        steps.push(CheckStep::new(Stage::Test, run).limit(limit).tests(1));
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(path: &str, text: &str) -> Vec<String> {
        let check = Check::own(path, text).unwrap_or_default();
        let words = check.steps.iter().map(|step| step.command.join(" "));
        words.collect()
    }

    const CLASS: &str = "class T(TestCase):\n    def test_a(self): pass\n";
    const EXAMPLE: &str = "def f():\n    \"\"\"\n    >>> f()\n    \"\"\"\n";

    #[test]
    fn what_a_file_holds_is_what_is_run() {
        let both = format!("{CLASS}{EXAMPLE}");
        assert_eq!(
            commands("a.py", &both),
            ["python3 -m unittest a.py", "python3 -m doctest -v a.py"]
        );
        assert_eq!(commands("p/a.py", CLASS), ["python3 -m unittest p/a.py"]);
        let bare = format!("{both}def test_b(): pass\n");
        assert_eq!(
            commands("a.py", &bare),
            ["python3 -m pytest -q --doctest-modules a.py"]
        );
        assert!(commands("a.py", "x = 1\n").is_empty());
        assert!(commands("a.txt", &both).is_empty());
        let rust = "/// ```\n/// f();\n/// ```\nfn f() {}\n#[test]\nfn t() {}\n";
        let [alone, compile, run, library, examples] = &*commands("my-a.rs", rust) else {
            panic!("five")
        };
        assert!(alone.contains("--crate-type=lib ") && compile.contains("--test"));
        assert_eq!(run, "./catena_check --test-threads=1");
        assert!(library.ends_with("-o libmy_a.rlib my-a.rs"), "{library}");
        assert!(
            examples.contains("--extern=my_a=libmy_a.rlib"),
            "{examples}"
        );
        let check = Check::own("a.rs", rust).unwrap();
        assert_eq!(check.steps.iter().filter(|step| step.tests == 1).count(), 2);
    }
}
