//! The verdict on a subsection; the best version is kept.

use async_trait::async_trait;
use catena_core::{Agent, Context, Result};

use super::{
    super::{
        ExaminerAgent, PatentFlow,
        craft::Craft,
        examine::problems,
        paper,
        types::{Examination, Verdict},
    },
    Piecework,
};

pub(super) struct Examine {
    pub(super) craft: Craft,
    pub(super) examiner: ExaminerAgent,
}

#[async_trait]
impl Agent for Examine {
    type Input = Piecework;
    type Output = Piecework;

    async fn run(&self, mut work: Piecework, cx: &Context) -> Result<Piecework> {
        if self.craft.flow == PatentFlow::Paper {
            work.verdict = paper::review(&self.craft, &work, cx).await?;
            work.done = paper::is_done(&work);
            return Ok(work);
        }
        // An approval would change nothing, so none is asked for.
        if self.craft.rounds == 0 {
            work.done = true;
            return Ok(work);
        }
        // No edit could be applied: the verdict on it is known.
        if work
            .best
            .as_ref()
            .is_some_and(|(text, _)| *text == work.text)
        {
            work.done = true;
            return Ok(work);
        }
        let examination = work.examination();
        let verdict = self.examiner.run(examination.clone(), cx).await?;
        let better = match &work.best {
            None => true,
            Some((text, before)) => {
                let of = |text: &str, verdict: &Option<Verdict>| {
                    let fails = verdict.as_ref().map_or(6, |verdict| verdict.fails.len());
                    let examination = Examination {
                        text: text.to_owned(),
                        ..examination.clone()
                    };
                    (fails, problems(&examination, &self.craft.guide).len())
                };
                of(&work.text, &verdict) < of(text, before)
            }
        };
        let passes = verdict.as_ref().is_some_and(Verdict::passes);
        let silent = verdict.is_none();
        if better {
            work.best = Some((work.text.clone(), verdict));
        }
        if let Some((text, verdict)) = &work.best {
            work.text.clone_from(text);
            work.verdict.clone_from(verdict);
        }
        work.done = passes || silent || work.rounds >= self.craft.rounds;
        Ok(work)
    }
}
