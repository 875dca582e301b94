//! How many tests passed and failed: libtest, pytest, unittest.

/// Counts of tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

impl Counts {
    /// Adds what an output tells. Of libtest the summaries of several programs add up; where there is
    /// none (the time was up), the tests that ended count.
    pub(super) fn read(&mut self, text: &str) {
        let (mut summed, mut single) = (Self::default(), Self::default());
        let mut has_summary = false;
        for line in text.lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("test result: ") {
                has_summary = true;
                summed.passed = summed.passed.saturating_add(before(rest, " passed"));
                summed.failed = summed.failed.saturating_add(before(rest, " failed"));
            } else if line.starts_with("test ") {
                match line.rsplit_once(" ... ").map(|(_, end)| end) {
                    Some("ok") => single.passed = single.passed.saturating_add(1),
                    Some("FAILED") => single.failed = single.failed.saturating_add(1),
                    _ => {}
                }
            } else if line.contains(" in ")
                && line.ends_with(['=', 's', ')'])
                && (line.contains(" passed") || line.contains(" failed") || line.contains(" error"))
            {
                has_summary = true;
                summed.passed = summed.passed.saturating_add(before(line, " passed"));
                let failed = before(line, " failed").saturating_add(before(line, " error"));
                summed.failed = summed.failed.saturating_add(failed);
            } else if let Some(rest) = line.strip_prefix("Ran ") {
                has_summary = true;
                let ran = rest.split(' ').next().and_then(|count| count.parse().ok());
                summed.passed = summed.passed.saturating_add(ran.unwrap_or(0));
            } else if let Some(rest) = line.strip_prefix("FAILED (") {
                let of = |name: &str| -> u32 {
                    let count = rest.split_once(name).map(|(_, rest)| rest);
                    let digits = count.and_then(|rest| rest.split([',', ')']).next());
                    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
                };
                let failed = of("failures=").saturating_add(of("errors="));
                summed.failed = summed.failed.saturating_add(failed);
                summed.passed = summed.passed.saturating_sub(failed);
            }
        }
        let told = if has_summary { summed } else { single };
        self.passed = self.passed.saturating_add(told.passed);
        self.failed = self.failed.saturating_add(told.failed);
    }
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
        let mut counts = Counts::default();
        counts.read(text);
        (counts.passed, counts.failed)
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
        assert_eq!(read("it passed"), (0, 0));
    }
}
