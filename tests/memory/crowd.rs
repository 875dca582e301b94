//! Many conversations at once in one process: one archive, one journal, and each turn is a run in it.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use catena::{
    Error, Journal, Run, RunId, RunOptions, RunStatus, SqliteJournal,
    agents::{MemoryChat, Message, Reply},
    memory::{Namespace, NamespaceId},
    models::ScriptedModel,
};
use futures::future::join_all;

use crate::support::{Bot, Purpose, model, purpose, shown};

const CONVERSATIONS: usize = 24;
const TURNS: usize = 6;
/// In this turn the model is away, at first, for whoever says so.
const AWAY: usize = 4;

struct Crowd {
    bot: Bot,
    journal: Arc<SqliteJournal>,
}

impl Crowd {
    async fn namespace(&self, who: usize) -> NamespaceId {
        let namespace = Namespace::new(format!("user {who}"), "bot", "sea");
        self.bot.memory.namespace(&namespace).await.unwrap()
    }

    async fn status(&self, run: &RunId) -> RunStatus {
        self.journal.load(run).await.unwrap().unwrap().0.status
    }

    /// A turn, from its beginning or from where it broke off.
    async fn turn(
        &self,
        of: NamespaceId,
        text: &str,
        resumed: Option<RunId>,
    ) -> (RunId, Result<Reply, Error>) {
        let model = Arc::new(self.bot.model.clone());
        let chat = MemoryChat::new(model, self.bot.memory.clone(), of).answer_tokens(40);
        let options = RunOptions::new("chat").journal(self.journal.clone());
        let options = match resumed {
            Some(run) => options.resume(run),
            None => options,
        };
        let run = Run::start(chat.build().unwrap(), Message::new(text), options);
        let id = run.id().clone();
        (id, run.outcome().await.map(|outcome| outcome.output))
    }

    /// A conversation up to its end, or to a turn that fails.
    async fn talk(&self, who: usize) -> Vec<(RunId, String)> {
        let of = self.namespace(who).await;
        let mut turns = Vec::new();
        for turn in 1..=TURNS {
            let text = said(who, turn);
            let (run, reply) = self.turn(of, &text, None).await;
            turns.push((run, text));
            match reply {
                Ok(reply) => {
                    assert_eq!(reply.turn, Some(turn as u64));
                    let mut recalled = reply.recall.activated.iter();
                    let own = format!("Secret {who} ");
                    assert!(recalled.all(|memory| memory.begins.starts_with(&own)));
                }
                Err(error) => {
                    assert!(is_cut_off(who) && turn == AWAY && error.is_retryable());
                    break;
                }
            }
        }
        turns
    }
}

fn is_cut_off(who: usize) -> bool {
    who.is_multiple_of(3)
}

fn said(who: usize, turn: usize) -> String {
    let away = if is_cut_off(who) && turn == AWAY {
        " away"
    } else {
        ""
    };
    format!("Secret {who} of day {turn}.{away} What did I tell of the secret?")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_turn_of_many_conversations_at_once_is_a_run_that_can_be_resumed() {
    let away = Arc::new(AtomicBool::new(true));
    let is_away = Arc::clone(&away);
    let inner = model(|_| "Noted.".to_owned());
    let profile = inner.profile().clone();
    let scripted = ScriptedModel::from_fn(move |request| {
        let last = &request.messages.last().unwrap().content;
        match purpose(request) {
            Purpose::Answer if last.contains(" away") && is_away.load(Ordering::SeqCst) => {
                Err(Error::unavailable("away"))
            }
            Purpose::Answer => Ok("Noted.".to_owned()),
            Purpose::Need => Ok("notes".to_owned()),
            Purpose::Enough => Ok("Yes".to_owned()),
            Purpose::Summary => Ok(shown(request).chars().take(40).collect()),
            Purpose::Facts => Ok("none".to_owned()),
        }
    })
    .with_profile(profile);
    let folder = tempfile::tempdir().unwrap();
    let crowd = Arc::new(Crowd {
        bot: Bot::new(scripted).await,
        journal: Arc::new(SqliteJournal::open(folder.path().join("runs.db")).unwrap()),
    });
    let talks = (0..CONVERSATIONS).map(|who| {
        let crowd = Arc::clone(&crowd);
        tokio::spawn(async move { crowd.talk(who).await })
    });
    let talks: Vec<_> = join_all(talks).await;
    let talks: Vec<_> = talks.into_iter().map(|talk| talk.unwrap()).collect();

    for (who, turns) in talks.iter().enumerate() {
        assert_eq!(turns.len(), if is_cut_off(who) { AWAY } else { TURNS });
        for (number, (run, _)) in turns.iter().enumerate() {
            let expected = match is_cut_off(who) && number + 1 == AWAY {
                true => RunStatus::Failed,
                false => RunStatus::Finished,
            };
            assert_eq!(crowd.status(run).await, expected);
        }
    }

    // Those that broke off go on, all at once too, with what their journal holds.
    away.store(false, Ordering::SeqCst);
    let calls = crowd.bot.model.calls();
    let cut_off = || talks.iter().enumerate().filter(|(who, _)| is_cut_off(*who));
    let resumed = cut_off().map(|(who, turns)| {
        let (run, text) = turns.last().unwrap();
        let crowd = &crowd;
        async move {
            let of = crowd.namespace(who).await;
            let (again, reply) = crowd.turn(of, text, Some(run.clone())).await;
            assert_eq!(&again, run);
            assert_eq!(reply.unwrap().turn, Some(AWAY as u64));
            assert_eq!(crowd.status(run).await, RunStatus::Finished);
        }
    });
    let resumed = join_all(resumed).await.len();
    let again = crowd.bot.model.requests();
    let again = again[calls..].iter().map(purpose);
    let (answers, others): (Vec<_>, Vec<_>) = again.partition(|one| *one == Purpose::Answer);
    assert_eq!(answers.len(), resumed, "no answer is asked for twice");
    assert!(!others.contains(&Purpose::Need), "{others:?}");
    for (who, _) in cut_off() {
        let of = crowd.namespace(who).await;
        let turns = crowd.bot.memory.archive().last_turns(of, 99).await.unwrap();
        assert_eq!(turns.len(), AWAY);
    }
}
