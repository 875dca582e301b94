//! Questions to a person.

use serde::{Serialize, de::DeserializeOwned};

use super::{Context, call::Begun};
use crate::{Effect, Error, EventKind, Fingerprint, Interrupt, Result, Usage};

impl Context {
    /// Asks a person and gives the answer, checked to be an `A`.
    ///
    /// The first time there is no answer: the call fails with an error that
    /// [`is_interrupted`](Error::is_interrupted), the agent should let it pass, and the run ends
    /// when all that does not depend on the answer is done. Resumed with
    /// [`RunOptions::answer`](crate::RunOptions::answer), the run comes here again and goes on.
    /// `name` tells the questions of a node apart; with the node's path it is the question's id.
    ///
    /// # Errors
    ///
    /// - [`is_interrupted`](Error::is_interrupted): it was not answered yet.
    /// - [`is_invalid`](Error::is_invalid): the answer is no `A`, and the question stays open; or
    ///   the node asked by that name before, or the question cannot be written as JSON.
    /// - [`is_journal`](Error::is_journal) and [`is_divergence`](Error::is_divergence).
    ///
    /// # Example: stop for approval, and go on
    ///
    /// ```
    /// use std::sync::Arc;
    /// use catena_core::{Context, Journal, MemoryJournal, Result, Run, RunOptions, agent};
    ///
    /// async fn publish(text: String, cx: Context) -> Result<String> {
    ///     let good: bool = cx.interrupt("good", &text).await?;
    ///     Ok(if good { text } else { "(withdrawn)".to_owned() })
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<()> {
    /// let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::new());
    /// let options = || RunOptions::new("publish").journal(journal.clone());
    ///
    /// let run = Run::start(agent(publish), "a poem".to_owned(), options());
    /// let id = run.id().clone();
    /// let waits = run.outcome().await.unwrap_err();
    /// assert!(waits.is_interrupted());
    /// assert_eq!(waits.interrupts()[0].id, "publish:good");
    /// assert_eq!(waits.interrupts()[0].question, "a poem");
    ///
    /// let options = options().resume(id).answer("publish:good", true);
    /// let run = Run::start(agent(publish), "a poem".to_owned(), options);
    /// assert_eq!(run.outcome().await?.output, "a poem");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn interrupt<A: DeserializeOwned>(
        &self,
        name: &str,
        question: &impl Serialize,
    ) -> Result<A> {
        self.name_question(name)?;
        let question = serde_json::to_value(question).map_err(|error| {
            Error::invalid(format!("the question '{name}' cannot be written as JSON"))
                .with_source(error)
                .at(self.path())
        })?;
        let fingerprint = Fingerprint::new(
            "a person",
            &[
                ("the question's name", name.as_bytes()),
                ("the question", question.to_string().as_bytes()),
            ],
        );
        // Side by side, also when a node asks several questions at once.
        let asks = self.next_calls(2);
        let interrupt = match self.begin_as(asks, fingerprint.clone(), None).await? {
            Begun::Replayed(Effect::Question(interrupt)) => interrupt,
            Begun::Replayed(other) => return Err(self.unlike(&other)),
            Begun::Live(call) => {
                let interrupt = Interrupt::new::<A>(self.path(), name, question);
                let effect = Effect::Question(interrupt.clone());
                call.finish(effect, Usage::default()).await?;
                interrupt
            }
        };
        self.emit(EventKind::Interrupted {
            interrupt: interrupt.clone(),
        });
        match self.begin_as(asks + 1, fingerprint, None).await? {
            Begun::Replayed(Effect::Answer(answer)) => self.read(&interrupt, answer),
            Begun::Replayed(other) => Err(self.unlike(&other)),
            Begun::Live(call) => {
                let Some(answer) = self.run.answers.get(&interrupt.id).cloned() else {
                    return Err(self.unanswered(interrupt));
                };
                let read = self.read(&interrupt, answer.clone())?;
                call.finish(Effect::Answer(answer), Usage::default())
                    .await?;
                Ok(read)
            }
        }
    }

    /// Notes that a question of that name is asked.
    fn name_question(&self, name: &str) -> Result<()> {
        let mut asked = self.node.asked();
        if name.is_empty() || asked.iter().any(|other| other == name) {
            return Err(Error::invalid(format!(
                "a question of a node needs a name of its own, and '{name}' is none"
            ))
            .with_help("number them: \"approve 1\", \"approve 2\"")
            .at(self.path()));
        }
        asked.push(name.to_owned());
        Ok(())
    }

    fn read<A: DeserializeOwned>(
        &self,
        interrupt: &Interrupt,
        answer: serde_json::Value,
    ) -> Result<A> {
        serde_json::from_value(answer).map_err(|error| {
            Error::wrong_answer(format!(
                "the answer to '{}' is no {}: {error}",
                interrupt.id, interrupt.answer
            ))
            .with_help("the question is still open: resume the run with another answer")
            .with_source(error)
            .at(self.path())
        })
    }

    fn unanswered(&self, interrupt: Interrupt) -> Error {
        let error = Error::interrupted(vec![interrupt]).at(self.path());
        match self.run.journal {
            Some(_) => error,
            None => error.with_help("a run that asks needs a journal, to be resumed from"),
        }
    }
}
