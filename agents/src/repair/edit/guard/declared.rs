//! The modules of other files that a file of Rust declares.

use super::{
    names::{is_word, tokens},
    rust::{around, attributes, bare, first_attribute, lines},
};

/// A module that is declared and stands in another file.
#[derive(Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    /// The modules around it.
    pub(super) inside: Vec<String>,
    /// What an attribute says that its file is.
    pub(super) path: Option<String>,
    /// What decides whether it is compiled: attributes and heads of blocks, without blanks.
    pub(super) conditions: Vec<String>,
}

/// The modules of other files that a text declares.
pub(super) fn declared(text: &str) -> Vec<Declared> {
    let lines = lines(text);
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut end = 0;
        for statement in line.code.split(';') {
            let begin = end;
            end += statement.len() + 1;
            let Some((own, name)) = module(statement) else {
                continue;
            };
            // Behind the last of these it is said who sees it.
            let own = own.rfind(['{', '}', ']']).and_then(|end| own.get(..=end));
            let own = own.unwrap_or_default();
            // What a line begins with is of its first declaration, or of a block that is still open.
            let open = opened(line.code.get(..begin).unwrap_or_default());
            let from = match begin {
                0 => attributes(&lines, at),
                _ => at,
            };
            let before = lines.get(from..at).unwrap_or_default();
            let attributes = || before.iter().map(|line| line.text);
            let heads = around(&lines, from);
            let own = format!("{open}{own}");
            let heads = || heads.iter().map(|line| line.text);
            let conditions = heads().chain(attributes()).chain([&*own]);
            let text = match statement.contains("#[path") {
                true => line.text,
                false => "",
            };
            found.push(Declared {
                inside: heads().chain([&*own]).flat_map(modules_opened).collect(),
                path: attributes().chain([text]).find_map(path_in),
                conditions: conditions
                    .map(|text| condition(&bare(text)).to_owned())
                    .filter(|bare| !bare.is_empty())
                    .collect(),
                name: name.to_owned(),
            });
        }
    }
    found
}

/// The heads of the blocks that a code opens and does not close.
fn opened(code: &str) -> String {
    let mut heads: Vec<&str> = Vec::new();
    let mut begin = 0;
    for (at, c) in code.char_indices() {
        match c {
            '{' => heads.push(code.get(begin..=at).unwrap_or_default()),
            '}' => drop(heads.pop()),
            ';' => {}
            _ => continue,
        }
        begin = at + 1;
    }
    heads.concat()
}

/// What stands before a declaration that a statement ends with, and the module's name.
fn module(statement: &str) -> Option<(&str, &str)> {
    let (head, name) = statement.trim().rsplit_once(char::is_whitespace)?;
    let head = head.trim_end().strip_suffix("mod")?;
    let is_declaration =
        is_word(name) && !head.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    is_declaration.then_some((head, name))
}

/// The names of the modules whose blocks begin in a code.
fn modules_opened(code: &str) -> Vec<String> {
    let tokens = tokens(code);
    let opened = tokens.windows(3).filter_map(|three| match three {
        ["mod", name, "{"] => Some((*name).to_owned()),
        _ => None,
    });
    opened.collect()
}

/// The file that an attribute names: `#[path = "a.rs"]`.
fn path_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("#[path")?;
    let value = rest.trim_start().strip_prefix('=')?;
    value.split('"').nth(1).map(str::to_owned)
}

/// A condition without the attributes that are none, such as `#[macro_use]`.
fn condition(mut bare: &str) -> &str {
    while let Some((name, behind)) = first_attribute(bare)
        && !matches!(name, "cfg" | "cfg_attr" | "path")
    {
        bare = behind;
    }
    bare
}
