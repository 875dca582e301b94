//! From a model's name to a model.

use std::{io::IsTerminal, path::PathBuf, sync::Arc, time::Duration};

use catena_core::{ChatModel, Scorer};
use catena_local::{Device, LocalModel, LocalOptions, Weights};
use catena_models::catalog::{Catalog, ModelRef, Progress, Store};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::{
    args::With,
    config::{Config, Kept},
    failure::Failure,
    measured::Place,
    reading::as_usage,
    remote::Remote,
};

/// The model that answers unless another is named.
pub(crate) const DEFAULT: &str = "qwen2.5-coder-0.5b";

/// A model that answers, and compares answers where it can.
pub(crate) struct Loaded {
    pub(crate) chat: Arc<dyn ChatModel>,
    pub(crate) scorer: Option<Arc<dyn Scorer>>,
    /// Where figures of it are kept.
    pub(crate) place: Place,
}

/// What a command does most with its model: the weights of one on a CPU are kept accordingly, unless
/// the configuration says how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mostly {
    Reads,
    Writes,
    /// Nothing is asked of it; it counts tokens.
    Counts,
}

impl Mostly {
    pub(crate) fn weights(self, config: &Config) -> Weights {
        match (config.weights, self) {
            // What the file holds is not converted for that.
            (_, Self::Counts) => Weights::AsIs,
            (Some(Kept::Reading), _) | (None, Self::Reads) => Weights::Reading,
            (Some(Kept::Writing), _) | (None, Self::Writes) => Weights::Auto,
            (Some(Kept::AsIs), _) => Weights::AsIs,
        }
    }
}

/// Loads the model that flags, environment or configuration name, fetching it first if need be.
pub(crate) async fn load(
    with: &With,
    mostly: Mostly,
    config: &Config,
    quiet: bool,
) -> Result<Loaded, Failure> {
    let layered = true;
    load_named(name(with, config), with, mostly, config, quiet, layered).await
}

/// As [`load`], but a server's model without the layers that retry and limit.
pub(crate) async fn load_bare(
    with: &With,
    mostly: Mostly,
    config: &Config,
    quiet: bool,
) -> Result<Loaded, Failure> {
    let layered = false;
    load_named(name(with, config), with, mostly, config, quiet, layered).await
}

/// The model that answers in the end, of those who read: `worker` unless the flags name another.
pub(crate) async fn manager(
    worker: &Arc<dyn ChatModel>,
    with: &With,
    config: &Config,
    quiet: bool,
) -> Result<Arc<dyn ChatModel>, Failure> {
    match &with.manager_model {
        Some(other) if other != name(with, config) => {
            let layered = true;
            let mostly = Mostly::Reads;
            Ok(load_named(other, with, mostly, config, quiet, layered)
                .await?
                .chat)
        }
        _ => Ok(Arc::clone(worker)),
    }
}

/// Refuses what is no model, or none that could answer, as [`load`] does, before anything else is done:
/// nothing is fetched, loaded or asked.
pub(crate) fn check(with: &With, config: &Config) -> Result<(), Failure> {
    match parse(name(with, config))? {
        ModelRef::Server(vendor, name) => Remote::new(vendor, &name, config).map(drop),
        ModelRef::Catalog(name) => must_answer(&name).and_then(|()| device(with, config).map(drop)),
        _ => device(with, config).map(drop),
    }
}

fn parse(name: &str) -> Result<ModelRef, Failure> {
    ModelRef::parse(name).map_err(|error| {
        let help = error.help().map(str::to_owned);
        let failure = Failure::usage(error.to_string());
        match help {
            Some(help) => failure.help(help),
            None => failure.help("`catena models list` shows the names"),
        }
    })
}

async fn load_named(
    name: &str,
    with: &With,
    mostly: Mostly,
    config: &Config,
    quiet: bool,
    layered: bool,
) -> Result<Loaded, Failure> {
    let reference = parse(name)?;
    if let ModelRef::Server(vendor, name) = &reference {
        let Remote { model, place, .. } = Remote::new(*vendor, name, config)?;
        let requests = config.requests.or(config.server(*vendor).requests());
        return Ok(Loaded {
            chat: match layered {
                true => requests.layered(model),
                false => model,
            },
            scorer: None,
            place,
        });
    }
    if let ModelRef::Catalog(name) = &reference {
        must_answer(name)?;
    }
    let device = device(with, config)?;
    let (path, name) = match reference {
        ModelRef::File(path) => (path, None),
        reference => (fetch(&reference, quiet).await?, Some(name)),
    };
    let mut options = LocalOptions::new()
        .weights(mostly.weights(config))
        .device(device);
    if let Some(paged) = config.paged_attention {
        options = options.paged_attention(paged);
    }
    if let Some(name) = name {
        options = options.name(name);
    }
    let place = Place::file(&path, device);
    if let Some(kept) = place.read() {
        options = options.parallel(kept.parallel);
    }
    let spinner = spinner(quiet);
    spinner.set_message(format!(
        "loading {}",
        path.file_name().unwrap_or_default().display()
    ));
    let model = LocalModel::load(path, options).await;
    spinner.finish_and_clear();
    let model = Arc::new(model?);
    let chat = Arc::clone(&model) as Arc<dyn ChatModel>;
    Ok(Loaded {
        chat: match layered {
            true => config.requests.retried(chat),
            false => chat,
        },
        scorer: Some(model),
        place,
    })
}

/// Refuses what the catalogue does not have, or has for other uses than answering.
fn must_answer(name: &str) -> Result<(), Failure> {
    let answers = Catalog::builtin().answering(name).map(drop);
    answers.map_err(as_usage)
}

/// The model's name, as flags, environment or configuration have it.
pub(crate) fn name<'a>(with: &'a With, config: &'a Config) -> &'a str {
    with.model
        .as_deref()
        .or(config.model.as_deref())
        .unwrap_or(DEFAULT)
}

/// Fetches a model of the catalogue or the hub, with a progress bar; gives its path.
pub(crate) async fn fetch(reference: &ModelRef, quiet: bool) -> Result<PathBuf, Failure> {
    let catalog = Catalog::builtin();
    let store = Store::default_location()?;
    let mut display = Display::new(quiet);
    let result = match reference {
        ModelRef::Catalog(name) => {
            catalog
                .ensure(name, &store, |progress| display.show(progress))
                .await
        }
        ModelRef::Hub(file) => {
            catalog
                .ensure_hub(file, &store, |progress| display.show(progress))
                .await
        }
        ModelRef::File(path) => Ok(path.clone()),
        _ => return Err(Failure::usage("that model has no file to fetch")),
    };
    display.bar.finish_and_clear();
    Ok(result?)
}

/// Where a local model runs.
pub(crate) fn device(with: &With, config: &Config) -> Result<Device, Failure> {
    let name = with.device.as_deref().or(config.device.as_deref());
    name.unwrap_or("auto").parse().map_err(as_usage)
}

/// How a download is shown: a bar on a terminal, and elsewhere a line for each step.
struct Display {
    bar: ProgressBar,
    lines: bool,
}

impl Display {
    fn new(quiet: bool) -> Self {
        let style = "{msg:30!} {bar:30} {bytes:>10}/{total_bytes} {bytes_per_sec:>12} {eta:>4}";
        let bar = ProgressBar::no_length();
        bar.set_draw_target(target(quiet));
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        Self {
            bar,
            lines: !quiet && !std::io::stderr().is_terminal(),
        }
    }

    fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Waiting => self.say("waiting for another process that fetches this model"),
            Progress::Trying { source, what } => self.say(&format!("trying {source}: {what}")),
            Progress::Skipped { source, reason } => {
                self.say(&format!("not from {source}: {reason}"))
            }
            Progress::Part {
                name,
                number,
                count,
            } => {
                self.bar.set_message(name.clone());
                if self.lines {
                    self.say(&format!("fetching part {number} of {count}: {name}"));
                }
            }
            Progress::Downloading { done, total } => {
                if let Some(total) = total {
                    self.bar.set_length(total);
                }
                self.bar.set_position(done);
            }
            Progress::Verifying { done, total } => {
                self.bar.set_message("verifying");
                self.bar.set_length(total);
                self.bar.set_position(done);
            }
            _ => {}
        }
    }

    fn say(&self, line: &str) {
        if self.lines {
            sayln!("{line}");
        } else {
            self.bar.println(line);
        }
    }
}

pub(crate) fn spinner(quiet: bool) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    spinner.set_draw_target(target(quiet));
    spinner.enable_steady_tick(Duration::from_millis(120));
    spinner
}

pub(crate) fn target(quiet: bool) -> ProgressDrawTarget {
    if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    }
}
