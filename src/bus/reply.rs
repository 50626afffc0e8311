//! The way back for an answer.

use std::fmt;
use tokio::sync::oneshot;

/// Where an answer goes. Sending never blocks and never fails: an asker that
/// has left is no fault of the one who answers.
pub struct Reply<T>(Box<dyn FnOnce(T) + Send>);

impl<T: Send + 'static> Reply<T> {
    /// An answer handed to `then`, on the thread of the one who answers.
    /// `then` must not block.
    pub fn call(then: impl FnOnce(T) + Send + 'static) -> Self {
        Self(Box::new(then))
    }

    /// An answer to await.
    pub fn channel() -> (Self, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        let reply = Self::call(move |answer| {
            let _ = sender.send(answer);
        });
        (reply, receiver)
    }

    /// An answer that nobody waits for.
    pub fn ignore() -> Self {
        Self::call(drop)
    }

    /// Answers.
    pub fn send(self, answer: T) {
        (self.0)(answer);
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply")
    }
}
