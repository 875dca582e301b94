//! The model's own tokenizer.

use std::{fmt, sync::Arc};

use aho_corasick::{AhoCorasick, MatchKind};
use catena_core::{Error, Result, TokenCounter};
use tokenizers::Tokenizer;

/// Characters that Unicode reserves for programs' own use; one that occurs nowhere in a text can
/// stand in it as a mark.
const MARKS: std::ops::RangeInclusive<char> = '\u{FDD0}'..='\u{FDEF}';

/// Turns text into tokens and tells control tokens from text that only looks like them.
pub(crate) struct Tokens {
    /// As the engine uses it: the text of a control token becomes that token.
    tokenizer: Arc<Tokenizer>,
    /// All text is text.
    plain: Tokenizer,
    /// Finds texts of control tokens; `None` if there are none.
    controls: Option<AhoCorasick>,
    /// The tokens of `controls`' patterns.
    control_ids: Vec<u32>,
}

impl Tokens {
    pub(crate) fn new(tokenizer: Arc<Tokenizer>) -> Result<Self> {
        let mut plain = Tokenizer::clone(&tokenizer);
        plain.set_encode_special_tokens(true);
        let (control_ids, texts): (Vec<u32>, Vec<String>) = tokenizer
            .get_added_tokens_decoder()
            .into_iter()
            .filter(|(_, token)| token.special && is_control(&token.content))
            .map(|(id, token)| (id, token.content))
            .unzip();
        let controls = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&texts)
            .map_err(|error| {
                Error::invalid("the model's control tokens cannot be searched for")
                    .with_source(error)
            })?;
        Ok(Self {
            tokenizer,
            plain,
            controls: (!texts.is_empty()).then_some(controls),
            control_ids,
        })
    }

    pub(crate) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The tokens of `text` as text, whatever it looks like.
    pub(crate) fn encode_text(&self, text: &str) -> Result<Vec<u32>> {
        encode(&self.plain, text, false)
    }

    /// The tokens of a prompt that `render` makes of `contents`, in which control tokens come from
    /// `render` alone: what looks like one in the contents stays text.
    pub(crate) fn encode_prompt(
        &self,
        contents: &[&str],
        render: impl FnOnce(Vec<String>) -> Result<String>,
    ) -> Result<Vec<u32>> {
        let harmless = self
            .controls
            .as_ref()
            .filter(|controls| contents.iter().any(|content| controls.is_match(*content)));
        let Some(controls) = harmless else {
            let prompt = render(contents.iter().map(ToString::to_string).collect())?;
            return encode(&self.tokenizer, &prompt, true);
        };
        let mark = MARKS
            .clone()
            .find(|&mark| !contents.iter().any(|content| content.contains(mark)))
            .ok_or_else(|| {
                Error::invalid("the prompt uses every character that Unicode reserves for programs")
            })?;
        let broken = contents
            .iter()
            .map(|content| broken(controls, content, mark));
        let prompt = render(broken.collect())?;

        // The engine's tokenizer cuts a text at its control tokens and encodes the pieces one by
        // one, and so does this; only that the marks are taken out of the pieces again.
        let piece = |text: &str| {
            if text.contains(mark) {
                self.encode_text(&text.replace(mark, ""))
            } else {
                encode(&self.tokenizer, text, false)
            }
        };
        let mut tokens = encode(&self.tokenizer, "", true)?;
        let mut from = 0;
        for found in controls.find_iter(&prompt) {
            tokens.extend(piece(prompt.get(from..found.start()).unwrap_or_default())?);
            tokens.extend(self.control_ids.get(found.pattern().as_usize()));
            from = found.end();
        }
        tokens.extend(piece(prompt.get(from..).unwrap_or_default())?);
        Ok(tokens)
    }
}

/// Whether a special token is one like `<|im_start|>` or `[INST]`, that means something to the
/// model. Others, such as runs of blanks in some vocabularies, are ordinary text.
fn is_control(text: &str) -> bool {
    text.len() > 2 && text.starts_with(['<', '[']) && text.ends_with(['>', ']'])
}

/// `content` with marks all through whatever looks like a control token.
fn broken(controls: &AhoCorasick, content: &str, mark: char) -> String {
    let mut out = String::with_capacity(content.len());
    controls.replace_all_with(content, &mut out, |_, found, out| {
        out.extend(found.chars().flat_map(|character| [character, mark]));
        true
    });
    out
}

fn encode(tokenizer: &Tokenizer, text: &str, add_special: bool) -> Result<Vec<u32>> {
    match tokenizer.encode_fast(text, add_special) {
        Ok(encoding) => Ok(encoding.get_ids().to_vec()),
        Err(error) => Err(Error::invalid("a text cannot be tokenised").with_source(error)),
    }
}

impl TokenCounter for Tokens {
    fn count(&self, text: &str) -> usize {
        // Byte-pair and unigram models encode every text; were one not to, its length in bytes is
        // more than its tokens.
        self.encode_text(text)
            .map_or(text.len(), |tokens| tokens.len())
    }

    fn is_exact(&self) -> bool {
        true
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("vocabulary", &self.tokenizer.get_vocab_size(true))
            .finish_non_exhaustive()
    }
}
