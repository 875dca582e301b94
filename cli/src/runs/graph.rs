//! `catena runs graph`.

use catena_core::{Journal, Shape};

use super::found;
use crate::{
    args::{Picture, Which},
    failure::Failure,
    terminal::print,
};

pub(super) async fn graph(which: &Which, format: Picture, plain: bool) -> Result<(), Failure> {
    let (journal, id) = found(which).await?;
    let loaded = journal.load(&id).await?;
    let shape: Shape = loaded
        .and_then(|(record, _)| record.shape)
        .ok_or_else(|| Failure::new(format!("run {id} is no run of a graph")))?;
    let picture = match (format, plain) {
        (Picture::Mermaid, true) => shape.mermaid(),
        (Picture::Dot, true) => shape.dot(),
        (Picture::Mermaid, false) => shape.mermaid_of(&journal.events(&id).await?),
        (Picture::Dot, false) => shape.dot_of(&journal.events(&id).await?),
    };
    print(&picture);
    Ok(())
}
