//! Documentation that a program written anew leaves out.

use super::{
    guard::{defined, definitions, docs},
    syntax::{Grammar, Node, Source},
};

/// `new` with the docstrings and doc comments of `old` that it leaves out: what the file says of itself, and of
/// those definitions of which the new one says nothing.
pub(super) fn kept(old: &Source, new: &Source) -> String {
    let there = definitions(new);
    let before = definitions(old).into_iter();
    let both = before.filter_map(|(path, before)| Some((before.node, there.get(&path)?.node)));
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

/// The docstring of one node that another one lacks, and before which line it belongs.
fn docstring(before: Node<'_>, after: Node<'_>) -> Option<(usize, String)> {
    let is_docstring =
        |node: &Node<'_>| node.kind() == "expression_statement" && node.has("string");
    let lost = first(before).filter(is_docstring)?;
    let place = first(after).filter(|node| !is_docstring(node))?;
    Some((place.lines().start, moved(lost, place)?))
}

/// The first statement of a file, a class or a function of Python.
fn first(of: Node<'_>) -> Option<Node<'_>> {
    let body = match of.parent() {
        None => of,
        Some(_) => defined(of)?.field("body")?,
    };
    body.children().find(|node| !node.is_comment())
}

/// The doc comments of one item that another one lacks, and before which line they belong.
fn comment(before: Node<'_>, after: Node<'_>) -> Option<(usize, String)> {
    let is_doc = |node: &Node<'_>| !docs(*node).is_empty();
    let there = said(after);
    if there.iter().any(is_doc) {
        return None;
    }
    let place = match after.parent() {
        None => after.children().next()?,
        Some(_) => {
            let attribute = there.iter().find(|node| node.kind() == "attribute_item");
            *attribute.unwrap_or(&after)
        }
    };
    let lost = said(before).into_iter().filter(is_doc);
    let lost: String = lost.map(|doc| moved(doc, place)).collect::<Option<_>>()?;
    (!lost.is_empty()).then_some((place.lines().start, lost))
}

/// The comments and attributes before an item of Rust, and what a file says of itself.
fn said(item: Node<'_>) -> Vec<Node<'_>> {
    let is_inner =
        |node: &Node<'_>| node.text().starts_with("//!") || node.text().starts_with("/*!");
    if item.parent().is_none() {
        return item.children().take_while(is_inner).collect();
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
    fn what_is_said_otherwise_stays() {
        for (path, old, new) in [
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
