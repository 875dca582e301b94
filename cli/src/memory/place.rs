//! How a person names an archive, an index, an embedder, a conversation, a memory and a moment.

use std::{
    fmt,
    path::{self, PathBuf},
    str::FromStr,
    time::SystemTime,
};

use catena_memory::{ItemId, Moment, Namespace};
use serde::{Deserialize, Serialize};

use crate::{
    args::{ArchiveFile, Store},
    config::Config,
    data,
    failure::Failure,
    reading::as_usage,
};

/// What finds the nearest vectors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IndexChoice {
    /// All of them, in memory, made anew each time.
    Exact,
    /// In a folder beside the archive; perhaps with copies of a quarter of the size, in memory, for
    /// archives of a hundred thousand items and more.
    Embedded { quantized: bool },
    /// On the server of this URL.
    Qdrant(String),
}

impl IndexChoice {
    /// Whether both are the same place, however what is there is made.
    pub(super) fn is_where(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Embedded { .. }, Self::Embedded { .. }) => true,
            _ => self == other,
        }
    }
}

impl FromStr for IndexChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "exact" => Ok(Self::Exact),
            None if text == "embedded" => Ok(Self::Embedded { quantized: false }),
            Some(("embedded", "quantized")) => Ok(Self::Embedded { quantized: true }),
            Some(("qdrant", url)) if url.starts_with("http://") || url.starts_with("https://") => {
                Ok(Self::Qdrant(url.to_owned()))
            }
            _ => Err(format!(
                "'{text}' is no index: exact, embedded, embedded:quantized, or qdrant:URL such as qdrant:http://localhost:6334"
            )),
        }
    }
}

impl fmt::Display for IndexChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Embedded { quantized: false } => f.write_str("embedded"),
            Self::Embedded { quantized: true } => f.write_str("embedded:quantized"),
            Self::Qdrant(url) => write!(f, "qdrant:{url}"),
        }
    }
}

/// What makes vectors of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EmbedderChoice {
    /// The sentence model of the catalogue.
    MiniLm,
    /// Words alone.
    Hashing,
    /// A sentence model of the user's own, in this folder.
    Onnx(PathBuf),
    /// A server's model, and how many numbers its vectors have.
    OpenAi(String, usize),
}

impl EmbedderChoice {
    /// What flag, environment or configuration name, or the default.
    pub(crate) fn of(flag: &Option<Self>, config: &Config) -> Result<Self, Failure> {
        choice(flag, &config.embedder, Self::MiniLm)
    }
}

impl FromStr for EmbedderChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(model) = text.strip_prefix("openai:") {
            let (name, dimensions) = model.rsplit_once(':').unwrap_or((model, ""));
            return match dimensions.parse() {
                Ok(dimensions) if dimensions > 0 && !name.is_empty() => {
                    Ok(Self::OpenAi(name.to_owned(), dimensions))
                }
                _ => Err(format!(
                    "'{text}' does not say how many numbers its vectors have: openai:NAME:DIMENSIONS such as openai:text-embedding-3-small:1536"
                )),
            };
        }
        if let Some(folder) = text.strip_prefix("onnx:") {
            return match folder {
                "" => Err(format!(
                    "'{text}' names no folder with a sentence model: onnx:FOLDER such as onnx:models/all-mpnet-base-v2"
                )),
                folder => Ok(Self::Onnx(folder.into())),
            };
        }
        match text {
            "minilm" => Ok(Self::MiniLm),
            "hashing" => Ok(Self::Hashing),
            _ => Err(format!(
                "'{text}' is no embedder: minilm, hashing, onnx:FOLDER, or openai:NAME:DIMENSIONS"
            )),
        }
    }
}

impl fmt::Display for EmbedderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MiniLm => f.write_str("minilm"),
            Self::Hashing => f.write_str("hashing"),
            Self::Onnx(folder) => write!(f, "onnx:{}", folder.display()),
            Self::OpenAi(name, dimensions) => write!(f, "openai:{name}:{dimensions}"),
        }
    }
}

/// A choice as it is recorded: in the words of a person.
mod words {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(
        choice: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(choice)
    }

    pub(super) fn deserialize<'de, T: FromStr<Err = String>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// What flag, environment or configuration name, each in its own words, or the default. A run is recorded
/// with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    #[serde(rename = "memory")]
    pub(crate) archive: PathBuf,
    #[serde(with = "words")]
    pub(crate) index: IndexChoice,
    #[serde(with = "words")]
    pub(crate) embedder: EmbedderChoice,
}

impl Place {
    pub(crate) fn of(store: &Store, config: &Config) -> Result<Self, Failure> {
        Ok(Self {
            archive: match named_archive(&store.archive, config) {
                Some(path) => path,
                None => default_archive()?,
            },
            index: choice(
                &store.index,
                &config.index,
                IndexChoice::Embedded { quantized: false },
            )?,
            embedder: EmbedderChoice::of(&store.embedder, config)?,
        })
    }

    /// From the root: a run may be resumed from another folder.
    pub(crate) fn absolute(self) -> Self {
        let absolute = |named: PathBuf| path::absolute(&named).unwrap_or(named);
        Self {
            archive: absolute(self.archive),
            index: self.index,
            embedder: match self.embedder {
                EmbedderChoice::Onnx(folder) => EmbedderChoice::Onnx(absolute(folder)),
                embedder => embedder,
            },
        }
    }
}

fn choice<T: Clone + FromStr<Err = String>>(
    flag: &Option<T>,
    configured: &Option<String>,
    default: T,
) -> Result<T, Failure> {
    match (flag, configured) {
        (Some(choice), _) => Ok(choice.clone()),
        (None, Some(text)) => text.parse().map_err(Failure::usage),
        (None, None) => Ok(default),
    }
}

/// The archive that somebody named.
pub(super) fn named_archive(file: &ArchiveFile, config: &Config) -> Option<PathBuf> {
    file.memory.clone().or_else(|| config.memory.clone())
}

/// The archive in the user's data folder.
pub(super) const FILE: &str = "memory.db";

fn default_archive() -> Result<PathBuf, Failure> {
    let folder = data::private_folder().map_err(|why| {
        Failure::new(format!("nothing can be remembered: {why}")).help("name a file with --memory")
    })?;
    Ok(folder.join(FILE))
}

/// Refuses what is no name of a user, a bot or a conversation.
pub(crate) fn check_name(of: &str, name: &str) -> Result<(), Failure> {
    Namespace::check_name(of, name).map_err(as_usage)
}

/// A memory's number, as `#12` or `12`.
pub(crate) fn item_id(text: &str) -> Result<ItemId, String> {
    let number = text.strip_prefix('#').unwrap_or(text);
    let number = number.parse().map(ItemId);
    number.map_err(|_| format!("'{text}' is no number of a memory, such as 12"))
}

/// A moment: an age, a day in UTC, or a moment as it is printed.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(age) = humantime::parse_duration(text) {
        let then = SystemTime::now().checked_sub(age);
        return Ok(then.map_or(Moment(0), Moment::from));
    }
    let day = format!("{text} 00:00:00");
    let time = humantime::parse_rfc3339_weak(&day).or_else(|_| humantime::parse_rfc3339_weak(text));
    time.map(Moment::from)
        .map_err(|_| format!("'{text}' is neither an age such as 30d nor a day such as 2026-11-25"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for text in [
            "exact",
            "embedded",
            "embedded:quantized",
            "qdrant:http://localhost:6334",
        ] {
            assert_eq!(text.parse::<IndexChoice>().unwrap().to_string(), text);
        }
        for text in [
            "minilm",
            "hashing",
            "openai:nomic:v1:768",
            "onnx:own",
            "onnx:../my models/a:b",
        ] {
            assert_eq!(text.parse::<EmbedderChoice>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "Exact",
            "embedded:",
            "embedded:quantised",
            "exact:quantized",
            "qdrant",
            "qdrant:",
            "qdrant:localhost:6334",
        ] {
            assert!(text.parse::<IndexChoice>().is_err(), "{text}");
        }
        for text in [
            "",
            "bert",
            "openai:nomic",
            "openai:nomic:0",
            "openai::8",
            "onnx",
            "onnx:",
        ] {
            assert!(text.parse::<EmbedderChoice>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_absolute_place_is_the_same_from_every_folder() {
        let place = Place {
            archive: "memory.db".into(),
            index: IndexChoice::Exact,
            embedder: EmbedderChoice::Onnx("models/own".into()),
        };
        let (place, here) = (place.absolute(), std::env::current_dir().unwrap());
        assert_eq!(place.archive, here.join("memory.db"));
        assert_eq!(
            place.embedder,
            EmbedderChoice::Onnx(here.join("models/own"))
        );
        let recorded = serde_json::to_value(&place).unwrap();
        assert_eq!(serde_json::from_value::<Place>(recorded).unwrap(), place);
    }

    #[test]
    fn a_name_is_a_line_of_a_file_s_length() {
        let longest = "a".repeat(255);
        for name in ["a", "my garden", "中文", "a/b", &longest] {
            assert!(check_name("user", name).is_ok(), "{name}");
        }
        for (name, wrong) in [
            ("", "is empty"),
            (" \t", "is empty"),
            ("a\nb", "control character"),
            ("\u{1b}[2J", "control character"),
            (&"ä".repeat(128), "has 256 bytes"),
        ] {
            let refused = check_name("user", name).unwrap_err();
            assert!(refused.is_usage() && refused.to_string().contains(wrong));
            assert!(refused.help_text().unwrap().contains("1 to 255 bytes"));
        }
    }

    #[test]
    fn a_moment_is_an_age_or_a_day() {
        assert_eq!(moment("1970-01-02"), Ok(Moment(86_400_000_000)));
        assert_eq!(moment("1970-01-01T00:00:01Z"), Ok(Moment(1_000_000)));
        assert!(moment("1d").unwrap() < moment("1h").unwrap());
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn a_memory_has_a_number() {
        assert_eq!(item_id("#12"), Ok(ItemId(12)));
        assert_eq!(item_id("12"), Ok(ItemId(12)));
        assert!(item_id("#").is_err() && item_id("-1").is_err());
    }
}
