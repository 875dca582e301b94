//! The files that a test's command names.

use catena_agents::SourceFile;

/// The paths of those files of a project that a command names, as a file, a module of Python or a folder:
/// they are its tests. A folder that holds all that may be changed says nothing.
pub(super) fn files(
    command: &[String],
    files: &[SourceFile],
    may_change: impl Fn(&SourceFile) -> bool,
) -> Vec<String> {
    let breaks = |c: char| c.is_whitespace() || "\"'`;&|<>()=,$".contains(c);
    // A word may be a shell's whole line.
    let words = command.iter().flat_map(|word| word.split(breaks));
    let mut named = Vec::new();
    for word in words.map(clean).filter(|word| !word.is_empty()) {
        let modules = modules(word);
        let is_it = |path: &str| path == word || modules.iter().any(|module| module == path);
        let inside = |path: &str| {
            path.strip_prefix(word)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        let holds_all = files
            .iter()
            .filter(|file| may_change(file))
            .all(|file| inside(&file.path));
        let of_word = files
            .iter()
            .map(|file| &file.path)
            .filter(|path| is_it(path) || !holds_all && inside(path));
        named.extend(of_word.cloned());
    }
    named
}

/// A word without what leads to the same place, and without what pytest writes behind a file.
fn clean(word: &str) -> &str {
    let word = word.split("::").next().unwrap_or_default();
    word.trim_start_matches("./").trim_end_matches('/')
}

/// The files of Python that a dotted name may be of: `a.b.T.test` is in `a/b.py` or `a.py`.
fn modules(word: &str) -> Vec<String> {
    let is_name =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    let parts: Vec<&str> = word.split('.').collect();
    if !parts.iter().all(|part| is_name(part)) {
        return Vec::new();
    }
    let heads = (1..=parts.len()).filter_map(|count| parts.get(..count));
    heads
        .flat_map(|head| {
            let path = head.join("/");
            [format!("{path}.py"), format!("{path}/__main__.py")]
        })
        .collect()
}
