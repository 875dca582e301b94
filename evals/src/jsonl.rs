//! Data sets in JSON Lines: errors name the file and the line.

use std::{fs, path::Path};

use catena_core::{Error, Result};
use serde::de::DeserializeOwned;

/// What `read` makes of each line of a file, in its order; blank lines are skipped. `read` gets the
/// line and its number, from 1; `form` says for a person what the file has to be.
pub(crate) fn lines<T>(
    path: &Path,
    form: &str,
    mut read: impl FnMut(&str, usize) -> Result<T, String>,
) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::invalid(format!("reading the data set {}: {error}", path.display()))
            .with_help("check the path; the file has to be UTF-8 text, one JSON object a line")
            .with_source(error)
    })?;
    let records = (1..)
        .zip(text.lines())
        .filter(|(_, record)| !record.trim().is_empty())
        .map(|(line, record)| {
            read(record, line).map_err(|reason| {
                let path = path.display();
                Error::invalid(format!(
                    "reading the data set {path}, line {line}: {reason}"
                ))
                .with_help(format!("the file has to be {form}, one JSON object a line"))
            })
        })
        .collect::<Result<Vec<_>>>()?;
    if records.is_empty() {
        return Err(Error::invalid(format!(
            "reading the data set {}: it has no items",
            path.display()
        )));
    }
    Ok(records)
}

pub(crate) fn parse<T: DeserializeOwned>(record: &str) -> Result<T, String> {
    serde_json::from_str(record).map_err(|error| error.to_string())
}
