//! Definitions that a new version of a file leaves out.

use std::collections::BTreeMap;

use super::statements::{attributes, defined, is_statement, name, own, statements};
use crate::repair::{
    edit::syntax::{Grammar, Node, Source, is_word, same, words},
    word::is_part,
};

/// A definition that a new version of a file, written as a whole, leaves out rather than gives another name
/// wherever it stands: a function, class, type, trait, implementation, method, constant or variable, or what a
/// script does.
///
/// What is private may go where the old version used it and the new one does not.
pub(in super::super) fn left_out(old: &Source, new: &Source) -> Option<String> {
    let before = definitions(old);
    let mut there = definitions(new);
    let was_used = words(old.root().tokens());
    let mut used: Vec<String> = new
        .root()
        .tokens()
        .map(|token| token.text().to_owned())
        .collect();
    // What has another name is looked for under the old one.
    for (lost, of) in &before {
        let is_gone = !there.contains_key(lost) && !used.contains(&of.name);
        if !is_gone || of.name.contains(' ') {
            continue;
        }
        let mut added = there.iter().filter(|(path, _)| !before.contains_key(*path));
        let alike = added.find(|(_, added)| is_alike(of, added));
        if let Some(from) = alike.map(|(_, added)| added.name.clone()) {
            let again = |text: &str| renamed(text, &from, &of.name);
            let all = there.into_iter();
            there = all
                .map(|(path, found)| {
                    (
                        again(&path),
                        Definition {
                            name: again(&found.name),
                            bare: again(&found.bare),
                            ..found
                        },
                    )
                })
                .collect();
            used.iter_mut()
                .filter(|word| **word == from)
                .for_each(|word| word.clone_from(&of.name));
        }
    }
    let is_free = |of: &Definition<'_>| {
        let times = was_used.iter().filter(|word| **word == of.name).count();
        !of.is_public && times > 1 && !used.contains(&of.name)
    };
    // What a trait's implementation does, a derived one does as well.
    let is_derived = |path: &str| {
        let mut parts = path.split("::");
        let of = parts.find_map(|part| Some(part.split_once(" for ")?.0));
        let beneath: usize = parts.map(|part| part.len() + "::".len()).sum();
        let whole = path.get(..path.len() - beneath).unwrap_or(path);
        still(whole, &before, &there).is_none() && of.is_some_and(|of| derives(new, of))
    };
    let mut lost = before
        .iter()
        .filter(|(path, _)| still(path, &before, &there).is_none());
    lost.find(|(path, of)| !is_free(of) && !is_derived(path))
        .map(|(path, _)| path.clone())
}

/// What a definition of an old version is in a new one.
pub(in super::super) fn still<'a, 'b>(
    path: &str,
    before: &BTreeMap<String, Definition<'a>>,
    there: &'b BTreeMap<String, Definition<'a>>,
) -> Option<&'b Definition<'a>> {
    matching(path, before, there, |of| &of.bare).map(|(_, of)| of)
}

/// What has the path in a new version that something of an old one has, or else the same one but for type arguments,
/// where no other that is missing had it and no other that is new has it: `Stack T::push` is `Stack::push` once `T` is
/// declared.
pub(super) fn matching<'a, T>(
    path: &str,
    before: &BTreeMap<String, T>,
    there: &'a BTreeMap<String, T>,
    bare: impl Fn(&T) -> &str,
) -> Option<(&'a String, &'a T)> {
    let exact = there.get_key_value(path);
    if exact.is_some() {
        return exact;
    }
    let own = bare(before.get(path)?);
    let lost = before.iter().filter(|(path, _)| !there.contains_key(*path));
    let added = there.iter().filter(|(path, _)| !before.contains_key(*path));
    let mut added = added.filter(|(_, of)| bare(of) == own);
    let is_only = lost.filter(|(_, of)| bare(of) == own).count() == 1;
    let only = added.next().filter(|_| is_only)?;
    added.next().is_none().then_some(only)
}

/// Whether another definition does most of what one does, where its name stands for the other's.
fn is_alike(old: &Definition<'_>, new: &Definition<'_>) -> bool {
    let (own, there) = (codes(old.node), codes(new.node));
    let there: Vec<String> = there
        .iter()
        .map(|code| renamed(code, &new.name, &old.name))
        .collect();
    own.iter().filter(|code| there.contains(code)).count() * 2 > own.len()
}

/// The statements of a definition, as they are compared.
fn codes(definition: Node<'_>) -> Vec<String> {
    statements(definition).map(|node| same(own(node))).collect()
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

fn derives(source: &Source, of: &str) -> bool {
    let mut attributes = source
        .root()
        .all()
        .filter(|node| node.kind() == "attribute_item");
    attributes.any(|said| {
        let words = words(said.tokens());
        words.contains(&"derive") && words.contains(&of)
    })
}

#[derive(Debug)]
pub(in super::super) struct Definition<'a> {
    /// Its own name, without what it is in.
    name: String,
    /// Its path without type arguments.
    bare: String,
    /// Whether others may use it who do not stand in the file.
    is_public: bool,
    pub(in super::super) node: Node<'a>,
}

/// The names that a file of Python or Rust defines outside of functions.
pub(in crate::repair) fn names(path: &str, text: &str) -> Option<Vec<String>> {
    let source = Source::of(path, text)?;
    let all = definitions(&source).into_values();
    Some(all.map(|of| of.name).collect())
}

/// The definitions of a file outside of functions, by what they are in and their names: `A.b`, `a::A::b`. Of a
/// property what sets it is another one than what reads it.
pub(in super::super) fn definitions(source: &Source) -> BTreeMap<String, Definition<'_>> {
    let definition = match source.grammar() {
        Grammar::Python => of_python,
        Grammar::Rust => of_rust,
    };
    let mut found = BTreeMap::new();
    let outside = source
        .root()
        .walk(|node| !matches!(node.kind(), "function_definition" | "function_item"));
    for node in outside.filter(|node| is_statement(*node)) {
        if let Some((path, definition)) = definition(node) {
            found.entry(path).or_insert(definition);
        }
    }
    found
}

/// What a script does, which none of its functions says.
const MAIN: &str = "if __name__ == \"__main__\"";

fn of_python(node: Node<'_>) -> Option<(String, Definition<'_>)> {
    let is_main = node.kind() == "if_statement" && node.same().starts_with("if __name__==");
    if is_main && node.ancestors().count() == 1 {
        let definition = Definition {
            name: MAIN.to_owned(),
            bare: MAIN.to_owned(),
            is_public: true,
            node,
        };
        return Some((MAIN.to_owned(), definition));
    }
    let assigned = || {
        let assignment = node
            .children()
            .next()
            .filter(|node| node.kind() == "assignment")?;
        let left = assignment.field("left")?;
        (left.kind() == "identifier").then(|| left.text())
    };
    let defined = defined(node).and_then(name);
    let own = defined.or_else(assigned)?;
    let classes = node
        .ancestors()
        .filter(|of| of.kind() == "class_definition");
    let path = accessor(node, own).into_iter().chain([own]);
    let mut path: Vec<&str> = path.chain(classes.filter_map(name)).collect();
    path.reverse();
    let path = path.join(".");
    let is_own = own.starts_with('_') && !own.ends_with("__");
    let is_constant = || !own.contains(|c: char| c.is_lowercase()) || own.ends_with("__");
    let definition = Definition {
        name: own.to_owned(),
        bare: path.clone(),
        is_public: !is_own && (defined.is_some() || is_constant()),
        node,
    };
    Some((path, definition))
}

/// What a function does for the property that has its name: `setter` behind `@x.setter`.
fn accessor<'a>(node: Node<'a>, own: &str) -> Option<&'a str> {
    let mut decorators = node.children().filter(|child| child.kind() == "decorator");
    decorators.find_map(|said| match &*words(said.tokens()) {
        ["@", of, ".", does] if *of == own => Some(*does),
        _ => None,
    })
}

fn of_rust(node: Node<'_>) -> Option<(String, Definition<'_>)> {
    // Tests have guards of their own.
    let is_of_tests = |of: Node<'_>| {
        attributes(of)
            .iter()
            .any(|said| words(said.tokens()).contains(&"test"))
    };
    if node
        .ancestors()
        .any(|of| of.kind() == "mod_item" && is_of_tests(of) || of.kind() == "foreign_mod_item")
    {
        return None;
    }
    let own = match node.kind() {
        "impl_item" => node.field("trait").map(|_| implemented(node, false))?,
        "function_item"
        | "function_signature_item"
        | "struct_item"
        | "enum_item"
        | "union_item"
        | "type_item"
        | "associated_type"
        | "static_item"
        | "trait_item"
        | "const_item" => name(node).filter(|name| *name != "_")?.to_owned(),
        _ => return None,
    };
    let path = |is_bare: bool| {
        let own = match node.kind() {
            "impl_item" => implemented(node, is_bare),
            _ => own.clone(),
        };
        let around = node.ancestors().filter_map(|of| match of.kind() {
            "trait_item" | "mod_item" => name(of).map(str::to_owned),
            "impl_item" => Some(implemented(of, is_bare)),
            _ => None,
        });
        let mut path: Vec<String> = [own].into_iter().chain(around).collect();
        path.reverse();
        path.join("::")
    };
    let is_of_trait = || {
        let of = node.ancestors().nth(1);
        of.is_some_and(|of| of.kind() == "trait_item" || of.field("trait").is_some())
    };
    let is_public = node.has("visibility_modifier") || node.kind() == "impl_item" || is_of_trait();
    let (path, bare) = (path(false), path(true));
    Some((
        path,
        Definition {
            name: own,
            bare,
            is_public,
            node,
        },
    ))
}

/// `From A for B` of `impl<T> a::From<A> for B<T> where …`, and `A u8` of `impl A<u8>`. What its parameters are called
/// does not matter. Bare of type arguments they are `From for B` and `A`.
pub(super) fn implemented(item: Node<'_>, is_bare: bool) -> String {
    let parameters = item.field("type_parameters");
    let own: Vec<&str> = parameters
        .into_iter()
        .flat_map(Node::children)
        .filter_map(|parameter| {
            let mut words = parameter.tokens().map(Node::text);
            words.find(|word| is_word(word) && *word != "const")
        })
        .collect();
    let in_words = |of: Node<'_>| -> String {
        let passes = |part: Node<'_>| is_bare && part.kind() == "type_arguments";
        let tokens = words(of.tokens_outside(passes));
        let behind = tokens.iter().skip(1).chain([&""]);
        let named = tokens
            .iter()
            .zip(behind)
            .filter(|(word, next)| is_word(word) && **next != "::" && !own.contains(*word));
        let named: Vec<&str> = named.map(|(word, _)| *word).collect();
        named.join(" ")
    };
    let of = item.field("type").map(in_words).unwrap_or_default();
    match item.field("trait") {
        Some(implemented) => format!("{} for {of}", in_words(implemented)),
        None => of,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left_out(path: &str, old: &str, new: &str) -> Option<String> {
        super::left_out(&Source::of(path, old)?, &Source::of(path, new)?)
    }

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
                "Display for A::fmt",
            ),
            ("fn sum(&self) -> Pair;", "", "Sum::sum"),
            ("    pub fn deep() {}\n", "", "inner::deep"),
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
            (
                "impl<T> std::fmt::Display for A<T>",
                "impl<S> fmt::Display for A<S>",
            ),
            ("impl<T: Copy> A<T>", "impl<S: Copy> A<S>"),
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
    fn definitions_of_the_same_name_are_told_apart() {
        let rust = "impl A<u8> {\n    pub fn new() -> Self { A(1) }\n}\nimpl<T> B<T> {\n    pub fn new() -> Self { B(2) }\n}\nimpl A<u16> {\n    pub fn new() -> Self { A(3) }\n}\nmod c {\n    pub fn new() {}\n    impl fmt::Display for C {\n        fn fmt(&self) {}\n    }\n}\nmod d {\n    pub fn new() { d() }\n}\n";
        for (from, expected) in [
            ("    pub fn new() -> Self { A(1) }\n", "A u8::new"),
            ("    pub fn new() -> Self { B(2) }\n", "B::new"),
            ("    pub fn new() -> Self { A(3) }\n", "A u16::new"),
            ("    pub fn new() {}\n", "c::new"),
            ("    pub fn new() { d() }\n", "d::new"),
            ("        fn fmt(&self) {}\n", "c::Display for C::fmt"),
        ] {
            assert_eq!(lost("a.rs", rust, from, "").as_deref(), Some(expected));
        }
        let whole = "    impl fmt::Display for C {\n        fn fmt(&self) {}\n    }\n";
        let derived = "    #[derive(Display)]\n    struct C;\n";
        assert_eq!(lost("a.rs", rust, whole, derived), None);
        let python = "class A:\n    @property\n    def x(self):\n        return self._x\n\n    @x.setter\n    def x(self, value):\n        self._x = value\n";
        let (getter, setter) = python.split_once("\n\n").unwrap();
        assert_eq!(
            lost("a.py", python, setter, "").as_deref(),
            Some("A.x.setter")
        );
        let getter = getter.strip_prefix("class A:\n").unwrap();
        assert_eq!(lost("a.py", python, getter, "").as_deref(), Some("A.x"));
        assert_eq!(lost("a.py", python, "= value", "= int(value)"), None);
    }

    #[test]
    fn a_parameter_that_is_declared_leaves_nothing_out() {
        let old = "struct Stack<T> { all: Vec<T> }\n\nimpl Stack<T> {\n    pub fn push(&mut self, x: T) { self.all.push(x) }\n}\n\nimpl fmt::Display for Stack<T> {\n    fn fmt(&self, f: &mut F) -> R { Ok(()) }\n}\n";
        let new = old.replace("impl Stack<T>", "impl<T> Stack<T>");
        let new = new.replace("impl fmt", "impl<T> fmt");
        assert_eq!(left_out("a.rs", old, &new), None);
        for to in ["impl Stack", "impl Stack<u32>", "impl Stack<Vec<u8>>"] {
            assert_eq!(lost("a.rs", old, "impl Stack<T>", to), None, "{to}");
        }
        for (from, expected) in [
            (
                "    pub fn push(&mut self, x: T) { self.all.push(x) }\n",
                "Stack T::push",
            ),
            (
                "    fn fmt(&self, f: &mut F) -> R { Ok(()) }\n",
                "Display for Stack T::fmt",
            ),
        ] {
            let less = new.replace(from, "");
            assert_eq!(left_out("a.rs", old, &less).as_deref(), Some(expected));
        }
        // Which one it is cannot be told.
        let several = "impl From<u8> for A {\n    fn from(x: u8) -> Self { A(1) }\n}\nimpl From<u16> for A {\n    fn from(x: u16) -> Self { A(2) }\n}\n";
        let one = "impl From<u32> for A {\n    fn from(x: u32) -> Self { A(3) }\n}\n";
        assert!(left_out("a.rs", several, one).is_some());
        assert_eq!(lost("a.rs", several, "u16", "u32"), None);
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
