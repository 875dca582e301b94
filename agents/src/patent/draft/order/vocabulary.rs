//! The words of orders.

/// What an order does to the instructions that stand above it, and these.
pub(super) const UNDO: &[&str] = &[
    "ignore",
    "disregard",
    "forget",
    "override",
    "bypass",
    "discard",
    "skip",
    "neglect",
];
pub(super) const INSTRUCTIONS: &[&str] = &[
    "instruction",
    "instructions",
    "prompt",
    "prompts",
    "rules",
    "guidelines",
    "directions",
    "above",
    "previous",
    "prior",
    "preceding",
    "earlier",
    "everything",
    "told",
];
/// What else only who reads a prompt can ignore: a machine may discard its material.
pub(super) const MATERIAL: &[&str] = &[
    "draft",
    "drafts",
    "notes",
    "said",
    "asked",
    "question",
    "questions",
];
pub(super) const IGNORE: &[&str] = &["ignore", "disregard", "forget"];
/// What a model is told not to do with its instructions.
pub(super) const FOLLOW: &[&str] = &["follow", "obey", "heed", "observe"];
/// What follows the verb at once: "skip prior art" names a thing, "skip the above" points back.
pub(super) const POINTERS: &[&str] = &[
    "all",
    "any",
    "the",
    "every",
    "everything",
    "previous",
    "prior",
    "above",
    "your",
    "my",
    "these",
    "those",
    "this",
    "earlier",
    "preceding",
    "instructions",
    "what",
    "whatever",
];

/// What only who writes can do.
pub(super) const WRITE: &[&str] = &[
    "write",
    "rewrite",
    "answer",
    "reply",
    "respond",
    "say",
    "translate",
    "compose",
    "phrase",
    "rephrase",
    "speak",
    "rhyme",
    "summarize",
    "summarise",
    "describe",
    "discuss",
    "praise",
    "promote",
    "advertise",
];
/// What also a machine does, and with more than words.
pub(super) const HANDLE: &[&str] = &[
    "begin", "start", "end", "finish", "insert", "append", "add", "replace", "delete", "remove",
    "omit", "skip", "leave", "use", "make", "put", "mention", "include", "output", "print",
    "generate", "produce", "reveal", "show", "quote", "tell", "repeat", "return", "give", "stop",
    "keep", "call",
];

/// What makes one thing into another.
pub(super) const ALTER: &[&str] = &[
    "change", "set", "rename", "turn", "convert", "edit", "modify",
];
pub(super) const INTO: &[&str] = &["to", "into", "as"];

/// What is written here, and nowhere else.
pub(super) const DOCUMENT: &[&str] = &[
    "claims",
    "claim",
    "abstract",
    "patent",
    "poem",
    "poems",
    "song",
    "haiku",
    "limerick",
    "rhyme",
    "rhymes",
    "rhyming",
    "verse",
    "joke",
    "jokes",
    "emoji",
    "emojis",
    "prompt",
    "instructions",
    "french",
    "german",
    "spanish",
    "italian",
    "portuguese",
    "dutch",
    "russian",
    "chinese",
    "japanese",
    "korean",
    "arabic",
    "latin",
    "english",
    "pirate",
    "uppercase",
    "lowercase",
    "caps",
];
/// Its parts; of a pipe there are sections too.
pub(super) const PARTS: &[&str] = &[
    "title",
    "summary",
    "background",
    "description",
    "section",
    "sections",
    "subsection",
    "subsections",
    "paragraph",
    "paragraphs",
];
/// Those of them that no machine has.
pub(super) const PIECES: &[&str] = &["title", "summary", "background", "description"];
/// What is written down, and what one may also do with it in a machine.
pub(super) const TEXT: &[&str] = &[
    "draft",
    "answer",
    "answers",
    "reply",
    "response",
    "word",
    "words",
    "sentence",
    "sentences",
    "text",
    "document",
    "only",
    "nothing",
];
/// What only a writer is told that it must be.
pub(super) const WRITTEN: &[&str] = &["claim", "claims", "abstract", "patent"];
pub(super) const MUST: &[&str] = &["must", "should", "shall"];

/// What stands before an order and its comma: "From now on, answer in French".
pub(super) const OPENINGS: &[&[&str]] = &[
    &["from", "now", "on"],
    &["from", "here", "on"],
    &["from", "this", "point", "on"],
    &["henceforth"],
    &["instead"],
    &["in", "the", "patent"],
    &["in", "all", "sections"],
    &["in", "every", "section"],
];
/// What stands before a word that is given.
pub(super) const WORDS: &[&str] = &["word", "words", "phrase"];

/// What stands before an order's verb, at its beginning.
pub(super) const COURTESY: &[&str] = &[
    "please", "now", "and", "then", "instead", "also", "always", "just", "only", "never", "not",
    "don't", "do", "kindly", "bitte", "veuillez",
];
/// What stands between "you" and what is to be done.
pub(super) const BETWEEN: &[&str] = &[
    "must", "should", "shall", "will", "can", "could", "would", "may", "have", "need", "are", "to",
    "please", "now", "also", "then", "always", "only", "just", "never", "not", "instead",
];

/// Orders in other languages begin with these: the notes themselves are in English.
pub(super) const FOREIGN: &[&str] = &[
    "ignoriere",
    "ignorieren",
    "missachte",
    "vergiss",
    "vergessen",
    "schreibe",
    "schreib",
    "schreiben",
    "antworte",
    "antworten",
    "übersetze",
    "ignorez",
    "écrire",
    "répondre",
    "ignorer",
    "traduire",
    "oublie",
    "oubliez",
    "écris",
    "écrivez",
    "réponds",
    "répondez",
    "traduis",
    "traduisez",
    "ignora",
    "olvida",
    "olvide",
    "escribe",
    "escriba",
    "responde",
    "responda",
    "ignorare",
    "dimentica",
    "scrivi",
    "rispondi",
    "esqueça",
    "escreva",
    "игнорируй",
    "игнорируйте",
    "забудь",
    "забудьте",
];
/// The same where words are not parted.
pub(super) const UNPARTED: &[&str] = &["忽略", "无视", "無視", "忘记"];

/// What is said to a model and to nobody else.
pub(super) const PHRASES: &[&str] = &[
    "you are now",
    "you are a",
    "you are an",
    "you must now",
    "as an ai",
    "as a language model",
    "your instructions",
    "your task is",
    "your new task",
    "your answer",
    "your response",
    "your reply",
    "reply only with",
    "respond only with",
    "answer only with",
    "write only the word",
    "do not follow the",
    "do not write a patent",
    "from now on you",
    "from now on, you",
    "end of material",
    "end of the material",
    "end of prompt",
    "end of the prompt",
    "end of instructions",
    "end of the instructions",
    "<|im_start|>",
    "<|im_end|>",
    "[inst]",
    "[/inst]",
];
/// What an order begins with, and what an invention does too: fins act as a heat sink, a processor fetches new
/// instructions.
pub(super) const BEGINNINGS: &[&[&str]] = &[
    &["respond", "with"],
    &["output", "only"],
    &["act", "as", "a"],
    &["act", "as", "an"],
    &["pretend", "to", "be"],
    &["system", "message"],
    &["new", "instructions"],
];

/// The Latin letter that a letter looks like, and whether it is that letter wherever it stands, not only
/// among Latin ones: wide letters are nothing else.
pub(super) fn latin(letter: char) -> Option<(char, bool)> {
    let wide = u32::from(letter)
        .checked_sub(0xfee0)
        .and_then(char::from_u32)
        .filter(|c| c.is_ascii_graphic());
    if let Some(letter) = wide {
        return Some((letter, true));
    }
    let looks = match letter {
        // Cyrillic, then Greek.
        'а' | 'α' => 'a',
        'А' | 'Α' => 'A',
        'В' | 'Β' => 'B',
        'с' | 'ϲ' => 'c',
        'С' | 'Ϲ' => 'C',
        'ԁ' => 'd',
        'е' | 'ҽ' => 'e',
        'Е' | 'Ε' => 'E',
        'һ' => 'h',
        'Н' | 'Η' => 'H',
        'і' | 'ι' => 'i',
        'І' | 'Ι' => 'I',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'К' | 'Κ' => 'K',
        'М' | 'Μ' => 'M',
        'Ν' => 'N',
        'о' | 'ο' => 'o',
        'О' | 'Ο' => 'O',
        'р' | 'ρ' => 'p',
        'Р' | 'Ρ' => 'P',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'Ѕ' => 'S',
        'т' | 'τ' => 't',
        'Т' | 'Τ' => 'T',
        'υ' => 'u',
        'ν' => 'v',
        'ԝ' => 'w',
        'х' | 'χ' => 'x',
        'Х' | 'Χ' => 'X',
        'у' | 'γ' => 'y',
        'У' | 'Υ' => 'Y',
        _ => return None,
    };
    Some((looks, false))
}
