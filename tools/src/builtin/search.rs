//! Searching in documents by words.

use std::{collections::HashMap, ops::Range};

use async_trait::async_trait;
use catena_core::{Context, Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Document, Tool, words};

/// The tool `search_documents`: finds the passages of documents that share the rarest words with a
/// query (BM25), and quotes them with their places.
///
/// It searches words and no meanings, and tells the model so. The documents and an index of their words
/// are held in memory.
///
/// # Example
///
/// ```
/// use catena_tools::{Document, SearchDocuments, Toolbox};
///
/// let documents = vec![Document::new("tom.txt", "Old Tom kept the key in a blue teapot.")];
/// let tools = Toolbox::new().with(SearchDocuments::new(documents))?;
/// # Ok::<(), catena_core::Error>(())
/// ```
#[derive(Debug)]
pub struct SearchDocuments {
    documents: Vec<Document>,
    passages: Vec<Passage>,
    /// For each word the passages that have it, and how often.
    index: HashMap<String, Vec<(usize, u32)>>,
    /// The mean number of words of a passage.
    mean: f64,
}

/// What [`SearchDocuments`] is called with.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SearchArguments {
    /// Words that the passages are likely to contain.
    pub query: String,
    /// The most passages to quote, up to 20. Default: 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub results: Option<usize>,
}

#[derive(Debug)]
struct Passage {
    document: usize,
    bytes: Range<usize>,
    words: u32,
}

/// Bytes of a passage: sentences are joined until there are so many.
const PASSAGE: usize = 400;

/// How fast a word counts less the more often it comes, and how much long passages are held against
/// them: the customary values.
const K1: f64 = 1.2;
const B: f64 = 0.75;

impl SearchDocuments {
    /// Over these documents, which are indexed here.
    pub fn new(documents: Vec<Document>) -> Self {
        let mut search = Self {
            documents: Vec::new(),
            passages: Vec::new(),
            index: HashMap::new(),
            mean: 1.0,
        };
        for (number, document) in documents.iter().enumerate() {
            for bytes in passages(document) {
                search.add(number, document, bytes);
            }
        }
        let total: u64 = search.passages.iter().map(|p| u64::from(p.words)).sum();
        search.mean = (total as f64 / search.passages.len().max(1) as f64).max(1.0);
        search.documents = documents;
        search
    }

    fn add(&mut self, number: usize, document: &Document, bytes: Range<usize>) {
        let text = document.text.get(bytes.clone()).unwrap_or_default();
        let passage = self.passages.len();
        let mut count = 0;
        for word in words(text) {
            count += 1;
            let places = self.index.entry(word).or_default();
            match places.last_mut() {
                Some((last, times)) if *last == passage => *times += 1,
                _ => places.push((passage, 1)),
            }
        }
        self.passages.push(Passage {
            document: number,
            bytes,
            words: count,
        });
    }

    /// The best passages, the best first.
    fn find(&self, query: &str, results: usize) -> Vec<&Passage> {
        let mut wanted: Vec<String> = words(query).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let total = self.passages.len() as f64;
        let mut scores: HashMap<usize, f64> = HashMap::new();
        for word in &wanted {
            let Some(places) = self.index.get(word) else {
                continue;
            };
            let known = places.len() as f64;
            let rarity = (1.0 + (total - known + 0.5) / (known + 0.5)).ln();
            for (passage, times) in places {
                let words = self.passages.get(*passage).map_or(0, |p| p.words);
                let times = f64::from(*times);
                let length = 1.0 - B + B * f64::from(words) / self.mean;
                let score = rarity * times * (K1 + 1.0) / (times + K1 * length);
                *scores.entry(*passage).or_default() += score;
            }
        }
        let mut scored: Vec<(usize, f64)> = scores.into_iter().collect();
        scored.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        let best = scored.into_iter().take(results);
        best.filter_map(|(passage, _)| self.passages.get(passage))
            .collect()
    }

    /// A passage as the model reads it: its place and its words.
    fn quote(&self, passage: &Passage) -> Option<String> {
        let document = self.documents.get(passage.document)?;
        let text = document.text.get(passage.bytes.clone())?;
        let start = passage.bytes.start + text.len() - text.trim_start().len();
        let line = document.line_of(start);
        let quote = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Some(format!("{}, line {line}: {quote}", document.name))
    }
}

/// The passages of a document: whole sentences or lines, until there are enough of them.
fn passages(document: &Document) -> Vec<Range<usize>> {
    let mut passages: Vec<Range<usize>> = Vec::new();
    for piece in document.kind.pieces(&document.text) {
        match passages.last_mut() {
            Some(last) if piece.end - last.start <= PASSAGE => last.end = piece.end,
            _ => passages.push(piece),
        }
    }
    passages
}

#[async_trait]
impl Tool for SearchDocuments {
    type Arguments = SearchArguments;
    type Output = String;

    fn name(&self) -> &str {
        "search_documents"
    }

    fn description(&self) -> &str {
        "Finds passages of the documents that contain the words of a query, with their places. Use \
         the words that the text itself would use."
    }

    fn repeatable(&self) -> bool {
        true
    }

    async fn call(&self, arguments: SearchArguments, _cx: &Context) -> Result<String> {
        if words(&arguments.query).next().is_none() {
            return Err(Error::invalid("the query has no words to look for")
                .with_help("name things, persons or places"));
        }
        let found = self.find(
            &arguments.query,
            arguments.results.unwrap_or(5).clamp(1, 20),
        );
        let quotes: Vec<String> = found.iter().filter_map(|found| self.quote(found)).collect();
        match quotes.is_empty() {
            true => Ok("No passage contains any of these words. Try others.".to_owned()),
            false => Ok(quotes.join("\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> SearchDocuments {
        let filler = "The sea was calm and the boats lay still in the harbour. ".repeat(20);
        let text = format!("{filler}\nOld Tom kept the lighthouse key\nin a blue teapot. {filler}");
        let code = Document {
            kind: crate::DocumentKind::Code,
            ..Document::new("a.rs", "fn key() {}\nfn other() {}\n")
        };
        SearchDocuments::new(vec![Document::new("tom.txt", text), code])
    }

    fn quotes(query: &str, results: usize) -> Vec<String> {
        let search = search();
        let found = search.find(query, results);
        found.iter().filter_map(|p| search.quote(p)).collect()
    }

    #[test]
    fn the_passage_with_the_rarest_words_comes_first_with_its_place() {
        let found = quotes("Where is the teapot in the harbour?", 3);
        assert_eq!(found.len(), 3);
        assert!(found[0].contains("in a blue teapot."), "{found:?}");
        assert!(found[0].starts_with("tom.txt, line "), "{found:?}");
        assert_eq!(
            quotes("other", 5),
            ["a.rs, line 1: fn key() {} fn other() {}"]
        );
    }

    #[test]
    fn what_no_passage_holds_is_not_found() {
        assert!(quotes("Zanzibar", 5).is_empty());
        assert!(quotes("the of and", 5).is_empty());
        assert!(SearchDocuments::new(Vec::new()).find("key", 5).is_empty());
    }

    #[test]
    fn passages_are_the_document() {
        let search = search();
        let text: String = search
            .passages
            .iter()
            .filter(|passage| passage.document == 0)
            .map(|passage| &search.documents[0].text[passage.bytes.clone()])
            .collect();
        assert_eq!(text, search.documents[0].text);
    }
}
