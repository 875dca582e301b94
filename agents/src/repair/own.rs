//! The check of a file by the tests that it holds itself.

use std::path::Path;

use super::{Check, CheckStep, Language, Stage, edit::kinds, word::words};

/// What runs classes of unittest and examples of doctest.
const RUNNER: &str = include_str!("own.py");

impl Check {
    /// The tests that the file at `path` holds itself; `None` where it holds none, or calls them itself when it
    /// is run. Of Python classes of unittest and examples of doctest, or what only pytest finds; of Rust test
    /// items and examples in doc comments, and whether it compiles without them. Each has to be of one test at
    /// least.
    ///
    /// Of Python what runs classes and examples is called `catena_own.py`; examples are run with the options of
    /// doctest that the file names itself.
    ///
    /// The text is the one that the file has at first: no correction takes a test away.
    pub fn own(path: &str, text: &str) -> Option<Self> {
        let kinds = kinds(path, text);
        let steps = match Language::of(Path::new(path)) {
            Language::Python => {
                let flags = flags(text);
                let run = |words: &[&str], flags: &[&str]| {
                    let words = ["python3"].iter().chain(words).chain([&path]).chain(flags);
                    CheckStep::new(Stage::Test, words.copied()).tests(1)
                };
                let with_flags = format!("doctest_optionflags={}", flags.join(" "));
                let pytest = ["-m", "pytest", "-q"];
                let examples = [&pytest[..], &["--doctest-modules"]].concat();
                match (kinds.of_pytest, kinds.doctests) {
                    (true, true) if flags.is_empty() => vec![run(&examples, &[])],
                    (true, true) => vec![run(&[&examples[..], &["-o", &with_flags]].concat(), &[])],
                    (true, false) => vec![run(&pytest, &[])],
                    (false, _) => {
                        let own = |kind| ["catena_own.py", kind];
                        let classes = kinds.items.then(|| run(&own("unittest"), &[]));
                        let examples = kinds.doctests.then(|| run(&own("doctest"), &flags));
                        classes.into_iter().chain(examples).collect()
                    }
                }
            }
            Language::Rust => of_rust(path, kinds.items, kinds.doctests),
            Language::Other => Vec::new(),
        };
        let runs = |step: &CheckStep| {
            step.command
                .get(1)
                .is_some_and(|word| word == "catena_own.py")
        };
        let check = match steps.iter().any(runs) {
            true => Self::default().file("catena_own.py", RUNNER),
            false => Self::default(),
        };
        (!steps.is_empty()).then_some(Self { steps, ..check })
    }
}

/// The options of doctest that a file runs its examples with.
fn flags(text: &str) -> Vec<&'static str> {
    const FLAGS: [&str; 5] = [
        "DONT_ACCEPT_BLANKLINE",
        "DONT_ACCEPT_TRUE_FOR_1",
        "ELLIPSIS",
        "IGNORE_EXCEPTION_DETAIL",
        "NORMALIZE_WHITESPACE",
    ];
    if !text.contains("optionflags") {
        return Vec::new();
    }
    // Those of a single example are told by itself.
    let lines = text.lines().filter(|line| !line.contains("doctest: +"));
    let words: Vec<&str> = lines.flat_map(words).collect();
    FLAGS
        .into_iter()
        .filter(|flag| words.contains(flag))
        .collect()
}

fn of_rust(path: &str, items: bool, doctests: bool) -> Vec<CheckStep> {
    if !items && !doctests {
        return Vec::new();
    }
    let mut steps = Check::rust_alone(path).steps;
    let name = crate_name(path);
    if items {
        steps.extend(Check::rust_tests(path));
    }
    if doctests {
        // Examples use the library by its name.
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

/// What a crate is called after its file.
pub(super) fn crate_name(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default();
    let part = |c: char| if c.is_alphanumeric() { c } else { '_' };
    let name: String = stem.to_string_lossy().chars().map(part).collect();
    match name.starts_with(|c: char| c.is_numeric()) {
        true => format!("_{name}"),
        false => name,
    }
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
            [
                "python3 catena_own.py unittest a.py",
                "python3 catena_own.py doctest a.py"
            ]
        );
        let runner = Check::own("a.py", &both).unwrap().files;
        assert_eq!(runner[0].path, "catena_own.py");
        assert_eq!(
            commands("p/a.py", CLASS),
            ["python3 catena_own.py unittest p/a.py"]
        );
        let main = "import doctest\ndoctest.testmod(optionflags=doctest.ELLIPSIS)\n";
        let other = "    >>> f()  # doctest: +NORMALIZE_WHITESPACE\n";
        let flagged = format!("{}{main}", EXAMPLE.replace("    >>> f()\n", other));
        assert_eq!(
            commands("a.py", &flagged),
            ["python3 catena_own.py doctest a.py ELLIPSIS"]
        );
        assert_eq!(
            commands("a.py", &format!("{flagged}def test_b(): pass\n")),
            ["python3 -m pytest -q --doctest-modules -o doctest_optionflags=ELLIPSIS a.py"]
        );
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
        let odd = commands("1 my a.rs", rust);
        assert!(
            odd.iter()
                .filter(|command| command.contains("--crate-name=_1_my_a "))
                .count()
                == 4,
            "{odd:?}"
        );
        let check = Check::own("a.rs", rust).unwrap();
        assert_eq!(check.steps.iter().filter(|step| step.tests == 1).count(), 2);
    }
}
