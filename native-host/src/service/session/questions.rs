//! The windows in which persons are asked for a password or a PIN, and their end when the connection ends
//! before them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The questions that are open on one connection. A window is a process of its own, which would stay on the
/// screen when the host has ended, and take a password that nobody waits for.
#[derive(Default)]
pub(super) struct Questions {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: usize,
    is_over: bool,
}

impl Questions {
    /// A person is asked from now on, until what is handed back is dropped.
    pub(super) fn begin(&self) -> Question<'_> {
        let mut state = self.state();
        state.open = state.open.saturating_add(1);
        Question(self)
    }

    /// Whether the connection has ended, and with it all that is asked on it.
    pub(super) fn are_over(&self) -> bool {
        self.state().is_over
    }

    /// Ends them all, and waits until whoever asks has noticed, `patience` at the most.
    pub(super) fn end(&self, patience: Duration) {
        let mut state = self.state();
        state.is_over = true;
        // Who does not notice in time has a window that does not close: nothing more can be done about it.
        drop(self.changed.wait_timeout_while(state, patience, |state| state.open > 0));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A question that is open.
pub(super) struct Question<'a>(&'a Questions);

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open = state.open.saturating_sub(1);
        self.0.changed.notify_all();
    }
}
