//! `catena memory export` and `catena memory import`.

use std::{
    io::{self, BufWriter},
    path::Path,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use catena_core::Error;
use catena_memory::{Archive, Imported, Memory, Namespace, NamespaceId, check_export};
use serde_json::json;

use super::{
    Fresh, Place,
    open::{known_archive, known_namespace, namespace, open},
    place::check_name,
    text::memories,
};
use crate::{
    args::{ArchiveFile, Store, Whose},
    config::Config,
    failure::{Failure, INTERRUPTED},
    output_file::OutputFile,
    signals,
    terminal::{Printer, harmless, print},
};

/// Which memories are exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those of a conversation.
    Conversation(Namespace),
    /// Those of a user, or with a bot: of all, as far as none is named.
    Of {
        user: Option<String>,
        bot: Option<String>,
        /// Whether the configuration names them, and no flag does.
        configured: bool,
    },
}

impl Which {
    pub(super) fn everything() -> Self {
        Self::Of {
            user: None,
            bot: None,
            configured: false,
        }
    }

    pub(super) fn of(
        whose: Whose,
        conversation: Option<String>,
        config: &Config,
    ) -> Result<Self, Failure> {
        if let Some(name) = conversation {
            return Ok(Self::Conversation(namespace(&whose, &name, config)?));
        }
        let flagged = whose.user.is_some() || whose.bot.is_some();
        let user = whose.user.or_else(|| config.user.clone());
        let bot = whose.bot.or_else(|| config.bot.clone());
        for (of, name) in [("user", &user), ("bot", &bot)] {
            if let Some(name) = name {
                check_name(of, name)?;
            }
        }
        let configured = !flagged && (user.is_some() || bot.is_some());
        Ok(Self::Of {
            user,
            bot,
            configured,
        })
    }

    /// The namespaces of an archive that are meant; `None` stands for all of them.
    async fn within(&self, archive: &Archive) -> Result<Vec<Option<NamespaceId>>, Failure> {
        let (user, bot) = match self {
            Self::Conversation(namespace) => {
                let id = known_namespace(archive, namespace).await?;
                return Ok(vec![Some(id)]);
            }
            Self::Of {
                user: None,
                bot: None,
                ..
            } => return Ok(vec![None]),
            Self::Of { user, bot, .. } => (user, bot),
        };
        let is = |wanted: &Option<String>, name: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == name)
        };
        let mut these = archive.namespaces().await?;
        these.retain(|of| {
            of.is_used() && is(user, &of.namespace.user) && is(bot, &of.namespace.bot)
        });
        if these.is_empty() {
            let whose = self.whose();
            return Err(Failure::usage(format!("nothing is remembered of {whose}"))
                .help("`catena memory list` shows what there is, as user/bot/conversation"));
        }
        Ok(these.into_iter().map(|of| Some(of.id)).collect())
    }

    /// The user and the bot that are named, for a person; empty where none is.
    fn whose(&self) -> String {
        let Self::Of { user, bot, .. } = self else {
            return String::new();
        };
        let named = [("user", user), ("bot", bot)].into_iter();
        let named = named.filter_map(|(of, name)| Some(format!("{of} '{}'", name.as_ref()?)));
        named.collect::<Vec<_>>().join(" and ")
    }
}

pub(super) async fn write(
    file: &ArchiveFile,
    which: &Which,
    output: Option<&Path>,
    config: &Config,
) -> Result<(), Failure> {
    let interrupted = |help: &str| Err(Failure::new("interrupted").help(help).code(INTERRUPTED));
    // Listens before the work begins.
    let mut end = pin!(signals::end());
    let opening = async {
        let archive = known_archive(file, config)?
            .ok_or_else(|| Failure::usage("nothing is remembered yet"))?;
        let these = which.within(&archive).await?;
        Ok::<_, Failure>((archive, these))
    };
    let (archive, these) = tokio::select! {
        biased;
        () = &mut end => return interrupted("nothing was written"),
        opened = opening => opened?,
    };
    match output {
        Some(path) => match export(&archive, &these, path, end).await? {
            Some(count) => print(&exported(count, &which.whose(), path)),
            None => return interrupted("nothing was written"),
        },
        None => {
            // Before the lines, whose reader may go away.
            if let Which::Of {
                configured: true, ..
            } = which
            {
                sayln!(
                    "only the memories of {}, as the configuration has it; --all exports everything",
                    harmless(&which.whose())
                );
            }
            tokio::select! {
                biased;
                () = &mut end => return interrupted("what was printed is not all there is"),
                printed = write_all(&archive, &these, BufWriter::new(Printer)) => {
                    printed?;
                }
            }
        }
    }
    Ok(())
}

/// Writes some namespaces, or all that there are for `None`, to a file that must not be there yet; how many
/// memories, or nothing where `end` came before the end, and then there is no file.
pub(crate) async fn export(
    archive: &Archive,
    these: &[Option<NamespaceId>],
    path: &Path,
    end: impl Future<Output = ()> + Unpin,
) -> Result<Option<u64>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let file = Stoppable {
        out: BufWriter::new(OutputFile::private(path)?),
        stop: Arc::clone(&stop),
    };
    let mut writing = pin!(write_all(archive, these, file));
    let (count, file) = tokio::select! {
        biased;
        () = end => {
            stop.store(true, Ordering::Relaxed);
            // It takes its temporary file along.
            let _ = writing.await;
            return Ok(None);
        }
        written = &mut writing => {
            written.map_err(|error| Failure::from(error).in_file(&path.display().to_string()))?
        }
    };
    // It was flushed by then, so there is nothing that taking it out could fail to write.
    let (file, _) = file.out.into_parts();
    file.finish()?;
    Ok(Some(count))
}

/// Writes one namespace after the other; how many memories.
async fn write_all<W: io::Write + Send + 'static>(
    archive: &Archive,
    these: &[Option<NamespaceId>],
    mut out: W,
) -> Result<(u64, W), Error> {
    let mut all = 0;
    for namespace in these {
        let (count, back) = archive.export(*namespace, out).await?;
        all += count;
        out = back;
    }
    Ok((all, out))
}

/// Writes until somebody stops it.
struct Stoppable<W> {
    out: W,
    stop: Arc<AtomicBool>,
}

impl<W: io::Write> io::Write for Stoppable<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stop.load(Ordering::Relaxed) {
            true => Err(io::Error::other("stopped")),
            false => self.out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// What was exported, for a person; `whose` is empty where nobody was named.
pub(crate) fn exported(count: u64, whose: &str, path: &Path) -> String {
    let count = memories(count);
    let of = match whose {
        "" => String::new(),
        whose => format!(" of {}", harmless(whose)),
    };
    format!("{count}{of} written to {}\n", path.display())
}

/// The conversation that an import goes into; `None` where the file says that of each memory.
pub(super) fn target(
    whose: &Whose,
    conversation: Option<&str>,
    config: &Config,
) -> Result<Option<Namespace>, Failure> {
    match conversation {
        Some(name) => namespace(whose, name, config).map(Some),
        None if whose.user.is_none() && whose.bot.is_none() => Ok(None),
        None => Err(Failure::usage(
            "--user and --bot say whose the conversation is, and none is named",
        )
        .help(
            "name the one to import into: --conversation NAME; without the three, memories go into the \
             conversations that the file names",
        )),
    }
}

pub(super) async fn read(
    store: &Store,
    file: &Path,
    namespace: Option<&Namespace>,
    json: bool,
    config: &Config,
) -> Result<(), Failure> {
    is_there(file)?;
    // What cannot be taken over is to leave no archive and no conversation behind.
    if check_export(file, namespace.is_none())? == 0 {
        return tell(Imported::default(), false, json);
    }
    let place = Place::of(store, config)?;
    let fresh = Fresh::of(&place);
    let taken = take(&place, file, namespace, json, config).await;
    if !matches!(taken, Ok((done, _)) if done.added > 0) {
        fresh.discard_if_empty().await;
    }
    let (done, interrupted) = taken?;
    tell(done, interrupted, json)?;
    match interrupted {
        true => Err(Failure::new("interrupted").code(INTERRUPTED).told()),
        false => Ok(()),
    }
}

/// Opens the memory, and imports until somebody presses Ctrl-C; whether somebody did.
async fn take(
    place: &Place,
    file: &Path,
    namespace: Option<&Namespace>,
    json: bool,
    config: &Config,
) -> Result<(Imported, bool), Failure> {
    let mut end = pin!(signals::end());
    let memory = tokio::select! {
        biased;
        () = &mut end => return Ok((Imported::default(), true)),
        memory = open(place, config, json) => memory?,
    };
    let into = match namespace {
        Some(namespace) => Some(memory.namespace(namespace).await?),
        None => None,
    };
    let done = import(&memory, file, into, end.as_mut()).await;
    if let Some(id) = into {
        memory.archive().forget_unused(id).await?;
    }
    done
}

fn tell(done: Imported, interrupted: bool, json: bool) -> Result<(), Failure> {
    match json {
        true => print(&format!("{:#}\n", json!(done))),
        false => print(&imported(done, interrupted)),
    }
    Ok(())
}

/// Refuses what is no file: a pipe might never end, nor a device.
fn is_there(file: &Path) -> Result<(), Failure> {
    let name = file.display();
    let wrong = match file.metadata() {
        Ok(it) if it.is_file() => return Ok(()),
        Ok(it) if it.is_dir() => format!("{name} is a folder"),
        Ok(_) => format!("{name} is not a regular file"),
        Err(_) if file == Path::new("-") => {
            "memories are not taken over from standard input".to_owned()
        }
        Err(_) => format!("there is no file {name}"),
    };
    Err(Failure::usage(wrong).help("name a file that `catena memory export` wrote"))
}

/// Takes over the memories of a file, and tells the index, until `end` comes; whether it came. What was taken
/// over by then stays.
pub(crate) async fn import(
    memory: &Memory,
    file: &Path,
    namespace: Option<NamespaceId>,
    mut end: impl Future<Output = ()> + Unpin,
) -> Result<(Imported, bool), Failure> {
    is_there(file)?;
    let stop = Arc::new(AtomicBool::new(false));
    let archive = memory.archive();
    let mut taking = pin!(archive.import_until(file, namespace, Arc::clone(&stop)));
    let done = tokio::select! {
        biased;
        () = &mut end => {
            stop.store(true, Ordering::Relaxed);
            return Ok((taking.await?, true));
        }
        done = &mut taking => done?,
    };
    let mut untold = |_: u64, _: u64| {};
    tokio::select! {
        biased;
        () = end => Ok((done, true)),
        synced = memory.sync(&mut untold) => {
            synced.map_err(|error| {
                let counts = imported(done, false);
                Failure::from(error).also(format!(
                    "{} in the archive; their vectors are made the next time that it is opened",
                    counts.trim_end()
                ))
            })?;
            Ok((done, false))
        }
    }
}

/// What was taken over, for a person.
pub(crate) fn imported(done: Imported, interrupted: bool) -> String {
    let counts = format!("{} added, {} were there", memories(done.added), done.merged);
    let rest = match (interrupted, done.stopped) {
        (false, _) => "",
        (true, true) => "; stopped: importing again goes on, and takes nothing twice",
        (true, false) => {
            "; stopped before all vectors were made, which is made up for the next time"
        }
    };
    format!("{counts}{rest}\n")
}

#[cfg(test)]
mod tests {
    use std::future;

    use catena_memory::NewItem;

    use super::*;

    #[tokio::test]
    async fn an_export_that_is_stopped_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(folder.path().join("memory.db")).unwrap();
        let names = Namespace::new("me", "catena", "default");
        let id = archive.namespace(&names).await.unwrap();
        archive
            .remember(id, NewItem::turn("one", ""))
            .await
            .unwrap();
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        let (before, path) = (files(), folder.path().join("all.jsonl"));
        let stopped = export(&archive, &[None], &path, pin!(future::ready(()))).await;
        assert_eq!((stopped.unwrap(), files()), (None, before));
        let whole = export(&archive, &[None], &path, pin!(future::pending())).await;
        assert_eq!((whole.unwrap(), files()), (Some(1), before + 1));
    }
}
