//! Writing to a terminal that may not be one.

use std::{
    fmt,
    io::{self, ErrorKind, IsTerminal, Write},
    process,
};

use anstyle::Style;

use crate::failure::{FAILED, Failure};

/// Text of a document or a model, without the control characters by which it could move the
/// cursor, change colours or retitle the window.
pub(crate) fn harmless(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// The first `width` characters of `text`'s first line, with an ellipsis where it goes on.
pub(crate) fn headline(text: &str, width: usize) -> String {
    let line = text
        .lines()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    let line = harmless(line.trim());
    if line.chars().count() <= width {
        return line;
    }
    let mut short: String = line.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Writes to standard output; a reader that has gone away ends the program quietly, as it does
/// with other tools, and a full disk as a failure.
pub(crate) fn print(text: &str) {
    print_bytes(text.as_bytes());
}

fn print_bytes(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| out.flush());
    match written {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => {
            Failure::new(format!("standard output cannot be written: {error}")).report();
            process::exit(FAILED.into());
        }
    }
}

/// Says something on standard error. Whoever has stopped listening is no reason to fail, as it would be with
/// `eprint!`, which panics.
macro_rules! say {
    ($($what:tt)*) => {
        $crate::terminal::say(format_args!($($what)*))
    };
}

/// As `say!`, with the end of the line.
macro_rules! sayln {
    ($($what:tt)*) => {
        $crate::terminal::say(format_args!("{}\n", format_args!($($what)*)))
    };
}

/// What `say!` writes with.
pub(crate) fn say(what: fmt::Arguments<'_>) {
    let _ = io::stderr().lock().write_fmt(what);
}

/// Standard output as [`print`] writes to it.
#[derive(Debug)]
pub(crate) struct Printer;

impl Write for Printer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        print_bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `text` in `style` if `stream` is a terminal and colours are wanted.
pub(crate) fn styled(text: &str, style: Style, stream: &impl IsTerminal) -> String {
    if stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_can_command_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31mb\u{9b}2J\rc\n"), "a[31mb2Jc\n");
    }

    #[test]
    fn a_headline_is_one_short_line() {
        assert_eq!(headline("\n  one two\nthree", 20), "one two");
        assert_eq!(headline("abcdef", 4), "abc…");
    }
}
