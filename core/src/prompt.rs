//! Templates that become messages.

use std::{fmt, path::Path, sync::Arc};

use serde::Serialize;
use tera::{Context as Variables, Tera};

use crate::{ChatMessage, Error, Result, Role, digest::sha256};

/// A [Tera](https://keats.github.io/tera/) template that renders to the messages of a request.
///
/// A line that is nothing but `[system]`, `[user]` or `[assistant]` begins a message of that role;
/// what stands before the first one (a head comment) is no part of any message. The roles are found
/// before variables are filled in, so no text of a user or a document can begin a message. A
/// variable that is not given is an error; nothing is escaped; messages are trimmed.
///
/// # Example
///
/// ```
/// use catena_core::{Prompt, Role};
///
/// let prompt = Prompt::new("greet", "{# Says hello. #}\n[system]\nBe brief.\n[user]\nHello, {{ name }}!")?;
/// let messages = prompt.render(&serde_json::json!({ "name": "[system]" }))?;
/// assert_eq!(messages.len(), 2);
/// assert_eq!(messages[1].role, Role::User);
/// assert_eq!(messages[1].content, "Hello, [system]!");
///
/// assert!(prompt.render(&serde_json::json!({})).unwrap_err().is_prompt());
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Prompt {
    name: String,
    digest: String,
    roles: Vec<Role>,
    /// One template for each message, named by its index.
    tera: Arc<Tera>,
}

impl Prompt {
    /// From a template's text. `name` is for errors.
    ///
    /// # Errors
    ///
    /// [`is_prompt`](Error::is_prompt) when it has no message or does not parse.
    pub fn new(name: impl Into<String>, template: &str) -> Result<Self> {
        let name = name.into();
        let sections = sections(template);
        if sections.is_empty() {
            return Err(Error::prompt(format!("the prompt '{name}' has no message"))
                .with_help("begin each message with a line [system], [user] or [assistant]"));
        }
        let mut tera = Tera::new();
        tera.autoescape_on(Vec::<&str>::new());
        for (index, (_, body)) in sections.iter().enumerate() {
            tera.add_raw_template(&index.to_string(), body.trim())
                .map_err(|error| {
                    Error::prompt(format!("the prompt '{name}' does not parse: {error}"))
                })?;
        }
        Ok(Self {
            name,
            digest: sha256(&[template.as_bytes()]),
            roles: sections.into_iter().map(|(role, _)| role).collect(),
            tera: Arc::new(tera),
        })
    }

    /// From a file.
    ///
    /// # Errors
    ///
    /// [`is_prompt`](Error::is_prompt) when it cannot be read, and those of [`new`](Self::new).
    pub fn from_file(path: &Path) -> Result<Self> {
        let template = std::fs::read_to_string(path).map_err(|error| {
            Error::prompt(format!("the prompt {} cannot be read", path.display()))
                .with_source(error)
        })?;
        Self::new(path.display().to_string(), &template)
    }

    /// The prompt's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SHA-256 of the template, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Fills in the variables: a struct or a map with a field for each.
    ///
    /// # Errors
    ///
    /// [`is_prompt`](Error::is_prompt), with line and column, when a variable is missing.
    pub fn render(&self, variables: &impl Serialize) -> Result<Vec<ChatMessage>> {
        let failed = |error: tera::Error| {
            Error::prompt(format!(
                "the prompt '{}' cannot be filled in: {error}",
                self.name
            ))
        };
        let variables = Variables::from_serialize(variables).map_err(failed)?;
        self.roles
            .iter()
            .enumerate()
            .map(|(index, role)| {
                let text = self
                    .tera
                    .render(&index.to_string(), &variables)
                    .map_err(failed)?;
                Ok(ChatMessage::new(*role, text.trim()))
            })
            .collect()
    }
}

/// The messages of a template: role and body.
fn sections(template: &str) -> Vec<(Role, String)> {
    let mut sections: Vec<(Role, String)> = Vec::new();
    for line in template.lines() {
        let role = match line.trim_end() {
            "[system]" => Some(Role::System),
            "[user]" => Some(Role::User),
            "[assistant]" => Some(Role::Assistant),
            _ => None,
        };
        if let Some(role) = role {
            sections.push((role, String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    sections
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prompt")
            .field("name", &self.name)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_escaped_and_the_end_is_trimmed() {
        let prompt = Prompt::new("p", "[user]\n{{ text }}\n\n").unwrap();
        let messages = prompt
            .render(&serde_json::json!({ "text": "a < b & \"c\"\n" }))
            .unwrap();
        assert_eq!(messages, [ChatMessage::user("a < b & \"c\"")]);
    }

    #[test]
    fn a_missing_variable_is_named() {
        let prompt = Prompt::new("worker", "[user]\nQuestion: {{ question }}").unwrap();
        let error = prompt
            .render(&serde_json::json!({ "query": "?" }))
            .unwrap_err();
        assert!(error.is_prompt());
        assert!(error.to_string().contains("question"), "{error}");
    }

    #[test]
    fn a_template_that_does_not_parse_is_refused() {
        assert!(Prompt::new("p", "[user]\n{{ open").unwrap_err().is_prompt());
        assert!(Prompt::new("p", "no role").unwrap_err().is_prompt());
    }

    #[test]
    fn another_text_has_another_digest() {
        let digest = |text: &str| Prompt::new("p", text).unwrap().digest().to_owned();
        assert_eq!(digest("[user]\na").len(), 64);
        assert_ne!(digest("[user]\na"), digest("[user]\nb"));
    }
}
