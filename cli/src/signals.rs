//! Being asked to end.

/// Waits until a person presses Ctrl-C or the system asks the program to end (`SIGTERM`): what it has begun
/// is then put away.
pub(crate) async fn end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Where no signal can be listened to, nothing comes of it.
    let _ = tokio::signal::ctrl_c().await;
}
