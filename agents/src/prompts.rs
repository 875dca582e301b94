//! Where prompts come from.

use std::path::PathBuf;

use catena_core::{Error, Prompt, Result};

/// Finds prompts by name: in a folder of the user's where it has one, and compiled in otherwise.
///
/// # Example
///
/// ```
/// use catena_agents::Prompts;
///
/// let prompt = Prompts::builtin().load("chain/worker_query")?;
/// assert_eq!(prompt.name(), "chain/worker_query");
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Prompts {
    folder: Option<PathBuf>,
}

impl Prompts {
    /// Those compiled in.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Those in `folder` (`chain/worker_query.tera` and so on), and for each that it lacks the one
    /// compiled in.
    pub fn from_folder(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: Some(folder.into()),
        }
    }

    /// The prompt `name`.
    ///
    /// # Errors
    ///
    /// [`is_prompt`](Error::is_prompt) when there is none or it does not parse.
    pub fn load(&self, name: &str) -> Result<Prompt> {
        if let Some(folder) = &self.folder {
            let path = folder.join(format!("{name}.tera"));
            if path.exists() {
                return Prompt::from_file(&path);
            }
        }
        let text = catena_templates::get(name)
            .ok_or_else(|| Error::prompt(format!("there is no prompt '{name}'")))?;
        Prompt::new(name, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses() {
        for name in catena_templates::NAMES {
            Prompts::builtin().load(name).unwrap();
        }
        assert!(
            Prompts::builtin()
                .load("chain/none")
                .unwrap_err()
                .is_prompt()
        );
    }
}
