//! Asks for the PIN of a token in a window of its own, a pinentry program: never in HTML, never over the
//! port.

use zeroize::Zeroizing;

use super::session::Work;
use crate::keys::{AskPin, PinQuestion, Tries};
use crate::pinentry::{Pinentry, PinentryError, Question};
use crate::wire::request::PinWords;

/// Who waits while a person is asked.
pub trait Waiting: Send + Sync {
    /// Runs `ask`, which is told again and again whether anybody still waits for the outcome.
    fn while_asked<T>(&self, ask: impl FnOnce(&dyn Fn() -> bool) -> T) -> T;
}

impl Waiting for Work {
    fn while_asked<T>(&self, ask: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
        Self::while_asked(self, ask)
    }
}

/// Nobody but the person can stop waiting.
pub struct AtTheTerminal;

impl Waiting for AtTheTerminal {
    fn while_asked<T>(&self, ask: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
        ask(&|| true)
    }
}

/// A window that closes when nobody waits any more.
pub struct PinWindow<W> {
    /// The program.
    pub pinentry: Pinentry,
    /// What is said in it.
    pub words: PinWords,
    /// Who waits.
    pub waiting: W,
}

impl<W: Waiting> AskPin for PinWindow<W> {
    fn ask(&self, question: &PinQuestion) -> Result<Zeroizing<String>, PinentryError> {
        let question = worded(&self.words, question);
        self.waiting.while_asked(|wanted| self.pinentry.ask(&question, wanted))
    }

    fn meanwhile(&self, wait: &mut dyn FnMut(&dyn Fn() -> bool)) {
        self.waiting.while_asked(|wanted| wait(wanted));
    }
}

fn worded(words: &PinWords, question: &PinQuestion) -> Question {
    let said = |words: &Option<String>, otherwise: &str| {
        let words = words.as_deref().filter(|words| !words.is_empty()).unwrap_or(otherwise);
        words.replace("$1", &question.token.label)
    };
    Question {
        description: said(&words.description, "Enter the PIN of the token “$1”, on which your key is."),
        label: said(&words.label, "PIN:"),
        error: match question.tries {
            Tries::Untold => String::new(),
            Tries::Fewer => {
                said(&words.fewer, "A wrong PIN was entered before. The token locks after a few.")
            }
            Tries::Last => said(&words.last, "This is the last try: a wrong PIN locks the token."),
        },
        repeat: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::TokenName;

    #[test]
    fn the_last_try_is_said_to_be_the_last_in_the_users_language() {
        let token = TokenName { label: "Karte".to_owned(), serial: "1".to_owned() };
        let words = PinWords { description: Some("PIN von „$1“".to_owned()), ..PinWords::default() };
        let ask = |tries| worded(&words, &PinQuestion { token: token.clone(), tries });
        assert_eq!(ask(Tries::Untold).description, "PIN von „Karte“");
        assert_eq!(ask(Tries::Untold).error, "");
        assert!(ask(Tries::Last).error.contains("last try"));
    }
}
