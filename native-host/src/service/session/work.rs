//! What a request may know about the one who waits for it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::deadline::Deadline;
use super::questions::Questions;
use super::{BodiesFolder, Failure, Out, cancelled};
use crate::wire::answer;
use crate::wire::request::{AnswerForm, PinWords};

/// What a request may know about the one who waits for it.
#[derive(Clone)]
pub struct Work {
    pub(super) id: u64,
    pub(super) deadline: Arc<Deadline>,
    pub(super) stopped: Arc<AtomicBool>,
    pub(super) answer: AnswerForm,
    pub(super) folder: Option<Arc<BodiesFolder>>,
    pub(super) pin_words: Arc<PinWords>,
    pub(super) questions: Arc<Questions>,
    pub(super) out: Out,
}

impl Work {
    /// How the add-on wants a token's PIN to be asked for.
    pub fn pin_words(&self) -> &PinWords {
        &self.pin_words
    }

    /// How long somebody still waits, the time of persons who are asked not counted.
    pub fn remaining(&self) -> Duration {
        self.deadline.remaining()
    }

    /// Has a person asked for a password or a PIN. `ask` is told whether anybody still waits for the outcome.
    /// The add-on is told, too, and the request's time stands still for as long as it grants.
    pub fn while_asked<T>(&self, ask: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
        let still = self.deadline.stand_still();
        let question = self.questions.begin();
        self.progress("password", None, None);
        let outcome =
            ask(&|| self.go_on().is_ok() && !self.remaining().is_zero() && !self.questions.are_over());
        drop(question);
        drop(still);
        self.progress("working", None, None);
        outcome
    }

    /// Fails where nobody waits any more.
    ///
    /// # Errors
    /// [`Code::Cancelled`]; the supervisor has answered already.
    pub fn go_on(&self) -> Result<(), Failure> {
        if self.stopped.load(Ordering::Relaxed) { Err(cancelled()) } else { Ok(()) }
    }

    /// Says what is being done.
    pub fn progress(&self, stage: &str, done: Option<u64>, total: Option<u64>) {
        // A dead pipe is noticed by the reader.
        let _ = self.out.send_unless(&self.stopped, &answer::progress(self.id, stage, done, total));
    }

    /// Sends a chunk of the body.
    pub(super) fn send_chunk(&self, chunk: &Value) -> io::Result<()> {
        match self.out.send_unless(&self.stopped, chunk) {
            Ok(true) => Ok(()),
            Ok(false) => Err(io::Error::other("nobody waits any more")),
            Err(error) => Err(io::Error::other(error)),
        }
    }

    pub(super) fn still_wanted(&self) -> io::Result<()> {
        self.go_on().map_err(|_| io::Error::other("nobody waits any more"))
    }
}
