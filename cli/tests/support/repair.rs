//! What the tests of `catena fix` share: a program that is to add, and a model that knows how.

use std::fs;

use super::{Home, Reply, Request};

pub(crate) const BROKEN: &str = "def add(a, b):\n    return a - b\n";
pub(crate) const FIXED: &str = "def add(a, b):\n    return a + b\n";
pub(crate) const TEST: &str = "from add import add\nassert add(1, 2) == 3, add(1, 2)\n";

/// A model that adds.
pub(crate) fn model(request: &Request) -> Reply {
    let asked = request.user();
    if asked.contains("Which type of bug") {
        Reply::text("{\"bug_type\": \"C.1\"}")
    } else if asked.contains("Which line is wrong") {
        Reply::text("It subtracts where it has to add.")
    } else if asked.contains("snippet.py") {
        Reply::text("```python\nprint(\"a\" + str(1))\n```")
    } else {
        Reply::text(&format!("```python\n{FIXED}```"))
    }
}

pub(crate) fn project() -> Home {
    let home = Home::new();
    home.write("project/add.py", BROKEN);
    home.write("project/test_add.py", TEST);
    home.write("project/.git/config", "[core]\n");
    home
}

pub(crate) fn text(home: &Home, name: &str) -> String {
    fs::read_to_string(home.path(name)).unwrap()
}
