//! `catena memory`: what conversations remember.

mod consolidate;
mod embedder;
mod forget;
mod fresh;
mod index;
mod onnx;
mod open;
mod place;
mod read;
mod recorded;
mod show;
mod text;
mod transfer;

pub(crate) use embedder::embedder;
pub(crate) use forget::{Chosen, ELSEWHERE, choose, erase, is_elsewhere, is_yes, missing, told};
pub(crate) use fresh::Fresh;
pub(crate) use open::{namespace, open};
pub(crate) use place::{EmbedderChoice, IndexChoice, Place, check_name, item_id, moment};
pub(crate) use read::{READ, resume};
pub(crate) use recorded::{Conversation, RUN, Recorded};
pub(crate) use show::rated;
pub(crate) use text::{day, line, memories, one_line, whole};
pub(crate) use transfer::{export, exported, import, imported};

use crate::{
    args::{Memory, Whose},
    config::Config,
    failure::Failure,
};

/// What a command has to say that is interrupted.
pub(crate) fn interrupted(command: &Memory) -> &'static str {
    match command {
        Memory::List { .. }
        | Memory::Show { .. }
        | Memory::Forget { dry_run: true, .. }
        | Memory::Consolidate { dry_run: true, .. } => "nothing was changed",
        // It may be the question at which it is.
        Memory::Forget { yes: false, .. } => {
            "without a yes nothing was forgotten; behind one what was done is kept, and an index that lags is \
             brought up to date the next time"
        }
        _ => "what was done is kept; an index that lags is brought up to date the next time",
    }
}

pub(crate) async fn run(command: Memory, config: &Config) -> Result<(), Failure> {
    match command {
        Memory::List { archive, json } => show::list(&archive, json, config).await,
        Memory::Show {
            conversation,
            whose,
            which,
            current,
            turns,
            facts,
            limit,
            archive,
            json,
        } => {
            let namespace = namespace(&whose, &conversation, config)?;
            let filter = show::filter(&which, current, turns, facts);
            show::show(&archive, &namespace, &filter, limit, json, config).await
        }
        Memory::Search {
            text,
            of,
            words,
            limit,
            store,
            json,
        } => {
            let namespace = namespace(&of.whose, &of.conversation, config)?;
            let query = show::Wanted { text, words, limit };
            show::search(&store, &namespace, query, json, config).await
        }
        Memory::Forget {
            ids,
            which,
            all,
            of,
            yes,
            dry_run,
            store,
            journal,
            json,
        } => {
            let chosen = Chosen::of(ids, &which, all)?;
            let namespace = namespace(&of.whose, &of.conversation, config)?;
            let asking = forget::Asking { yes, dry_run, json };
            forget::forget(&store, &journal, &namespace, &chosen, asking, config).await
        }
        Memory::Read(args) => read::read(args, config).await,
        Memory::Export {
            conversation,
            user,
            bot,
            all,
            output,
            archive,
        } => {
            let whose = Whose { user, bot };
            let which = match all {
                true => transfer::Which::everything(),
                false => transfer::Which::of(whose, conversation, config)?,
            };
            transfer::write(&archive, &which, output.as_deref(), config).await
        }
        Memory::Import {
            file,
            conversation,
            whose,
            store,
            json,
        } => {
            let namespace = transfer::target(&whose, conversation.as_deref(), config)?;
            transfer::read(&store, &file, namespace.as_ref(), json, config).await
        }
        Memory::Check { store, json } => index::check(&store, json, config).await,
        Memory::Reindex { store, json } => index::reindex(&store, json, config).await,
        Memory::Consolidate {
            of,
            dry_run,
            store,
            json,
        } => {
            let namespace = namespace(&of.whose, &of.conversation, config)?;
            consolidate::consolidate(&store, &namespace, dry_run, json, config).await
        }
        Memory::Move { to, store, json } => index::relocate(&store, &to, json, config).await,
    }
}
