//! How many tests passed and failed: libtest, pytest, unittest, doctest.

/// Counts of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u32,
    pub(super) failed: u32,
    /// Those that ran to their end; `None` where no runner tells. Tests that were skipped, ignored or
    /// expected to fail are not among them, nor what failed before it was a test.
    pub(super) ran: Option<u32>,
    /// Programs of libtest that began, and that came to their result.
    begun: u32,
    ended: u32,
}

impl Counts {
    /// A test that ran.
    pub(super) fn one(&mut self, passed: bool) {
        self.add(u32::from(passed), u32::from(!passed));
        self.ran(1);
    }

    /// Something that failed and is no test.
    pub(super) fn other_failure(&mut self) {
        self.add(0, 1);
        self.ran(0);
    }

    /// Whether a program of tests ended before all of them did.
    pub(super) fn is_broken_off(&self) -> bool {
        self.begun > self.ended
    }

    /// Adds what an output tells. Of libtest the summaries of several programs add up; where there is
    /// none (the time was up), the tests that ended count.
    pub(super) fn read(&mut self, text: &str) {
        let mut single = (0, 0);
        let mut unittest = None;
        let mut examples = (0, 0);
        let mut has_summary = false;
        for line in text.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("test result: ") {
                has_summary = true;
                self.ended += 1;
                let (passed, failed) = (before(rest, " passed"), before(rest, " failed"));
                self.add(passed, failed);
                self.ran(passed.saturating_add(failed));
            } else if is_beginning(line) {
                self.begun += 1;
            } else if line.starts_with("test ") {
                match line.rsplit_once(" ... ").map(|(_, end)| end) {
                    Some("ok") => single.0 += 1,
                    Some("FAILED") => single.1 += 1,
                    _ => {}
                }
            } else if is_summary(line) {
                has_summary = true;
                let (passed, failed) = (before(line, " passed"), before(line, " failed"));
                self.add(passed, failed.saturating_add(before(line, " error")));
                self.ran(passed.saturating_add(failed));
            } else if line.contains("unittest.loader._FailedTest") && line.starts_with("ERROR: ") {
                unittest.get_or_insert_with(Unittest::default).unloaded += 1;
            } else if let Some(all) = examples_of(line) {
                has_summary = true;
                examples.0 += all;
                self.ran(all);
            } else if let Some(rest) = line.strip_prefix("***Test Failed*** ") {
                examples.1 += before(rest, " failure");
            } else if let Some(rest) = line.strip_prefix("Ran ") {
                has_summary = true;
                let all = rest.split(' ').next().and_then(|count| count.parse().ok());
                unittest.get_or_insert_with(Unittest::default).all = all.unwrap_or(0);
            } else if let (Some(unittest), Some(rest)) = (
                &mut unittest,
                line.strip_prefix("FAILED (").or(line.strip_prefix("OK (")),
            ) {
                unittest.read(rest.trim_end_matches(')'));
            }
        }
        self.add(examples.0.saturating_sub(examples.1), examples.1);
        if let Some(told) = unittest.filter(|_| has_summary) {
            let ran = told.all.saturating_sub(told.skipped);
            self.add(ran.saturating_sub(told.failed), told.failed);
            self.ran(ran.saturating_sub(told.unloaded));
        }
        if !has_summary && single != (0, 0) {
            self.add(single.0, single.1);
            self.ran(single.0 + single.1);
        }
    }

    fn add(&mut self, passed: u32, failed: u32) {
        self.passed = self.passed.saturating_add(passed);
        self.failed = self.failed.saturating_add(failed);
    }

    fn ran(&mut self, tests: u32) {
        self.ran = Some(self.ran.unwrap_or(0).saturating_add(tests));
    }
}

/// What unittest sums up.
#[derive(Default)]
struct Unittest {
    all: u32,
    failed: u32,
    /// Left out, or expected to fail.
    skipped: u32,
    /// Modules that could not be loaded, which count as a failed test each.
    unloaded: u32,
}

impl Unittest {
    /// `failures=1, errors=2, skipped=1`
    fn read(&mut self, parts: &str) {
        for part in parts.split(", ") {
            let Some((name, count)) = part.split_once('=') else {
                continue;
            };
            let count = count.parse().unwrap_or(0);
            match name {
                "failures" | "errors" => self.failed = self.failed.saturating_add(count),
                "skipped" | "expected failures" => {
                    self.skipped = self.skipped.saturating_add(count);
                }
                _ => {}
            }
        }
    }
}

/// Of doctest, when it is told to be verbose: `4 tests in 2 items.`
fn examples_of(line: &str) -> Option<u32> {
    let (count, rest) = line.split_once(" test")?;
    let rest = rest.trim_start_matches('s').strip_prefix(" in ")?;
    let is_sum = rest.ends_with(" items.") || rest.ends_with(" item.");
    count.parse().ok().filter(|_| is_sum)
}

/// `running 3 tests`
fn is_beginning(line: &str) -> bool {
    let count = line.strip_prefix("running ").and_then(|rest| {
        rest.strip_suffix(" tests")
            .or_else(|| rest.strip_suffix(" test"))
    });
    count.is_some_and(|count| count.parse::<u32>().is_ok())
}

/// Of pytest: `== 1 failed, 2 passed in 0.12s ==`, `no tests ran in 0.01s`; of nextest:
/// `Summary [ 0.1s] 3 tests run: 3 passed, 0 skipped`
fn is_summary(line: &str) -> bool {
    let words = [
        " passed",
        " failed",
        " error",
        " skipped",
        "no tests ran",
        " xfailed",
    ];
    let is_of_pytest = line.contains(" in ") && line.ends_with(['=', 's', ')']);
    (is_of_pytest || line.starts_with("Summary [")) && words.iter().any(|word| line.contains(word))
}

/// The number right before a word.
fn before(text: &str, word: &str) -> u32 {
    let Some((head, _)) = text.split_once(word) else {
        return 0;
    };
    let digits = head.rsplit(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (u32, u32) {
        let counts = counts(text);
        (counts.passed, counts.failed)
    }

    fn counts(text: &str) -> Counts {
        let mut counts = Counts::default();
        counts.read(text);
        counts
    }

    #[test]
    fn what_is_skipped_did_not_run() {
        for (text, ran) in [
            ("it passed", None),
            (
                "Summary [   0.1s] 3 tests run: 2 passed, 1 failed, 1 skipped",
                Some(3),
            ),
            ("no tests ran in 0.01s", Some(0)),
            ("2 skipped in 0.01s", Some(0)),
            ("1 passed, 2 skipped, 1 xfailed in 0.01s", Some(1)),
            ("== 1 failed, 2 passed, 1 error in 0.12s ==", Some(3)),
            ("Ran 0 tests in 0.000s\n\nNO TESTS RAN", Some(0)),
            (
                "Ran 4 tests in 0.001s\n\nOK (skipped=1, expected failures=2)",
                Some(1),
            ),
            (
                "Ran 4 tests in 0.001s\n\nFAILED (errors=1, expected failures=2)",
                Some(2),
            ),
            (
                "ERROR: test_a (unittest.loader._FailedTest.test_a)\nRan 1 test in 0.001s\n\nFAILED (errors=1)",
                Some(0),
            ),
            ("4 tests in 2 items.\n4 passed and 0 failed.", Some(4)),
            (
                "1 test in 1 item.\n0 passed and 1 failed.\n***Test Failed*** 1 failure.",
                Some(1),
            ),
            (
                "running 2 tests\ntest result: ok. 1 passed; 0 failed; 1 ignored;",
                Some(1),
            ),
        ] {
            assert_eq!(counts(text).ran, ran, "{text}");
        }
    }

    #[test]
    fn test_runners_are_understood() {
        let cargo = "test a ... ok\ntest b ... FAILED\n\ntest result: FAILED. 1 passed; 1 failed; 0 ignored\n\
                     test result: ok. 4 passed; 0 failed; 0 ignored; finished in 0.00s";
        assert_eq!(read(cargo), (5, 1));
        assert_eq!(read("test a ... ok\ntest b ... ok\ntest c ... "), (2, 0));
        assert_eq!(
            read("==== 2 failed, 3 passed, 1 error in 0.12s ===="),
            (3, 3)
        );
        assert_eq!(read("3 passed in 0.01s"), (3, 0));
        let unittest = "Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=2)";
        assert_eq!(read(unittest), (2, 3));
        let doctest = "4 tests in 2 items.\n1 passed and 3 failed.\n***Test Failed*** 3 failures.";
        assert_eq!(read(doctest), (1, 3));
        assert_eq!(read("it passed"), (0, 0));
    }
}
