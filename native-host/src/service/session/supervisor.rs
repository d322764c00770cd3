//! Who answers for a request when it does not answer in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;

use super::deadline::Deadline;
use super::{AnswerFile, Event, Left, Out, Reply, Running, Sent, lock};
use crate::service::{Code, Failure};
use crate::wire::answer;
use crate::wire::frame::FrameError;

/// How long, when the time is over, the one who asks a person may take to say that nothing was entered.
const LAST_WORD: Duration = Duration::from_secs(1);
/// The time is not looked at more often.
const TICK: Duration = Duration::from_millis(10);

/// Answers for one request.
pub(super) struct Supervisor {
    pub(super) id: u64,
    pub(super) deadline: Arc<Deadline>,
    pub(super) stopped: Arc<AtomicBool>,
    pub(super) out: Out,
    pub(super) running: Running,
    pub(super) left: Left,
}

impl Supervisor {
    /// Waits for the end, whichever comes first, and answers once.
    pub(super) fn watch(&self, events: &Receiver<Event>) {
        let end = self.wait(events);
        match &end {
            Ok(_) => tracing::info!(id = self.id, "a request is done"),
            Err(failure) => tracing::info!(id = self.id, code = failure.code.word(), "a request failed"),
        }
        self.stopped.store(true, Ordering::SeqCst);
        let sent = match end {
            Ok(Reply { fields, body }) => {
                let result = answer::result(self.id, fields, body.told());
                // Kept before the request is forgotten, so that a cancel finds the one or the other.
                if let Sent::File(file) = body {
                    self.keep(file);
                }
                lock(&self.running).remove(&self.id);
                if let Ok(Event::Stopped(failure)) = events.try_recv() {
                    lock(&self.left).remove(&self.id);
                    self.send_error(&failure)
                } else {
                    self.send_result(&result)
                }
            }
            Err(failure) => {
                lock(&self.running).remove(&self.id);
                self.send_error(&failure)
            }
        };
        if let Err(error) = sent {
            tracing::error!(%error, "an answer could not be sent");
        }
    }

    fn wait(&self, events: &Receiver<Event>) -> Result<Reply, Failure> {
        loop {
            let event = events.recv_timeout(self.deadline.remaining().max(TICK));
            if matches!(event, Err(RecvTimeoutError::Timeout)) && !self.deadline.remaining().is_zero() {
                continue; // a person was asked meanwhile
            }
            // Whoever asked a person knows better what to say than that it took too long.
            let last_word = if self.deadline.ends_asking() { LAST_WORD } else { Duration::ZERO };
            return match event.or_else(|_| events.recv_timeout(last_word)) {
                Ok(Event::Done(end)) => end,
                Ok(Event::Stopped(failure)) => Err(failure),
                Err(_) => {
                    let words = "It took too long, and the attempt was given up. Try again.";
                    Err(Failure::new(Code::Deadline, words))
                }
            };
        }
    }

    fn keep(&self, file: AnswerFile) {
        let mut left = lock(&self.left);
        left.retain(|_, file| file.is_there());
        left.insert(self.id, file);
    }

    fn send_result(&self, result: &Value) -> Result<(), FrameError> {
        match self.out.send(result) {
            Err(FrameError::TooLarge(_)) => {
                lock(&self.left).remove(&self.id);
                let words = "The answer is too large to be handed over.";
                self.send_error(&Failure::new(Code::TooLarge, words))
            }
            sent => sent,
        }
    }

    fn send_error(&self, failure: &Failure) -> Result<(), FrameError> {
        match self.out.send(&answer::error(self.id, failure.to_json())) {
            // The code alone: who waits must hear that it is over.
            Err(FrameError::TooLarge(_)) => {
                let words = "It was not done, and the reasons are too many to be handed over.";
                self.out.send(&answer::error(self.id, Failure::new(failure.code, words).to_json()))
            }
            sent => sent,
        }
    }
}
