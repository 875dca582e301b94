//! What the library warns of, on standard error.

use std::io::{self, IsTerminal};

use anstyle::Style;
use tracing_subscriber::{
    Layer,
    field::MakeExt,
    filter::{LevelFilter, Targets},
    fmt::{self, format},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::terminal::harmless;

/// Has what the library warns of told; what others have to say is not for a user.
pub(crate) fn tell() {
    let ours = Targets::new().with_target("catena", LevelFilter::WARN);
    // A field may quote a server, and would be written as it is.
    let fields = format::debug_fn(|writer, field, value| {
        let value = harmless(&format!("{value:?}"));
        match (field.name(), writer.has_ansi_escapes()) {
            ("message", _) => write!(writer, "{value}"),
            (name, false) => write!(writer, "{name}={value}"),
            (name, true) => {
                let (italic, dimmed) = (Style::new().italic(), Style::new().dimmed());
                write!(writer, "{italic}{name}{italic:#}{dimmed}={dimmed:#}{value}")
            }
        }
    });
    let told = fmt::layer()
        .fmt_fields(fields.delimited(" "))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .without_time()
        .with_target(false)
        .with_filter(ours);
    // There is no other: this is the first thing that is done.
    let _ = tracing_subscriber::registry().with(told).try_init();
}
