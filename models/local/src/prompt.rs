//! Messages to the tokens of a prompt.

use std::fmt;

use catena_core::{ChatMessage, ChatRequest, Error, Result, Role};
use minijinja::{Environment, ErrorKind, context};

use crate::counter::Tokens;

const NAME: &str = "chat";

/// The model's chat template.
///
/// It is rendered here, and not by the engine, so that a prompt can be counted without asking a
/// busy engine, an answer can be begun for the model, and what only looks like a control token
/// stays text. Models that can think aloud are told not to, and no date is given, so that the same
/// messages are the same prompt tomorrow.
pub(crate) struct Template {
    environment: Environment<'static>,
    bos: Option<String>,
    eos: Option<String>,
    unk: Option<String>,
}

impl Template {
    /// `source` is Jinja, as models ship it; the others are the texts of control tokens that it
    /// may mention.
    pub(crate) fn new(
        source: &str,
        bos: Option<String>,
        eos: Option<String>,
        unk: Option<String>,
    ) -> Result<Self> {
        // What Python's Jinja has and minijinja has not; the engine does the same.
        let source = source
            .replace("[::-1]", "|reverse")
            .replace("{% generation %}", "")
            .replace("{% endgeneration %}", "");
        let mut environment = Environment::new();
        environment.set_lstrip_blocks(true);
        environment.set_trim_blocks(true);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| {
            Err::<String, _>(minijinja::Error::new(ErrorKind::InvalidOperation, message))
        });
        environment
            .add_template_owned(NAME, source)
            .map_err(|error| unusable("the model's chat template does not parse", error))?;
        Ok(Self {
            environment,
            bos,
            eos,
            unk,
        })
    }

    /// The tokens of `request`'s prompt.
    pub(crate) fn encode(&self, request: &ChatRequest, tokens: &Tokens) -> Result<Vec<u32>> {
        if request.messages.is_empty() {
            return Err(Error::invalid("the request has no messages"));
        }
        if !request.tools.is_empty() {
            return Err(Error::refused("a model in this process cannot call tools"));
        }
        let contents: Vec<&str> = request
            .messages
            .iter()
            .map(|message| message.content.as_str())
            .collect();
        tokens.encode_prompt(&contents, |contents| {
            self.render(&request.messages, contents)
        })
    }

    fn render(&self, messages: &[ChatMessage], contents: Vec<String>) -> Result<String> {
        let mut turns: Vec<(Role, String)> = messages
            .iter()
            .map(|message| message.role)
            .zip(contents)
            .collect();
        // A last turn of the model is the beginning of its answer.
        let begun = match turns.last() {
            Some((Role::Assistant, _)) => turns.pop().map(|(_, content)| content),
            _ => None,
        };
        let messages: Vec<_> = turns
            .into_iter()
            .map(|(role, content)| context! { role, content })
            .collect();
        let prompt = self
            .environment
            .get_template(NAME)
            .and_then(|template| {
                template.render(context! {
                    messages,
                    add_generation_prompt => true,
                    enable_thinking => false,
                    bos_token => self.bos,
                    eos_token => self.eos,
                    unk_token => self.unk,
                })
            })
            .map_err(|error| unusable("the model's chat template refuses the messages", error))?;
        Ok(prompt + begun.as_deref().unwrap_or_default())
    }
}

fn unusable(what: &str, error: minijinja::Error) -> Error {
    Error::invalid(format!("{what}: {error}")).with_source(error)
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHATML: &str = "{% for message in messages %}<|im_start|>{{ message['role'] }}\n\
        {{ message['content'] }}<|im_end|>\n{% endfor %}\
        {% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    fn render(source: &str, messages: &[ChatMessage]) -> Result<String> {
        let contents = messages.iter().map(|message| message.content.clone());
        Template::new(source, Some("<s>".into()), None, None)?.render(messages, contents.collect())
    }

    #[test]
    fn turns_are_rendered_and_an_answer_is_begun() {
        let messages = [
            ChatMessage::system("Be brief."),
            ChatMessage::user("2 + 2?"),
            ChatMessage::assistant("It is"),
        ];
        assert_eq!(
            render(CHATML, &messages).unwrap(),
            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n2 + 2?<|im_end|>\n\
             <|im_start|>assistant\nIt is"
        );
    }

    #[test]
    fn a_template_can_refuse_in_its_own_words() {
        let source = "{{ bos_token }}{{ raise_exception('roles must alternate') }}";
        let error = render(source, &[ChatMessage::user("a")]).unwrap_err();
        assert!(error.is_invalid());
        assert!(
            error.to_string().contains("roles must alternate"),
            "{error}"
        );
        assert!(render("{% if %}", &[]).unwrap_err().is_invalid());
    }

    #[test]
    fn python_methods_and_no_thinking() {
        let source = "{{ messages[0].content.strip() }}{% if not enable_thinking %}!{% endif %}";
        assert_eq!(render(source, &[ChatMessage::user(" a ")]).unwrap(), "a!");
    }
}
