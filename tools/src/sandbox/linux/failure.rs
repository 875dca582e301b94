//! Why a run could not be set up, for a person.

use catena_core::Error;
use rustix::io::Errno;

use super::{launch::Plan, missing, report::Step};
use crate::sandbox::{Command, Layer};

/// Something that the host does not do for us.
pub(super) fn host(what: &str, errno: Errno) -> Error {
    Error::other(format!("the sandbox cannot {what}")).with_source(errno)
}

/// What the plan's lists name, for a message.
pub(super) struct Places {
    trees: Vec<String>,
    protected: Vec<String>,
    rules: Vec<String>,
}

impl Places {
    pub(super) fn of(plan: &Plan) -> Self {
        let text = |path: &std::ffi::CString| path.to_string_lossy().into_owned();
        let view = plan.view.as_ref();
        Self {
            trees: view
                .map(|view| view.trees.iter().map(|tree| text(&tree.target)).collect())
                .unwrap_or_default(),
            protected: view
                .map(|view| {
                    view.pinned
                        .iter()
                        .chain(&view.protected)
                        .map(text)
                        .collect()
                })
                .unwrap_or_default(),
            rules: plan.rules.iter().map(|(path, _)| text(path)).collect(),
        }
    }
}

/// What a step that failed in the child means.
pub(super) fn failure(
    step: u32,
    index: u32,
    errno: Errno,
    command: &Command,
    places: &Places,
) -> Error {
    let Some(step) = Step::of(step) else {
        return Error::other("the sandbox's first process reported what no one understands");
    };
    let named = |names: &[String]| {
        names
            .get(index as usize)
            .map_or_else(|| format!("number {index}"), |name| format!("'{name}'"))
    };
    let namespaces = |what: &str| missing(Layer::Namespaces, format_args!("{what} ({errno})"));
    match step {
        Step::Exec if errno == Errno::NOENT => Error::invalid(format!(
            "there is no program '{}' in the sandbox",
            command.program
        ))
        .with_help(
            "install it where programs are looked for: the folders of what `rustc --print sysroot` and `python3` \
             say, cargo's, /usr/local/bin and /usr/bin; or name it by its whole path and have its folder be \
             readable (--readable FOLDER of a command, SandboxBuilder::readable)",
        ),
        Step::Exec => Error::invalid(format!(
            "the program '{}' cannot be run in the sandbox",
            command.program
        ))
        .with_source(errno),
        Step::Protect => Error::invalid(format!(
            "{} cannot be protected: it has to exist, and no symbolic link may lead to it",
            named(&places.protected)
        ))
        .with_source(errno),
        Step::Folder | Step::Directory => {
            Error::invalid("the working folder cannot be entered in the sandbox").with_source(errno)
        }
        Step::Propagation => namespaces("mounts cannot be made private"),
        Step::Root => namespaces("a file system in memory cannot be mounted"),
        Step::Pivot => namespaces("the root cannot be changed"),
        Step::Proc => namespaces("/proc cannot be mounted"),
        Step::Host => namespaces("the name of the host cannot be set"),
        Step::Groups | Step::User => namespaces("the user cannot be changed"),
        Step::Tree | Step::Attach => {
            namespaces(&format!("{} cannot be shown", named(&places.trees)))
        }
        Step::Landlock => missing(Layer::Landlock, errno),
        Step::Rule => missing(
            Layer::Landlock,
            format_args!(
                "no rule can be made about {} ({errno})",
                named(&places.rules)
            ),
        ),
        Step::Seccomp => missing(Layer::Seccomp, errno),
        Step::Begin | Step::Fork => host("start the program", errno),
        Step::Limit => host("set the limits of the program", errno),
        Step::Privileges => host("take privileges from the program", errno),
    }
}
