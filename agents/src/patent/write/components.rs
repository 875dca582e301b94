//! The five component writers: title, abstract, background, summary, claims.

use async_trait::async_trait;
use catena_core::{Agent, Context, Prompt, Result, sentences};
use catena_tools::Document;
use serde::{Deserialize, Serialize};

use super::{
    super::{Draft, Question, check::words},
    PatentFlow, PatentLength,
    book::Book,
    claims,
    craft::{Craft, fell_back, left_out},
    ground::{Ground, is_central},
    paper, prose,
    types::{PatentPiece, Source},
    work::{NOTE, Piece},
};

/// What title, abstract, summary, claims and plan are written from: the same passages for all, first in
/// their prompts, so that a prefix cache reads them once.
pub(super) const MATERIAL: [Question; 3] =
    [Question::KeyPoints, Question::Solution, Question::Problem];

/// Tokens that are left for an answer beside these passages.
pub(super) const ROOM: u32 = 500;

/// What a component is written from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) piece: PatentPiece,
    pub(super) draft: Draft,
    pub(super) references: Vec<Document>,
}

#[derive(Clone)]
pub(super) struct ComponentWriter {
    pub(super) craft: Craft,
}

#[derive(Serialize)]
struct Variables<'a> {
    material: &'a str,
    words: usize,
}

#[async_trait]
impl Agent for ComponentWriter {
    type Input = Job;
    type Output = Piece;

    async fn run(&self, job: Job, cx: &Context) -> Result<Piece> {
        let piece = match self.craft.flow {
            PatentFlow::Paper => paper::component(&self.craft, &job, cx).await?,
            _ => self.write(&job, cx).await?,
        };
        cx.note(NOTE, &piece);
        Ok(piece)
    }
}

impl ComponentWriter {
    async fn write(&self, job: &Job, cx: &Context) -> Result<Piece> {
        use Question::{Background, KeyPoints, Problem, Solution};
        let (craft, prompts) = (&self.craft, &*self.craft.prompts);
        let book = Book::of(&job.draft, &[], &job.references, craft.orders);
        Ok(match job.piece {
            PatentPiece::Title => {
                let answer = self
                    .ask(job, &book, &MATERIAL, &prompts.title, 48, cx)
                    .await?;
                // Two sentences are no title, nor are the words of the question.
                let first = answer.split(". ").next().unwrap_or_default();
                let ground = Ground::of_draft(&job.draft);
                Piece::Title(match title(first, craft.guide.title_words) {
                    title
                        if !title.is_empty()
                            && is_central(&job.draft, &title)
                            && !ground.is_foreign(&title) =>
                    {
                        title
                    }
                    _ => {
                        fell_back(cx, &job.piece, "the answer says nothing of the invention");
                        title_of(&job.draft)
                    }
                })
            }
            PatentPiece::Abstract => {
                let answer = self
                    .ask(job, &book, &MATERIAL, &prompts.abstract_text, 240, cx)
                    .await?;
                let text = self.or_draft(job, answer, &[KeyPoints, Solution], cx);
                let text = prose::one_paragraph(&text);
                Piece::Abstract(prose::first_words(&text, craft.guide.abstract_words))
            }
            PatentPiece::Background => {
                let order = [Background, Problem];
                let tokens = component_tokens(craft.length);
                let answer = self
                    .ask(job, &book, &order, &prompts.background, tokens, cx)
                    .await?;
                Piece::Background(self.or_draft(job, answer, &order, cx))
            }
            PatentPiece::Summary => {
                let tokens = component_tokens(craft.length);
                let answer = self
                    .ask(job, &book, &MATERIAL, &prompts.summary, tokens, cx)
                    .await?;
                Piece::Summary(self.or_draft(job, answer, &[KeyPoints, Solution], cx))
            }
            _ => Piece::Claims(claims::write(&self.craft, job, &book, cx).await?),
        })
    }

    /// The answer to a prompt over the passages of some answers, in the order of their weight.
    async fn ask(
        &self,
        job: &Job,
        book: &Book,
        order: &[Question],
        prompt: &Prompt,
        tokens: u32,
        cx: &Context,
    ) -> Result<String> {
        let craft = &self.craft;
        let tokens = craft.tokens(tokens);
        let background = job.piece == PatentPiece::Background;
        let passages = material(book, order, background);
        let words = match job.piece {
            PatentPiece::Title => craft.guide.title_words,
            // Some less than are allowed: models count badly.
            PatentPiece::Abstract => craft.guide.abstract_words * 4 / 5,
            _ => usize::try_from(tokens).unwrap_or(usize::MAX) * 6 / 10,
        };
        // Room for the longest answer: then all prompts have the same passages.
        let room = craft.tokens(ROOM).max(tokens);
        let (messages, left) = craft.fitted(&passages, room, |material| {
            prompt.render(&Variables { material, words })
        })?;
        left_out(cx, &job.piece, left);
        let answer = craft.text(cx, messages, tokens, 0.0).await?;
        Ok(match job.piece {
            PatentPiece::Title => answer.text,
            PatentPiece::Background => prior(&prose::clean(&answer.text, answer.cut)),
            _ => prose::clean(&answer.text, answer.cut),
        })
    }

    /// The text, or what the inventor wrote where it says nothing.
    fn or_draft(&self, job: &Job, text: String, order: &[Question], cx: &Context) -> String {
        if prose::is_said(&text) {
            return text;
        }
        fell_back(cx, &job.piece, "the answer says nothing");
        let book = Book::of(&job.draft, &[], &[], self.craft.orders);
        let all = [order, &Question::ALL].concat();
        all.iter()
            .map(|question| {
                let texts = of_answer(&book, *question).map(|(_, text)| text);
                prose::clean(&texts.collect::<Vec<_>>().join("\n\n"), false)
            })
            .find(|text| !text.is_empty())
            .unwrap_or_default()
    }
}

/// The most tokens of background and summary.
fn component_tokens(length: PatentLength) -> u32 {
    (length.tokens + length.tokens / 4).clamp(120, 700)
}

/// A background without sentences about the invention, which may be read as admissions that it is known;
/// whole if nothing else is in it.
fn prior(text: &str) -> String {
    let about = |sentence: &str| {
        let lower = sentence.to_lowercase();
        [
            "present invention",
            "present disclosure",
            "this disclosure",
            "the invention would",
            "the invention aims",
            "the invention provides",
            "the invention solves",
        ]
        .iter()
        .any(|phrase| lower.contains(phrase))
    };
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| {
            let mut gone = false;
            let kept: Vec<&str> = sentences(paragraph)
                .filter_map(|range| paragraph.get(range))
                .map(str::trim)
                .filter(|sentence| {
                    gone = about(sentence) || gone && prose::leans(sentence);
                    !gone
                })
                .collect();
            kept.join(" ")
        })
        .filter(|paragraph| !paragraph.is_empty())
        .collect();
    match paragraphs.is_empty() {
        true => text.to_owned(),
        false => paragraphs.join("\n\n"),
    }
}

/// The passages of some answers, those of the first answer first, with their places in the book; and
/// those of the references that are nearest to them.
pub(super) fn material<'a>(
    book: &'a Book,
    order: &[Question],
    references: bool,
) -> Vec<(usize, &'a str)> {
    let mut found: Vec<(usize, &str)> = order
        .iter()
        .flat_map(|question| of_answer(book, *question))
        .collect();
    if references {
        let query: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
        let near = book.search(&query.join(" ")).into_iter().filter_map(|at| {
            let passage = book.passages.get(at)?;
            matches!(passage.source, Source::Reference { .. }).then_some((at, &*passage.text))
        });
        found.extend(near.take(6));
    }
    found
}

fn of_answer(book: &Book, question: Question) -> impl Iterator<Item = (usize, &str)> {
    book.passages
        .iter()
        .enumerate()
        .filter(move |(_, passage)| {
            matches!(&passage.source, Source::Answer { question: own, .. } if *own == question)
        })
        .map(|(at, passage)| (at, &*passage.text))
}

/// A title of at most so many words: what is longer ends before its last preposition that fits.
pub(super) fn title(answer: &str, most: usize) -> String {
    let line = prose::line(answer, "Title");
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.len() <= most {
        return line;
    }
    const ENDS: &[&str] = &[
        "for", "with", "having", "of", "in", "to", "and", "using", "that", "which", "by",
    ];
    let fits = words.get(..most).unwrap_or(&words);
    let end = fits
        .iter()
        .rposition(|word| ENDS.contains(&word.to_lowercase().as_str()))
        .filter(|at| *at >= 3)
        .unwrap_or(fits.len());
    let kept = fits.get(..end).unwrap_or(fits).join(" ");
    kept.trim_end_matches([',', ';', ':']).to_owned()
}

/// What the solution says that it is of: `The cup has a foot` is of a cup.
pub(super) fn whole_of(draft: &Draft) -> Option<String> {
    let solution = draft.answer(Question::Solution);
    let first = solution.get(sentences(solution).next()?)?;
    let found = words(first);
    let verb = found
        .iter()
        .take(8)
        .position(|word| word.is(&["has", "comprises", "includes", "consists", "contains"]))?;
    let (article, last) = (found.first()?, found.get(verb.checked_sub(1)?)?);
    let name = first.get(article.end()..last.end())?.trim();
    // "The present invention includes" names nothing.
    const NO_NAMES: &[&str] = &[
        "invention",
        "disclosure",
        "solution",
        "device",
        "system",
        "apparatus",
        "assembly",
        "unit",
        "machine",
        "method",
        "process",
    ];
    let several = name.contains(' ') && !name.contains("invention") && !name.contains("disclosure");
    let named = !name.is_empty()
        && (several || !last.is(NO_NAMES))
        && found
            .iter()
            .take(verb)
            .skip(1)
            .all(|word| !word.after_punctuation);
    (article.is(&["the", "a", "an"]) && named).then(|| name.to_owned())
}

/// A title from the draft alone: what its solution is of, or the first thing that its key points or its
/// solution introduce.
pub(super) fn title_of(draft: &Draft) -> String {
    let named = [Question::KeyPoints, Question::Solution, Question::Problem]
        .into_iter()
        .find_map(|question| {
            super::super::check::introduced(draft.answer(question))
                .into_iter()
                .next()
        });
    whole_of(draft)
        .or(named)
        .unwrap_or_else(|| "Arrangement".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_background_is_about_what_was_before() {
        assert_eq!(
            prior(
                "Cups tip. The present invention stands. It is wide.\n\nThe present invention is a cup.\n\nMugs too."
            ),
            "Cups tip.\n\nMugs too."
        );
        assert_eq!(
            prior("The present invention is."),
            "The present invention is."
        );
    }

    #[test]
    fn a_title_is_short() {
        assert_eq!(title("**Title:** A Cup.", 15), "A Cup");
        assert_eq!(
            title("One two three four for five six and seven", 7),
            "One two three four"
        );
        assert_eq!(title("One two three four", 3), "One two three");
        assert_eq!(title("\n", 3), "");
    }

    #[test]
    fn a_solution_is_of_something() {
        let of = |solution: &str| whole_of(&Draft::new(["", "", solution, "", ""]).unwrap());
        assert_eq!(
            of("The flower pot has a wick. It is dry."),
            Some("flower pot".into())
        );
        assert_eq!(of("The present invention includes a pot."), None);
        assert_eq!(of("The device has an arm."), None);
        assert_eq!(of("A base carries an arm."), None);
        assert_eq!(of(""), None);
    }
}
