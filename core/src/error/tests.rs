use super::*;

#[test]
fn the_innermost_node_is_kept() {
    let inner = NodePath::root("graph").child("inner");
    let error = Error::other("it broke")
        .at(&inner)
        .at(&NodePath::root("graph"));
    assert_eq!(error.path(), Some(&inner));
    assert_eq!(error.to_string(), "graph/inner: it broke");
}

#[test]
fn the_source_chain_is_kept() {
    let error = Error::unavailable("asking the model")
        .with_source(std::io::Error::other("connection reset"));
    assert_eq!(error.source().unwrap().to_string(), "connection reset");
    assert!(error.is_retryable());
}

#[test]
fn an_error_survives_being_written_down() {
    let error = Error::rate_limited(Some(Duration::from_secs(3)), "slow down")
        .with_help("wait")
        .at(&NodePath::root("r"))
        .in_call(3)
        .with_source(std::io::Error::other("429"));
    let json = serde_json::to_string(&error).unwrap();
    let read: Error = serde_json::from_str(&json).unwrap();
    assert_eq!(read, error);
    assert_eq!(read.retry_after(), error.retry_after());
    assert_eq!(read.source().unwrap().to_string(), "429");
}

#[test]
fn several_questions_are_listed() {
    let path = NodePath::root("r");
    let ask = |name| Interrupt::new::<bool>(&path, name, serde_json::Value::Null);
    let error = Error::interrupted(vec![ask("a"), ask("b")]);
    assert!(error.is_interrupted() && error.ends_the_run());
    assert_eq!(error.interrupts().len(), 2);
    assert_eq!(
        error.to_string(),
        "the run waits for 2 answers: 'r:a', 'r:b'"
    );
}

#[test]
fn only_what_may_pass_has_a_delay() {
    let delay = Duration::from_secs(3);
    assert_eq!(
        Error::rate_limited(Some(delay), "slow").retry_after(),
        Some(delay)
    );
    let down = Error::unavailable("down");
    assert_eq!(down.retry_after(), None);
    let down = down.with_retry_after(delay);
    assert_eq!(
        (down.retry_after(), down.is_rate_limited()),
        (Some(delay), false)
    );
    let refused = Error::refused("no").with_retry_after(delay);
    assert_eq!(refused.retry_after(), None);
}
