//! Documentation that a program written anew leaves out.

use super::{
    guard::{defined, definitions, docs, is_import, still},
    syntax::{Grammar, Node, Source},
};

/// `new` with the docstrings and doc comments of `old` that it leaves out: what the file says of itself, and of
/// those definitions of which the new one says nothing.
pub(super) fn kept(old: &Source, new: &Source) -> String {
    let there = definitions(new);
    let before = definitions(old);
    let both = before
        .iter()
        .filter_map(|(path, of)| Some((of.node, still(path, &before, &there)?.node)));
    let mut lost: Vec<(usize, String)> = [(old.root(), new.root())]
        .into_iter()
        .chain(both)
        .filter_map(|(before, after)| match new.grammar() {
            Grammar::Python => docstring(before, after),
            Grammar::Rust => comment(before, after),
        })
        .collect();
    if lost.is_empty() {
        return new.text().to_owned();
    }
    lost.sort_by_key(|(line, _)| *line);
    let mut lost = lost.into_iter().peekable();
    let mut all = String::new();
    for (at, line) in new.text().lines().enumerate() {
        while let Some((_, said)) = lost.next_if(|(before, _)| *before == at) {
            all += &said;
        }
        all += &format!("{line}\n");
    }
    all
}

/// The docstring of one node that another one lacks, and before which line it belongs. What stands behind imports
/// was meant as one.
fn docstring(before: Node<'_>, after: Node<'_>) -> Option<(usize, String)> {
    let lost = body(before)?.next().filter(is_string)?;
    let place = body(after)?.next()?;
    let said = body(after)?.find(|node| !is_import(*node));
    let is_said = said.is_some_and(|node| is_string(&node));
    // Wherever else the same text stands.
    let stands = || body(after).is_some_and(|mut all| all.any(|node| node.same() == lost.same()));
    if is_said || stands() {
        return None;
    }
    Some((place.lines().start, moved(lost, place)?))
}

/// The statements of a file, a class or a function of Python.
fn body(of: Node<'_>) -> Option<impl Iterator<Item = Node<'_>>> {
    let body = match of.parent() {
        None => of,
        Some(_) => defined(of)?.field("body")?,
    };
    Some(body.children().filter(|node| !node.is_comment()))
}

/// Whether a statement is a string and no more.
fn is_string(node: &Node<'_>) -> bool {
    node.kind() == "expression_statement" && node.has("string")
}

/// The doc comments of one item that another one lacks, and before which line they belong.
fn comment(before: Node<'_>, after: Node<'_>) -> Option<(usize, String)> {
    let there = said(after);
    if there.iter().any(is_doc) {
        return None;
    }
    let place = match after.parent() {
        None => {
            // What a file says of itself may stand behind a licence.
            let head = said(before).into_iter().take_while(|node| !is_doc(node));
            let above: Vec<&str> = head.map(|node| node.text().trim_end()).collect();
            let mut all = after.children();
            all.find(|node| !above.contains(&node.text().trim_end()))?
        }
        Some(_) => {
            let attribute = there.iter().find(|node| node.kind() == "attribute_item");
            *attribute.unwrap_or(&after)
        }
    };
    let lost = said(before).into_iter().filter(is_doc);
    let lost: String = lost.map(|doc| moved(doc, place)).collect::<Option<_>>()?;
    (!lost.is_empty()).then_some((place.lines().start, lost))
}

fn is_doc(node: &Node<'_>) -> bool {
    !docs(*node).is_empty()
}

/// The comments and attributes before an item of Rust, or those of its own that a file begins with.
fn said(item: Node<'_>) -> Vec<Node<'_>> {
    let is_inner =
        |node: &Node<'_>| node.text().starts_with("//!") || node.text().starts_with("/*!");
    if item.parent().is_none() {
        let is_own = |node: &Node<'_>| match node.kind() {
            "inner_attribute_item" | "shebang" => true,
            _ => is_inner(node) || node.is_comment() && !is_doc(node),
        };
        return item.children().take_while(is_own).collect();
    }
    let is_said =
        |node: &Node<'_>| node.is_comment() && !is_inner(node) || node.kind() == "attribute_item";
    let mut all: Vec<_> = item.preceding().take_while(is_said).collect();
    all.reverse();
    all
}

/// The lines of a node, indented as another one is that begins its line.
fn moved(node: Node<'_>, place: Node<'_>) -> Option<String> {
    let (from, to) = (node.indent()?, place.indent()?);
    let lines = node.text().trim_end().lines().enumerate();
    let moved = lines.map(|(at, line)| match line.strip_prefix(from) {
        Some(line) if at > 0 && !line.is_empty() => format!("{to}{line}\n"),
        _ if at == 0 => format!("{to}{line}\n"),
        _ => format!("{line}\n"),
    });
    Some(moved.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(path: &str, old: &str, new: &str) -> String {
        let of = |text: &str| Source::of(path, text).unwrap();
        super::kept(&of(old), &of(new))
    }

    #[test]
    fn what_python_says_of_itself_comes_back() {
        let old = "#!/usr/bin/python\n\"\"\"Sums.\"\"\"\n\nclass A:\n    \"\"\"One.\n\n    More.\n    \"\"\"\n\n    @once\n    def f(self):\n        'F.'\n        return 1\n";
        let new =
            "#!/usr/bin/python\n\nclass A:\n  # One.\n  @once\n  def f(self):\n    return 2\n";
        assert_eq!(
            kept("a.py", old, new),
            "#!/usr/bin/python\n\n\"\"\"Sums.\"\"\"\nclass A:\n  # One.\n  \"\"\"One.\n\n  More.\n  \"\"\"\n  @once\n  def f(self):\n    'F.'\n    return 2\n"
        );
    }

    #[test]
    fn what_rust_says_of_itself_comes_back() {
        let old = "//! Sums.\n\n/// One.\n///\n/// More.\n#[derive(Clone)]\nstruct A;\n\nimpl A {\n    /** F. */\n    fn f() {}\n}\n";
        let new = "#[derive(Clone)]\n// One.\nstruct A;\n\nimpl A {\n  fn f() { g() }\n}\n";
        assert_eq!(
            kept("a.rs", old, new),
            "//! Sums.\n/// One.\n///\n/// More.\n#[derive(Clone)]\n// One.\nstruct A;\n\nimpl A {\n  /** F. */\n  fn f() { g() }\n}\n"
        );
    }

    #[test]
    fn what_rust_says_of_a_file_comes_back_behind_its_licence() {
        let old =
            "// Mine.\n// All of it.\n\n//! Sums.\n#![allow(dead_code)]\n//! More.\n\nfn f() {}\n";
        for (new, expected) in [
            (
                "// Mine.\n// All of it.\n\n#![allow(dead_code)]\nfn f() { g() }\n",
                "// Mine.\n// All of it.\n\n//! Sums.\n//! More.\n#![allow(dead_code)]\nfn f() { g() }\n",
            ),
            (
                "// F.\nfn f() { g() }\n",
                "//! Sums.\n//! More.\n// F.\nfn f() { g() }\n",
            ),
            (
                "/// F.\nfn f() { g() }\n",
                "//! Sums.\n//! More.\n/// F.\nfn f() { g() }\n",
            ),
        ] {
            assert_eq!(kept("a.rs", old, new), expected);
        }
        let same = old.replace("{}", "{ g() }");
        assert_eq!(kept("a.rs", old, &same), same);
        let first = "//! Sums.\nfn f() {}\n";
        let behind = "// Mine.\n//! Sums.\nfn f() { g() }\n";
        assert_eq!(kept("a.rs", first, behind), behind);
    }

    #[test]
    fn definitions_of_the_same_name_keep_what_is_said_of_each() {
        let rust = "mod a {\n    /// A.\n    pub fn new() {}\n}\nmod b {\n    /// B.\n    pub fn new() {}\n}\n";
        let bare = rust.replace("    /// A.\n", "").replace("    /// B.\n", "");
        assert_eq!(kept("a.rs", rust, &bare), rust);
        let python = "class A:\n    @property\n    def x(self):\n        \"X.\"\n        return 1\n\n    @x.setter\n    def x(self, x):\n        \"Sets.\"\n        self.y = x\n";
        let bare = python
            .replace("        \"X.\"\n", "")
            .replace("        \"Sets.\"\n", "");
        assert_eq!(kept("a.py", python, &bare), python);
    }

    #[test]
    fn what_is_said_of_a_method_comes_back_where_a_parameter_is_declared() {
        let old = "impl Stack<T> {\n    /// Adds.\n    pub fn push(&mut self, x: T) {}\n}\n";
        let new = old.replace("impl Stack", "impl<T> Stack");
        let bare = new.replace("    /// Adds.\n", "");
        assert_eq!(kept("a.rs", old, &bare), new);
    }

    #[test]
    fn what_is_said_otherwise_stays() {
        for (path, old, new) in [
            (
                "a.py",
                "'Sums.'\nimport os\nx = 1\n",
                "import os\nfrom a import b\n\"\"\"Sums.\"\"\"\nx = 2\n",
            ),
            (
                "a.py",
                "'Sums.'\nx = 1\n",
                "import os\n'Sums of all.'\nx = 2\n",
            ),
            (
                "a.py",
                "def f():\n    'F.'\n    return 1\n",
                "def f():\n    x = 1\n    'F.'\n    return x\n",
            ),
            (
                "a.py",
                "def f():\n    'F.'\n    return 1\n",
                "def f():\n    'G.'\n    return 1\n",
            ),
            (
                "a.py",
                "def f():\n    'F.'\n    return 1\n",
                "def f(): return 1\n",
            ),
            ("a.py", "def f():\n    'F.'\n", "def g():\n    return 1\n"),
            ("a.rs", "/// F.\nfn f() {}\n", "/// G.\nfn f() {}\n"),
            ("a.rs", "// F.\nfn f() {}\n", "fn f() {}\n"),
            (
                "a.rs",
                "/// F.\nfn f() {}\n",
                "#[doc = \"G.\"]\nfn f() {}\n",
            ),
        ] {
            assert_eq!(kept(path, old, new), new);
        }
    }
}
