//! The kinds of bugs: three categories, twelve types.

use std::{fmt, str::FromStr};

use catena_core::Error;
use serde::{Deserialize, Serialize, de};

/// A category of bugs (Dou et al. 2024, as the first version of the paper has them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BugCategory {
    /// A: violates the grammar; found before anything runs.
    Syntax,
    /// B: fails when it is executed.
    Runtime,
    /// C: runs and gives something else than was asked for.
    Functional,
}

impl fmt::Display for BugCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "syntax",
            Self::Runtime => "runtime",
            Self::Functional => "functional",
        })
    }
}

macro_rules! bug_types {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $category:ident, $name:literal, $what:literal;)+) => {
        /// A type of bug. Written and read by its code, such as `B.3`.
        ///
        /// Names follow Dou et al. (arXiv 2407.06153, first version); the words of the definitions are
        /// ours, short enough for the prompt of a small model.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum BugType {
            $($(#[$doc])* $variant,)+
        }

        impl BugType {
            /// All twelve, in the order of their codes.
            pub const ALL: [Self; 12] = [$(Self::$variant),+];

            /// The code, such as `B.3`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The name, in a few words.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it is, in one sentence without its full stop.
            pub fn definition(self) -> &'static str {
                match self { $(Self::$variant => $what,)+ }
            }

            /// Its category.
            pub fn category(self) -> BugCategory {
                match self { $(Self::$variant => BugCategory::$category,)+ }
            }
        }
    };
}

bug_types! {
    /// A.1: an unfinished statement, an unmatched bracket, a missing colon.
    IncompleteSyntax = "A.1", Syntax, "incomplete syntax structure",
        "a statement is unfinished, a bracket or quote is not closed, or a colon or semicolon is missing";
    /// A.2: blocks that are not indented alike.
    IncorrectIndentation = "A.2", Syntax, "incorrect indentation",
        "the lines of a block are not indented alike";
    /// A.3: an import that is missing or that cannot be found.
    LibraryImport = "A.3", Syntax, "library import error",
        "an import is missing, stands in the wrong place, or names what does not exist";
    /// B.1: a method, an attribute or an operation that the value does not have.
    ApiMisuse = "B.1", Runtime, "API misuse",
        "a method, attribute or operation is used that the value or its type does not have";
    /// B.2: a name that is used and not defined.
    DefinitionMissing = "B.2", Runtime, "definition missing",
        "a variable or function is used that is not defined there";
    /// B.3: an index, a key, an empty input or a zero that is not guarded against.
    BoundaryCondition = "B.3", Runtime, "incorrect boundary condition check",
        "an index, a key, an empty input, an overflow or a division by zero is not guarded against";
    /// B.4: arguments of the wrong number, type or order.
    IncorrectArgument = "B.4", Runtime, "incorrect argument",
        "a call has arguments of the wrong number, type or order";
    /// B.5: time-outs, recursion without an end, other exceptions.
    RuntimeMinor = "B.5", Runtime, "other runtime bug",
        "a loop or recursion does not end, or something else fails at run time";
    /// C.1: the task is misread, or the algorithm is wrong.
    LogicError = "C.1", Functional, "misunderstanding or logic error",
        "the task is misread, or a condition, an operator or the algorithm is wrong";
    /// C.2: code that does something else than the task.
    Hallucination = "C.2", Functional, "hallucination",
        "the code looks plausible and does something else than the task";
    /// C.3: the right result in the wrong type, precision, order or shape.
    OutputFormat = "C.3", Functional, "input or output format error",
        "the result has the wrong type, precision, order or shape";
    /// C.4: small flaws: off by one, a wrong first value.
    FunctionalMinor = "C.4", Functional, "small flaw",
        "a small slip such as off by one, a wrong first value, or a case that is left out";
}

impl fmt::Display for BugType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.name())
    }
}

impl FromStr for BugType {
    type Err = Error;

    fn from_str(code: &str) -> Result<Self, Error> {
        let all = Self::ALL.into_iter();
        all.into_iter()
            .find(|bug| bug.code().eq_ignore_ascii_case(code))
            .ok_or_else(|| {
                Error::invalid(format!("there is no bug type '{code}'"))
                    .with_help("the types are A.1 to A.3, B.1 to B.5 and C.1 to C.4")
            })
    }
}

impl Serialize for BugType {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for BugType {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        code.parse().map_err(de::Error::custom)
    }
}

impl BugType {
    /// The type that a text names first, by its code or its name; models that are asked for a code alone
    /// write a sentence around it.
    pub(super) fn named_in(text: &str) -> Option<Self> {
        let lower = text.to_lowercase();
        let place = |bug: &Self| {
            let code = lower.find(&bug.code().to_lowercase());
            let name = lower.find(bug.name());
            code.into_iter().chain(name).min()
        };
        let found = Self::ALL
            .into_iter()
            .filter_map(|bug| Some((place(&bug)?, bug)));
        found.min().map(|(_, bug)| bug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_and_read_back() {
        for bug in BugType::ALL {
            assert_eq!(bug.code().parse::<BugType>().unwrap(), bug);
            let letter = match bug.category() {
                BugCategory::Syntax => 'A',
                BugCategory::Runtime => 'B',
                BugCategory::Functional => 'C',
            };
            assert!(bug.code().starts_with(letter), "{bug}");
        }
        assert!("C.5".parse::<BugType>().unwrap_err().is_invalid());
    }

    #[test]
    fn the_type_that_is_named_first_counts() {
        let named = |text| BugType::named_in(text).map(BugType::code);
        assert_eq!(named("It is **c.1**, not C.4."), Some("C.1"));
        assert_eq!(named("An API misuse (B.1)."), Some("B.1"));
        assert_eq!(named("the code is fine"), None);
    }
}
