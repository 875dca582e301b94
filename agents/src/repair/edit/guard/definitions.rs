//! Definitions that a new version of a file leaves out.

use std::collections::BTreeMap;

use super::{
    indent,
    names::{Syntax, is_word, syntax, tokens},
    of_python::{class, function},
    python, rust,
};

/// A definition that a new version of a file, written as a whole, leaves out rather than gives another name
/// wherever it stands: a function, class, type, trait, implementation, method, constant or variable, or what a
/// script does.
///
/// What is private may go where the old version used it and the new one does not.
pub(in super::super) fn left_out(path: &str, old: &str, new: &str) -> Option<String> {
    let syntax = syntax(path)?;
    let before = definitions(old, syntax);
    let mut new = new.to_owned();
    let mut there = definitions(&new, syntax);
    // What has another name is looked for under the old one.
    for (lost, of) in &before {
        let is_word = !of.name.contains(' ');
        if is_word && !there.contains_key(lost) && !words(&new).any(|word| word == of.name) {
            let added = there.iter().filter(|(name, _)| !before.contains_key(*name));
            let mut renamed = added.map(|(_, added)| renamed(&new, &added.name, &of.name));
            if let Some(text) = renamed.find(|text| is_alike(&of.name, old, text)) {
                there = definitions(&text, syntax);
                new = text;
            }
        }
    }
    let uses = |text: &str, name: &str| {
        let code = match syntax {
            Syntax::Python => python::code(text),
            Syntax::Rust => rust::code(text),
        };
        words(&code).filter(|word| *word == name).count()
    };
    // What a trait's implementation does, a derived one does as well.
    let is_derived = |name: &str| {
        let whole = name.split("::").next().unwrap_or_default();
        let of = whole.split_once(" for ").map(|(of, _)| of);
        let mut derived = new.split("derive(").skip(1);
        let derived = |of: &str| {
            derived.any(|rest| {
                words(rest.split(')').next().unwrap_or_default()).any(|word| word == of)
            })
        };
        !there.contains_key(whole) && of.is_some_and(derived)
    };
    let is_free = |of: &Definition| {
        let is_used = uses(old, &of.name) > 1;
        !of.is_public && is_used && uses(&new, &of.name) == 0
    };
    let mut lost = before.iter().filter(|(name, _)| !there.contains_key(*name));
    lost.find(|(name, of)| !is_free(of) && !is_derived(name))
        .map(|(name, _)| name.clone())
}

/// Whether most of the lines stand in a text by which another one defines a name.
fn is_alike(name: &str, old: &str, new: &str) -> bool {
    let mut lines = old
        .lines()
        .skip_while(|line| !words(line).any(|word| word == name));
    let Some(head) = lines.next() else {
        return false;
    };
    let inner = lines.take_while(|line| line.trim().is_empty() || indent(line) > indent(head));
    let own = [head].into_iter().chain(inner).map(str::trim);
    let own: Vec<&str> = own.filter(|line| !line.is_empty()).collect();
    let stands = |line: &&&str| new.lines().any(|new| new.trim() == **line);
    own.iter().filter(stands).count() * 2 > own.len()
}

/// A text with another name wherever one stands.
fn renamed(text: &str, from: &str, to: &str) -> String {
    let parts = text.split_inclusive(|c| !is_part(c)).map(|part| {
        let word = part.trim_end_matches(|c| !is_part(c));
        match word == from {
            true => part.replacen(from, to, 1),
            false => part.to_owned(),
        }
    });
    parts.collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c| !is_part(c))
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[derive(Debug)]
struct Definition {
    /// Its own name, without what it is in.
    name: String,
    /// Whether others may use it who do not stand in the file.
    is_public: bool,
}

/// The definitions of a text outside of functions, by what they are in and their names: `A.b`, `A::b`.
fn definitions(text: &str, syntax: Syntax) -> BTreeMap<String, Definition> {
    match syntax {
        Syntax::Python => of_python(text),
        Syntax::Rust => of_rust(text),
    }
}

/// What a script does, which none of its functions says.
const MAIN: &str = "if __name__ == \"__main__\"";

fn of_python(text: &str) -> BTreeMap<String, Definition> {
    let mut found = BTreeMap::new();
    // The classes and functions around a line: how deep they are, and a class's name.
    let mut around: Vec<(usize, Option<String>)> = Vec::new();
    let mut open = 0;
    for line in python::lines(text) {
        let begins = open <= 0 && !line.is_string && !line.same.is_empty();
        open += python::brackets(&line.code);
        if !begins {
            continue;
        }
        let depth = indent(line.text);
        around.retain(|(head, _)| *head < depth);
        if around.is_empty() && line.same.starts_with("if __name__==") {
            found.insert(
                MAIN.to_owned(),
                Definition {
                    name: MAIN.to_owned(),
                    is_public: true,
                },
            );
        }
        let (function, class) = (function(&line.code), class(&line.code));
        let tokens = tokens(&line.code);
        let assigned = match &*tokens {
            [name, "=", next, ..] if *next != "=" => Some(*name),
            [name, ":", ..] => Some(*name),
            _ => None,
        };
        let assigned = assigned.filter(|name| is_word(name) && !KEYWORDS.contains(name));
        if let Some(name) = function.or(class).or(assigned)
            && around.iter().all(|(_, class)| class.is_some())
        {
            let classes = around.iter().filter_map(|(_, class)| class.clone());
            let path: Vec<String> = classes.chain([name.to_owned()]).collect();
            let is_own = name.starts_with('_') && !name.ends_with("__");
            let is_constant = || !name.contains(|c: char| c.is_lowercase()) || name.ends_with("__");
            found.entry(path.join(".")).or_insert(Definition {
                name: name.to_owned(),
                is_public: !is_own && (assigned.is_none() || is_constant()),
            });
        }
        if function.is_some() || class.is_some() {
            around.push((depth, class.map(str::to_owned)));
        }
    }
    found
}

/// Words with which a line begins that ends with a colon.
const KEYWORDS: [&str; 4] = ["else", "try", "finally", "lambda"];

fn of_rust(text: &str) -> BTreeMap<String, Definition> {
    let code = rust::code(text);
    let all = tokens(&code);
    let tokens: Vec<&str> = all.into_iter().filter(|token| *token != "\n").collect();
    let mut found = BTreeMap::new();
    // The blocks around: what is in them is called, or that nothing in them is looked at.
    let mut around: Vec<Option<Scope>> = Vec::new();
    let mut begin = 0;
    let mut open = 0_i64;
    for (at, token) in tokens.iter().enumerate() {
        match *token {
            "(" | "[" => open += 1,
            ")" | "]" => open -= 1,
            _ => {}
        }
        if open > 0 || !matches!(*token, "{" | "}" | ";") {
            continue;
        }
        let head = tokens.get(begin..at).unwrap_or_default();
        begin = at + 1;
        if *token == "}" {
            around.pop();
            continue;
        }
        let item = item(head).filter(|_| around.iter().all(Option::is_some));
        let scope = item.map(|item| {
            let of = around
                .iter()
                .flatten()
                .rev()
                .find(|scope| !scope.prefix.is_empty());
            let prefix = of.map_or("", |scope| &*scope.prefix);
            if let Some(name) = &item.name {
                found
                    .entry(format!("{prefix}{name}"))
                    .or_insert(Definition {
                        name: name.clone(),
                        is_public: item.is_public || of.is_some_and(|scope| scope.is_public),
                    });
            }
            item.scope
        });
        if *token == "{" {
            around.push(scope.flatten());
        }
    }
    found
}

/// A block in which more is defined.
#[derive(Debug)]
struct Scope {
    /// What its definitions are called by before their names.
    prefix: String,
    /// Whether they are as public as it is: of a trait.
    is_public: bool,
}

#[derive(Debug)]
struct Item {
    name: Option<String>,
    is_public: bool,
    scope: Option<Scope>,
}

/// The item whose head this is, up to its block or end.
fn item(head: &[&str]) -> Option<Item> {
    let mut open = 0_i64;
    let own: Vec<&str> = head
        .iter()
        .copied()
        .filter(|token| {
            open -= i64::from(matches!(*token, ")" | "]"));
            let is_outside = open == 0 && !matches!(*token, "(" | ")" | "[" | "]" | "#");
            open += i64::from(matches!(*token, "(" | "["));
            is_outside
        })
        .collect();
    let is_public = own.contains(&"pub");
    let named = |name: &str, scope: Option<Scope>| Item {
        name: Some(name.to_owned()),
        is_public,
        scope,
    };
    let of = |prefix: String, is_public: bool| Some(Scope { prefix, is_public });
    let mut words = own.iter().enumerate().map(|(at, word)| {
        let next = own.get(at + 1).copied().unwrap_or_default();
        (at, *word, next)
    });
    words.find_map(|(at, word, next)| match word {
        "fn" | "struct" | "enum" | "union" | "type" | "static" => {
            let name = if next == "mut" {
                own.get(at + 2)?
            } else {
                next
            };
            Some(named(name, None))
        }
        "const" if next != "fn" && next != "unsafe" && next != "async" && next != "extern" => {
            (next != "_").then(|| named(next, None))
        }
        "trait" => Some(named(next, of(format!("{next}::"), true))),
        // Tests have guards of their own.
        "mod" if head.contains(&"test") => None,
        "mod" => Some(Item {
            name: None,
            is_public,
            scope: of(String::new(), false),
        }),
        "impl" => {
            let own = implemented(own.get(at + 1..).unwrap_or_default());
            let is_trait = own.contains(" for ");
            Some(Item {
                name: is_trait.then(|| own.clone()),
                is_public: is_trait,
                scope: of(format!("{own}::"), is_trait),
            })
        }
        _ => None,
    })
}

/// `From A for B` of `<T> a::From<A> for B where …`, and `A` of `A<T>`.
fn implemented(tokens: &[&str]) -> String {
    // What it is generic over.
    let mut open = 0_i64;
    let generic = tokens.iter().position(|token| {
        open += match *token {
            "<" => 1,
            ">" => -1,
            _ => 0,
        };
        open == 0
    });
    let from = match tokens.first() {
        Some(&"<") => generic.map_or(0, |end| end + 1),
        _ => 0,
    };
    let rest = tokens.get(from..).unwrap_or_default();
    let end = rest.iter().position(|token| *token == "where");
    let rest = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let words = rest.iter().enumerate().filter(|(at, word)| {
        let is_path = rest.get(at + 1) == Some(&":");
        is_word(word) && !is_path
    });
    let words: Vec<&str> = words.map(|(_, word)| *word).collect();
    match words.contains(&"for") {
        true => words.join(" "),
        false => words.first().map_or(String::new(), |of| (*of).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(path: &str, old: &str, from: &str, to: &str) -> Option<String> {
        let new = old.replace(from, to);
        assert_ne!(new, old, "{from}");
        left_out(path, old, &new)
    }

    const PYTHON: &str = "import os\n\nLIMIT = 3\n_ROOT: str = '/'\ntotal = 0\n\nclass A:\n    SIZE = 2\n    name: str\n\n    def get(self):\n        return _help(total)\n\n    def _own(self):\n        def inner():\n            pass\n        return _ROOT\n\nasync def go():\n    x = 1\n    return A()._own()\n\ndef _help(x):\n    return x\n\nif __name__ == '__main__':\n    go()\n";

    #[test]
    fn what_python_defines_stays() {
        for (from, to, expected) in [
            ("LIMIT = 3\n", "", "LIMIT"),
            ("_ROOT: str = '/'\n", "", "_ROOT"),
            ("    SIZE = 2\n", "", "A.SIZE"),
            ("    name: str\n", "", "A.name"),
            (
                "    def get(self):\n        return _help(total)\n\n",
                "",
                "A.get",
            ),
            ("def _help(x):\n    return x\n", "", "_help"),
            ("total = 0\n", "", "total"),
            ("if __name__ == '__main__':\n    go()\n", "", MAIN),
            (
                "async def go():\n    x = 1\n    return A()._own()\n",
                "def other(): pass\n",
                "go",
            ),
        ] {
            assert_eq!(
                lost("a.py", PYTHON, from, to).as_deref(),
                Some(expected),
                "{from}"
            );
        }
        for (from, to) in [
            ("        def inner():\n            pass\n", ""),
            ("    x = 1\n", ""),
            // Nobody needs it any more.
            ("return _help(total)", "return total"),
            ("LIMIT = 3", "LIMIT: int = 3"),
        ] {
            assert_eq!(lost("a.py", PYTHON, from, to), None, "{from}");
        }
        let without = PYTHON.replace("def _help(x):\n    return x\n", "");
        assert_eq!(
            left_out("a.py", PYTHON, &without.replace("_help(total)", "total")),
            None
        );
    }

    const RUST: &str = "/// A.\npub const N: [u8; 2] = [1, 2];\nstatic mut COUNT: u8 = 0;\ntype Pair = (u8, u8);\n\n#[derive(Clone)]\npub struct A<T> { x: T }\n\nimpl<T: Copy> A<T> {\n    pub fn get(&self) -> T { help(self.x) }\n    const SIZE: usize = 2;\n}\n\nimpl<T> std::fmt::Display for A<T>\nwhere\n    T: Copy,\n{\n    fn fmt(&self, f: &mut F) -> R { let x = N; Ok(()) }\n}\n\ntrait Sum { fn sum(&self) -> Pair; }\n\nmod inner {\n    pub fn deep() {}\n}\n\nfn help<T>(x: T) -> T { x }\n\n#[cfg(test)]\nmod tests {\n    fn of_tests() {}\n}\n";

    #[test]
    fn what_rust_defines_stays() {
        for (from, to, expected) in [
            ("pub const N: [u8; 2] = [1, 2];\n", "", "N"),
            ("static mut COUNT: u8 = 0;\n", "", "COUNT"),
            ("type Pair = (u8, u8);\n", "", "Pair"),
            ("pub fn get(&self) -> T { help(self.x) }", "", "A::get"),
            ("const SIZE: usize = 2;", "", "A::SIZE"),
            (
                "fn fmt(&self, f: &mut F) -> R { let x = N; Ok(()) }",
                "",
                "Display for A T::fmt",
            ),
            ("fn sum(&self) -> Pair;", "", "Sum::sum"),
            ("    pub fn deep() {}\n", "", "deep"),
            ("fn help<T>(x: T) -> T { x }\n", "", "help"),
        ] {
            assert_eq!(
                lost("a.rs", RUST, from, to).as_deref(),
                Some(expected),
                "{from}"
            );
        }
        let whole = "impl<T> std::fmt::Display for A<T>\nwhere\n    T: Copy,\n{\n    fn fmt(&self, f: &mut F) -> R { let x = N; Ok(()) }\n}\n";
        assert!(lost("a.rs", RUST, whole, "").is_some());
        for (from, to) in [
            (whole, "#[derive(Display)]\nstruct B;\n"),
            ("impl<T> std::fmt", "impl<S> fmt"),
            ("fn of_tests() {}", ""),
            ("let x = N; ", ""),
            ("{ help(self.x) }", "{ self.x }"),
        ] {
            assert_eq!(lost("a.rs", RUST, from, to), None, "{from}");
        }
        let used = RUST.replace("{ help(self.x) }", "{ self.x }");
        assert_eq!(
            left_out(
                "a.rs",
                RUST,
                &used.replace("fn help<T>(x: T) -> T { x }\n", "")
            ),
            None
        );
        // It is what others call, or it would be of no use.
        assert_eq!(
            left_out("a.rs", "fn a() { f(1) }\n", "fn c() { f(2) }\n").as_deref(),
            Some("a")
        );
        assert_eq!(left_out("a.txt", "fn a() {}\n", ""), None);
    }

    #[test]
    fn another_name_everywhere_leaves_nothing_out() {
        let old = "def ad(a, b):\n    total = a + b\n    return total\n\ndef twice(a):\n    return ad(a, a)\n";
        let new = old.replace("ad(", "add(");
        assert_eq!(left_out("a.py", old, &new), None);
        for new in [
            new.replace("return add(", "return ad("),
            "def add(a, b):\n    return a + b\n\ndef twice(a):\n    return 2 * a\n".to_owned(),
        ] {
            assert_eq!(left_out("a.py", old, &new).as_deref(), Some("ad"), "{new}");
        }
        // With all that is in it.
        let class = PYTHON.replace("class A", "class B").replace("A()", "B()");
        assert_eq!(left_out("a.py", PYTHON, &class), None);
        let less = class.replace("    SIZE = 2\n", "");
        assert_eq!(left_out("a.py", PYTHON, &less).as_deref(), Some("A.SIZE"));
    }
}
