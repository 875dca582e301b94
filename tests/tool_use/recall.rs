//! What is remembered, as a tool.

use std::sync::Arc;

use catena::{
    Budget, ToolCall,
    agents::RecallMemory,
    memory::{Archive, ExactIndex, HashingEmbedder, Memory, Namespace, NamespaceId, NewItem},
    models::Reply,
    tools::Toolbox,
};

use crate::support::{agent, answer, calls, finish, memory, native, options};

async fn remembered() -> (tempfile::TempDir, Memory, NamespaceId) {
    let folder = tempfile::tempdir().unwrap();
    let archive = Archive::open_without_fsync(folder.path().join("memory.db")).unwrap();
    let index = Arc::new(ExactIndex::new());
    let memory = Memory::open(archive, index, Arc::new(HashingEmbedder::new()));
    let memory = memory.await.unwrap();
    let namespace = |user: &str| Namespace::new(user, "bot", "home");
    let ada = memory.namespace(&namespace("ada")).await.unwrap();
    let bob = memory.namespace(&namespace("bob")).await.unwrap();
    for item in [
        NewItem::turn("My boat is blue.", "Noted."),
        NewItem::fact("name of the boat", "Nautilus"),
    ] {
        memory.remember(ada, item).await.unwrap();
    }
    let secret = NewItem::turn("The boat of Bob is stolen.", "Oh.");
    memory.remember(bob, secret).await.unwrap();
    (folder, memory, ada)
}

fn recall(query: &str) -> ToolCall {
    ToolCall::new(
        "1",
        "recall",
        serde_json::json!({ "query": query }).to_string(),
    )
}

#[tokio::test]
async fn what_was_said_and_what_is_known_is_found_again_in_its_namespace_alone() {
    let (_folder, memory, ada) = remembered().await;
    let tools = Toolbox::new().with(RecallMemory::new(memory, ada)).unwrap();
    let model = native([calls([recall("the boat")]), Reply::from("Blue.")]);
    let answer = answer(agent(&model, &tools)).await;
    let result = &answer.used[0].result;
    assert!(
        result.contains("] My boat is blue.\nAssistant: Noted."),
        "{result}"
    );
    assert!(result.contains("] name of the boat: Nautilus"), "{result}");
    assert!(!result.contains("Bob"), "{result}");
}

#[tokio::test]
async fn it_is_paid_for_and_goes_on_when_the_budget_is_raised() {
    let (_folder, archive, ada) = remembered().await;
    let tools = Toolbox::new()
        .with(RecallMemory::new(archive, ada))
        .unwrap();
    let model = native([calls([recall("the boat")]), Reply::from("Blue.")]);
    let journal = memory();
    let graph = || agent(&model, &tools).build().unwrap();
    let budget = |calls| options(&journal).budget(Budget::new().calls(calls));
    let (id, result) = finish(graph(), budget(1)).await;
    assert!(result.unwrap_err().is_budget_exceeded());
    // The model, the embedding, the model.
    let (_, result) = finish(graph(), budget(3).resume(id)).await;
    assert_eq!(result.unwrap().text, "Blue.");
}
