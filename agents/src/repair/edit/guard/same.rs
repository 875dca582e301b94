//! When two texts are the same code: blanks, comments, kinds of quotes and where lines break do not matter.

/// A line of code as it is compared: without comments, and with a blank between two words alone.
#[derive(Debug, Default)]
pub(super) struct Same {
    text: String,
    is_apart: bool,
}

impl Same {
    /// A character of code.
    pub(super) fn code(&mut self, c: char) {
        if c.is_whitespace() {
            self.is_apart = true;
            return;
        }
        if std::mem::take(&mut self.is_apart) && self.text.ends_with(is_part) && is_part(c) {
            self.text.push(' ');
        }
        self.text.push(c);
    }

    /// A part of a string, which stays as it is.
    pub(super) fn string(&mut self, part: &str) {
        self.is_apart = false;
        self.text.push_str(part);
    }

    pub(super) fn line(self) -> String {
        self.text
    }
}

/// Lines of one statement, or of a language that does not count them.
pub(super) fn joined<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut all = String::new();
    for line in lines {
        join(&mut all, line);
    }
    all
}

/// Goes on with the next line. A comma before a bracket that closes is there only where lines break.
pub(super) fn join(text: &mut String, line: &str) {
    if text.ends_with(',') && line.starts_with([')', ']', '}']) {
        text.pop();
    }
    if text.ends_with(is_part) && line.starts_with(is_part) {
        text.push(' ');
    }
    text.push_str(line);
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
