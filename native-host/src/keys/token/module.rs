//! Modules and the tokens behind them. PKCS#11 has one state for a whole process: a module is
//! initialised once, and whoever has logged in to a token has done so for all. So these are one in
//! the process, too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;

use super::{AskPin, PinFault, PinQuestion, TokenError, TokenName, Tries};
use crate::cms::KeyFault;
use crate::pinentry::PinentryError;

/// How often it is looked whether it is our turn.
const LOOK: Duration = Duration::from_millis(20);

static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// A module that is loaded, for as long as the process lives.
pub(super) struct Module {
    pkcs11: Pkcs11,
    tokens: Mutex<BTreeMap<TokenName, Arc<Token>>>,
}

/// One token, there or not.
pub(in crate::keys) struct Token {
    name: TokenName,
    pkcs11: Pkcs11,
    open: Mutex<Open>,
    /// Whether a person is asked for its PIN now.
    asking: AtomicBool,
    /// How many questions for the PIN are over.
    answered: AtomicU64,
}

/// Whether the token is open, and what became of the last question.
#[derive(Default)]
struct Open {
    session: Option<Session>,
    fault: Option<PinFault>,
}

/// The tokens that a module shows now. Nobody is asked for a PIN.
pub(in crate::keys) fn tokens(module: &Path) -> Result<Vec<TokenName>, TokenError> {
    let pkcs11 = &load(module)?.pkcs11;
    Ok(present(pkcs11)?.into_iter().map(|(_, info)| name_of(&info)).collect())
}

/// One token behind a module, which need not be there.
pub(in crate::keys) fn with_name(module: &Path, name: &TokenName) -> Result<Arc<Token>, TokenError> {
    let module = load(module)?;
    let mut tokens = lock(&module.tokens);
    let token = tokens.entry(name.clone()).or_insert_with(|| {
        Arc::new(Token {
            name: name.clone(),
            pkcs11: module.pkcs11.clone(),
            open: Mutex::default(),
            asking: AtomicBool::new(false),
            answered: AtomicU64::new(0),
        })
    });
    Ok(Arc::clone(token))
}

/// Closes every token that this process has opened: its PIN is asked for again. One whose PIN a person is asked for now
/// is shut, and not waited for.
pub fn close_all() {
    let modules: Vec<_> = lock(&MODULES).values().cloned().collect();
    for module in modules {
        let tokens: Vec<_> = lock(&module.tokens).values().cloned().collect();
        for token in tokens {
            let session = token.unless_asking().and_then(|mut open| open.session.take());
            if let Some(session) = session {
                // One that was pulled has forgotten us already.
                let _ = session.logout();
            }
        }
    }
}

fn load(path: &Path) -> Result<Arc<Module>, TokenError> {
    let refused = |error: Error| TokenError::Module { path: path.to_owned(), reason: error.to_string() };
    let mut modules = lock(&MODULES);
    if let Some(module) = modules.get(path) {
        return Ok(Arc::clone(module));
    }
    let pkcs11 = Pkcs11::new(path).map_err(refused)?;
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Another name of a module that is loaded already.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(refused(error)),
    }
    let module = Arc::new(Module { pkcs11, tokens: Mutex::default() });
    modules.insert(path.to_owned(), Arc::clone(&module));
    Ok(module)
}

fn present(pkcs11: &Pkcs11) -> Result<Vec<(Slot, TokenInfo)>, TokenError> {
    let slots = pkcs11.get_slots_with_token().map_err(failed)?;
    // A token that is pulled in this moment is no failure of the others.
    let infos = slots.into_iter().filter_map(|slot| Some((slot, pkcs11.get_token_info(slot).ok()?)));
    Ok(infos.filter(|(_, info)| info.token_initialized()).collect())
}

fn name_of(info: &TokenInfo) -> TokenName {
    TokenName { label: info.label().trim().to_owned(), serial: info.serial_number().trim().to_owned() }
}

impl Token {
    pub(super) fn name(&self) -> &TokenName {
        &self.name
    }

    /// Opens the token, and asks for its PIN unless it is open.
    pub(in crate::keys) fn open(&self, pins: &dyn AskPin) -> Result<(), TokenError> {
        let answered = self.answered.load(Ordering::SeqCst);
        let mut open = self.turn(pins)?;
        if open.session.as_ref().is_some_and(is_logged_in) {
            return Ok(());
        }
        open.session = None;
        // Somebody was asked while we waited our turn: their answer is good for us, too.
        let was_answered = answered != self.answered.load(Ordering::SeqCst);
        if let Some(fault) = open.fault.as_ref().filter(|_| was_answered) {
            return Err(self.shut(fault.clone()));
        }
        let (slot, info) = self.slot()?.ok_or_else(|| TokenError::Absent(self.name.clone()))?;
        let session = self.pkcs11.open_ro_session(slot).map_err(|error| self.gone_or_failed(error))?;
        if info.login_required() && !is_logged_in(&session) {
            open.fault = None;
            let outcome = self.log_in(slot, &info, &session, pins);
            self.answered.fetch_add(1, Ordering::SeqCst);
            if let Err(fault) = outcome? {
                open.fault = Some(fault.clone());
                return Err(self.shut(fault));
            }
        }
        open.session = Some(session);
        Ok(())
    }

    /// Waits until nobody else uses the token; `None` as soon as a person is asked for its PIN.
    fn unless_asking(&self) -> Option<MutexGuard<'_, Open>> {
        loop {
            match self.open.try_lock() {
                Ok(open) => return Some(open),
                Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if self.asking.load(Ordering::SeqCst) => return None,
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            }
        }
    }

    /// Waits until nobody else uses the token, or is asked for its PIN.
    fn turn(&self, pins: &dyn AskPin) -> Result<MutexGuard<'_, Open>, TokenError> {
        loop {
            match self.open.try_lock() {
                Ok(open) => return Ok(open),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => thread::sleep(LOOK),
            }
            let mut is_wanted = true;
            if self.asking.load(Ordering::SeqCst) {
                pins.meanwhile(&mut |wanted| {
                    while is_wanted && self.asking.load(Ordering::SeqCst) {
                        thread::sleep(LOOK);
                        is_wanted = wanted();
                    }
                });
            }
            if !is_wanted {
                return Err(self.shut(PinFault::NotEntered(Arc::new(PinentryError::Cancelled))));
            }
        }
    }

    /// Asks once, and tries what was entered once.
    fn log_in(
        &self,
        slot: Slot,
        info: &TokenInfo,
        session: &Session,
        pins: &dyn AskPin,
    ) -> Result<Result<(), PinFault>, TokenError> {
        if info.user_pin_locked() {
            return Ok(Err(PinFault::Locked));
        }
        if !info.user_pin_initialized() {
            return Ok(Err(PinFault::NotSet));
        }
        let _asking = Asking::begin(&self.asking);
        let logged_in = if info.protected_authentication_path() {
            // The reader has keys of its own.
            let mut logged_in = Ok(());
            pins.meanwhile(&mut |_wanted| logged_in = session.login(UserType::User, None));
            logged_in
        } else {
            match pins.ask(&PinQuestion { token: self.name.clone(), tries: tries_left(info) }) {
                Ok(entered) => session.login(UserType::User, Some(&AuthPin::from(entered.as_str()))),
                Err(error) => return Ok(Err(PinFault::NotEntered(Arc::new(error)))),
            }
        };
        match logged_in {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(Ok(())),
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Ok(Err(PinFault::Locked)),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                let now = self.pkcs11.get_token_info(slot);
                Ok(Err(match now {
                    Ok(info) if info.user_pin_locked() => PinFault::Locked,
                    Ok(info) => PinFault::Wrong(tries_left(&info)),
                    Err(_) => PinFault::Wrong(Tries::Untold),
                }))
            }
            Err(error) => Err(self.gone_or_failed(error)),
        }
    }

    /// Does something on the open token.
    pub(super) fn work<T>(&self, work: impl FnOnce(&Session) -> Result<T, Error>) -> Result<T, KeyFault> {
        let mut open = lock(&self.open);
        let session = open.session.as_ref().ok_or(KeyFault::Gone)?;
        work(session).map_err(|error| {
            let fault = fault_of(error);
            // Whatever failed: where the token is not there any more, that is what is to be said.
            let is_there = self.slot().is_ok_and(|found| found.is_some());
            if fault == KeyFault::Gone || !is_there {
                open.session = None;
                return KeyFault::Gone;
            }
            fault
        })
    }

    /// Looks at the token in a session of its own, in which nobody is logged in who was not before.
    pub(super) fn look<T>(
        &self,
        look: impl FnOnce(&Session) -> Result<T, Error>,
    ) -> Result<(TokenInfo, T), TokenError> {
        let (slot, info) = self.slot()?.ok_or_else(|| TokenError::Absent(self.name.clone()))?;
        let seen = self.pkcs11.open_ro_session(slot).and_then(|session| look(&session));
        Ok((info, seen.map_err(|error| self.gone_or_failed(error))?))
    }

    /// The mechanisms that the token has.
    pub(super) fn has_mechanism(&self, wanted: cryptoki::mechanism::MechanismType) -> Result<bool, KeyFault> {
        let (slot, _) = self.slot().ok().flatten().ok_or(KeyFault::Gone)?;
        Ok(self.pkcs11.get_mechanism_list(slot).map_err(fault_of)?.contains(&wanted))
    }

    fn slot(&self) -> Result<Option<(Slot, TokenInfo)>, TokenError> {
        Ok(present(&self.pkcs11)?.into_iter().find(|(_, info)| name_of(info) == self.name))
    }

    fn shut(&self, fault: PinFault) -> TokenError {
        TokenError::Pin { token: self.name.clone(), fault }
    }

    fn gone_or_failed(&self, error: Error) -> TokenError {
        match fault_of(error) {
            KeyFault::Gone => TokenError::Absent(self.name.clone()),
            fault => TokenError::Failed { reason: fault.to_string() },
        }
    }
}

/// A person is asked, until this is dropped.
struct Asking<'a>(&'a AtomicBool);

impl<'a> Asking<'a> {
    fn begin(asking: &'a AtomicBool) -> Self {
        asking.store(true, Ordering::SeqCst);
        Self(asking)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Token").field(&self.name).finish()
    }
}

fn is_logged_in(session: &Session) -> bool {
    let state = session.get_session_info().map(|info| info.session_state());
    matches!(state, Ok(SessionState::RoUser | SessionState::RwUser))
}

fn tries_left(info: &TokenInfo) -> Tries {
    if info.user_pin_final_try() {
        Tries::Last
    } else if info.user_pin_count_low() {
        Tries::Fewer
    } else {
        Tries::Untold
    }
}

pub(super) fn failed(error: Error) -> TokenError {
    TokenError::Failed { reason: error.to_string() }
}

/// What an error of a module means for whoever wanted something done with a key.
fn fault_of(error: Error) -> KeyFault {
    use RvError as Rv;
    let Error::Pkcs11(code, _) = &error else { return KeyFault::Failed { reason: error.to_string() } };
    match code {
        Rv::DataInvalid
        | Rv::DataLenRange
        | Rv::EncryptedDataInvalid
        | Rv::EncryptedDataLenRange
        | Rv::KeyTypeInconsistent => KeyFault::Declined,
        Rv::DeviceRemoved
        | Rv::SessionClosed
        | Rv::SessionHandleInvalid
        | Rv::SlotIdInvalid
        | Rv::TokenNotPresent
        | Rv::TokenNotRecognized
        | Rv::UserNotLoggedIn => KeyFault::Gone,
        Rv::KeyFunctionNotPermitted | Rv::MechanismInvalid => {
            KeyFault::NotSupported("what was asked of this key")
        }
        Rv::ArgumentsBad | Rv::MechanismParamInvalid => {
            KeyFault::NotSupported("this kind of encryption or signature")
        }
        _ => KeyFault::Failed { reason: error.to_string() },
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
