//! Ctrl-C.

use tokio::sync::mpsc;

/// Each press of Ctrl-C, from the moment on at which this is made.
pub(super) struct Interrupts(mpsc::UnboundedReceiver<()>);

impl Interrupts {
    pub(super) fn listen() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && sender.send(()).is_ok() {}
        });
        Self(receiver)
    }

    /// Waits for the next press.
    ///
    /// # Cancel safety
    ///
    /// A press is not lost when the future is dropped.
    pub(super) async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            // Signals cannot be listened to here, so none comes.
            std::future::pending::<()>().await;
        }
    }

    /// Does `work`, unless Ctrl-C is pressed before it is done; `None` then.
    ///
    /// # Cancel safety
    ///
    /// That of `work`.
    pub(super) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.next() => None,
            done = work => Some(done),
        }
    }

    /// Forgets presses that nobody waited for.
    pub(super) fn forget(&mut self) {
        while self.0.try_recv().is_ok() {}
    }
}
