//! Names that every model takes.

use std::collections::HashSet;

/// The longest name that all providers take.
const LONGEST: usize = 64;

/// Gives the tools of one server names of their own.
pub(crate) struct Namer {
    prefix: String,
    given: HashSet<String>,
}

impl Namer {
    pub(crate) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            given: HashSet::new(),
        }
    }

    /// A name for the tool that its server calls `name`.
    pub(crate) fn name(&mut self, name: &str) -> String {
        let whole = self.prefix.chars().chain(name.chars());
        let fitting = whole.map(|c| match c.is_ascii_alphanumeric() || c == '-' {
            true => c,
            false => '_',
        });
        let base: String = fitting.take(LONGEST).collect();
        let base = if base.is_empty() {
            "_".to_owned()
        } else {
            base
        };
        let mut name = base.clone();
        let mut number = 1;
        while !self.given.insert(name.clone()) {
            number += 1;
            let ending = format!("_{number}");
            name = base.chars().take(LONGEST - ending.len()).collect();
            name.push_str(&ending);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_differ() {
        let mut namer = Namer::new("a.");
        assert_eq!(namer.name("read_file-1"), "a_read_file-1");
        assert_eq!(namer.name("read file-1"), "a_read_file-1_2");
        assert_eq!(namer.name("lïst/\n;rm"), "a_l_st___rm");
        let long = "x".repeat(100);
        let names = [namer.name(&long), namer.name(&long)];
        assert!(names.iter().all(|name| name.len() == 64), "{names:?}");
        assert!(names[1].ends_with("x_2"));
        assert_eq!(Namer::new("").name(""), "_");
    }
}
