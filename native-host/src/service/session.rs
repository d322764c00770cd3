//! One connection: frames in, answers out, until the input ends.
//!
//! The calling thread reads and never works, so that a cancel is heard and an end of input is
//! noticed whatever else goes on. Each request has a worker and a supervisor that answers for it
//! when it does not answer in time. A body is worked on while it comes in, and an answer's body goes
//! out as it is made; large ones are handed over by files in memory where there is a folder for them.

mod deadline;
mod folder;
mod questions;
mod streams;
mod supervisor;
mod work;

use std::collections::HashMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::{Code, Failure};
use crate::wire::body::Assembly;
use crate::wire::frame::{self, FrameError};
use crate::wire::key_request::KeyCall;
use crate::wire::request::{BodySource, Call, Chunk, Hello, Inbound, PinWords, Request, RequestError};
use crate::wire::{MAX_BODY, PROTOCOL_MAX, PROTOCOL_MIN, answer};

/// What a request gets whose sender names no deadline, and the most that any gets.
const LONGEST: Duration = Duration::from_secs(300);
/// Requests that may be under way at once.
const MAX_RUNNING: usize = 64;
/// Requests whose bodies may be on their way at once.
const MAX_UPLOADS: usize = 8;
/// Octets of a body that wait to be worked on before more are taken in only slowly.
const MOST_WAITING: usize = 4 * 1024 * 1024;
/// How much more slowly, a chunk.
const SLOWER: Duration = Duration::from_millis(100);
/// How long, when the connection has ended, the windows may take to close in which persons are asked.
const CLOSING: Duration = Duration::from_secs(1);

use deadline::Deadline;
pub use folder::{BodiesFolder, BodyFileError, NoFolder};
use questions::Questions;
pub use streams::{AnswerFile, Body, Outlet, Sent};
use supervisor::Supervisor;
pub use work::Work;

/// What `hello` says that this host can do: requests, and what was added to them since.
const FEATURES: &[&str] = &[
    "blind-copies",
    "doctor",
    "header-protection",
    "keyring",
    "keys",
    "lookup",
    "open",
    "open-details",
    "open-unauthentic",
    "protect",
    "protect-certificate",
    "protect-forms",
    "provision",
    "readable-header",
    "tokens",
];
/// Said where there is a folder for bodies.
const BODIES_BY_FILE: &str = "bodies-by-file";

/// Carries out requests.
pub trait Service: Send + Sync + 'static {
    /// Does what is asked. May look at `work` to stop early; nobody waits after the deadline.
    ///
    /// # Errors
    /// [`Failure`], told to the add-on as it is.
    fn call(&self, call: Call, body: Body, work: &Work) -> Result<Reply, Failure>;
}

/// A good answer.
#[derive(Debug, Default)]
pub struct Reply {
    /// Fields of the `result` frame.
    pub fields: Map<String, Value>,
    /// What [`Work::outlet`] says of the body.
    pub body: Sent,
}

/// Serves one connection until its input ends. Large bodies go through `folder`, where there is one;
/// it is removed at the end.
///
/// # Errors
/// [`FrameError`] where the connection broke or sent what is no request.
pub fn run(
    input: &mut dyn Read,
    output: Box<dyn Write + Send>,
    service: &Arc<dyn Service>,
    folder: Option<BodiesFolder>,
) -> Result<(), FrameError> {
    let mut session = Session {
        out: Out(Arc::new(Mutex::new(output))),
        service: Arc::clone(service),
        folder: folder.map(Arc::new),
        greeted: false,
        pin_words: Arc::default(),
        questions: Arc::default(),
        granted: Duration::ZERO,
        uploads: HashMap::new(),
        running: Arc::default(),
        left: Arc::default(),
    };
    let ended = session.serve(input);
    session.questions.end(CLOSING);
    if let Some(folder) = &session.folder {
        folder.remove();
    }
    ended
}

#[derive(Clone)]
struct Out(Arc<Mutex<Box<dyn Write + Send>>>);

impl Out {
    fn send(&self, value: &Value) -> Result<(), FrameError> {
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frame::write(&mut **out, value.to_string().as_bytes())
    }

    /// Sends unless the request was answered already. Looked at while nobody else may send, so that
    /// nothing of a request ever follows its answer.
    fn send_unless(&self, answered: &AtomicBool, value: &Value) -> Result<bool, FrameError> {
        let text = value.to_string();
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answered.load(Ordering::SeqCst) {
            return Ok(false);
        }
        frame::write(&mut **out, text.as_bytes()).map(|()| true)
    }
}

enum Event {
    Done(Result<Reply, Failure>),
    Stopped(Failure),
}

type Running = Arc<Mutex<HashMap<u64, Sender<Event>>>>;

/// Files with the answers of requests that have ended well. The add-on takes and removes each, unless
/// it gave the request up while the answer was under way.
type Left = Arc<Mutex<HashMap<u64, AnswerFile>>>;

/// A body that is on its way in.
struct Upload {
    assembly: Assembly,
    pieces: Sender<Vec<u8>>,
    /// Octets that are in and not worked on yet.
    waiting: Arc<AtomicUsize>,
}

struct Session {
    out: Out,
    service: Arc<dyn Service>,
    folder: Option<Arc<BodiesFolder>>,
    greeted: bool,
    pin_words: Arc<PinWords>,
    questions: Arc<Questions>,
    /// How much longer than its deadlines the add-on waits while a person is asked.
    granted: Duration,
    uploads: HashMap<u64, Upload>,
    running: Running,
    left: Left,
}

impl Session {
    fn serve(&mut self, input: &mut dyn Read) -> Result<(), FrameError> {
        while let Some(octets) = frame::read(input)? {
            if !self.take(&octets)? {
                break;
            }
        }
        Ok(())
    }

    /// Handles one frame. `false` ends the connection.
    fn take(&mut self, octets: &[u8]) -> Result<bool, FrameError> {
        let inbound = match Inbound::parse(octets) {
            Ok(inbound) => inbound,
            Err(RequestError::NotARequest) => {
                tracing::error!("a frame is not a request; the connection is closed");
                return Ok(false);
            }
            Err(error) => return self.refuse_frame(&error).map(|()| true),
        };
        match inbound {
            Inbound::Hello { id, hello } => return self.greet(id, hello),
            Inbound::Request(request) if !self.greeted => {
                let words = "The add-on must say hello first.";
                self.fail(request.id, Failure::new(Code::ProtocolMismatch, words))?;
            }
            Inbound::Request(request) => self.begin(request)?,
            Inbound::Chunk { id, chunk } => self.grow(id, &chunk)?,
            Inbound::Cancel { id } => self.cancel(id),
        }
        Ok(true)
    }

    fn refuse_frame(&mut self, error: &RequestError) -> Result<(), FrameError> {
        let (id, code) = match error {
            RequestError::BadField { id, .. } => (*id, Code::BadRequest),
            RequestError::BodyTooLarge { id } => (*id, Code::TooLarge),
            RequestError::UnknownType { id } => (*id, Code::UnknownRequest),
            RequestError::NotARequest => return Ok(()),
        };
        let advice = "Add-on and host may be of different versions: update both.";
        let failure = Failure::new(code, format!("The request was not understood: {error}. {advice}"));
        // A chunk or a cancel that is not understood: its request ends with this, and is answered once.
        if lock(&self.running).contains_key(&id) {
            self.end(id, failure);
            self.uploads.remove(&id);
            return Ok(());
        }
        self.fail(id, failure)
    }

    fn greet(&mut self, id: u64, hello: Hello) -> Result<bool, FrameError> {
        let newest = hello.protocol.max.min(PROTOCOL_MAX);
        if newest < hello.protocol.min.max(PROTOCOL_MIN) {
            let (word, who) = if hello.protocol.min > PROTOCOL_MAX {
                ("host", "the host program")
            } else {
                ("add-on", "the add-on")
            };
            let words = format!("Add-on and host do not understand each other: update {who}.");
            let failure = Failure::new(Code::ProtocolMismatch, words).with("update", word.into());
            self.fail(id, failure)?;
            return Ok(false);
        }
        self.greeted = true;
        self.pin_words = Arc::new(hello.pin);
        self.granted = Duration::from_millis(hello.password_ms).min(LONGEST);
        tracing::info!(protocol = newest, "an add-on says hello");
        let folder = self.folder.as_deref().and_then(BodiesFolder::path);
        let by_file: &[_] = if folder.is_some() { &[BODIES_BY_FILE] } else { &[] };
        let features = [FEATURES, by_file, &KeyCall::TYPES[..]].concat();
        self.out.send(&answer::hello(id, newest, &features, folder))?;
        Ok(true)
    }

    fn begin(&mut self, request: Request) -> Result<(), FrameError> {
        let id = request.id;
        if self.uploads.contains_key(&id) || lock(&self.running).contains_key(&id) {
            let words = "The id of the request is in use already.";
            return self.fail(id, Failure::new(Code::BadRequest, words));
        }
        match request.body.clone() {
            BodySource::Nowhere => self.start(request, Body::empty()),
            BodySource::File { name, length } => {
                let folder = self.folder.as_ref().ok_or(BodyFileError::NoFolder);
                match folder.and_then(|folder| folder.open(&name, length)) {
                    Ok(file) => self.start(request, Body::of_file(file, length)),
                    Err(error) => self.fail(id, error.into()),
                }
            }
            BodySource::Chunks { length } => {
                self.forget_ended_uploads();
                let promised: usize = self.uploads.values().map(|upload| upload.assembly.expected()).sum();
                if self.uploads.len() >= MAX_UPLOADS || promised.saturating_add(length) > MAX_BODY {
                    return self.fail(id, busy());
                }
                let (sender, receiver) = mpsc::channel();
                let waiting = Arc::<AtomicUsize>::default();
                self.uploads.insert(
                    id,
                    Upload { assembly: Assembly::new(length), pieces: sender, waiting: Arc::clone(&waiting) },
                );
                self.start(request, Body::of_chunks(receiver, waiting, length))
            }
        }
    }

    /// Requests may end before their body is in; the add-on then sends no more of it.
    fn forget_ended_uploads(&mut self) {
        let running = lock(&self.running);
        self.uploads.retain(|id, _| running.contains_key(id));
    }

    fn grow(&mut self, id: u64, chunk: &Chunk) -> Result<(), FrameError> {
        // Chunks of a request that was refused or cancelled are still under way: dropped in silence.
        let Some(upload) = self.uploads.get_mut(&id) else { return Ok(()) };
        match upload.assembly.add(chunk) {
            Ok(piece) => {
                // What comes faster than it is worked on would fill the memory. Only a little slower at
                // a time, because a cancel may stand behind it.
                let until = Instant::now() + SLOWER;
                while upload.waiting.load(Ordering::Relaxed) > MOST_WAITING && Instant::now() < until {
                    thread::sleep(Duration::from_millis(1));
                }
                upload.waiting.fetch_add(piece.len(), Ordering::Relaxed);
                if upload.pieces.send(piece).is_err() || upload.assembly.is_complete() {
                    self.uploads.remove(&id);
                }
            }
            Err(error) => {
                // First the reason, then the end of the body: the worker's own answer comes too late.
                self.end(id, Failure::new(Code::BadRequest, format!("The data is damaged: {error}.")));
                self.uploads.remove(&id);
            }
        }
        Ok(())
    }

    fn cancel(&mut self, id: u64) {
        self.end(id, cancelled());
        self.uploads.remove(&id);
        lock(&self.left).remove(&id);
    }

    /// Ends a request that is under way, from here.
    fn end(&self, id: u64, failure: Failure) {
        if let Some(supervisor) = lock(&self.running).get(&id) {
            let _ = supervisor.send(Event::Stopped(failure)); // it may just have ended: then all is said
        }
    }

    fn start(&self, request: Request, body: Body) -> Result<(), FrameError> {
        let (sender, events) = mpsc::channel();
        {
            let mut running = lock(&self.running);
            if running.len() >= MAX_RUNNING {
                drop(running);
                return self.fail(request.id, busy());
            }
            running.insert(request.id, sender.clone());
        }
        let wait = request.deadline.unwrap_or(LONGEST).min(LONGEST);
        let deadline = Arc::new(Deadline::new(wait, self.granted));
        let work = Work {
            id: request.id,
            deadline: Arc::clone(&deadline),
            stopped: Arc::default(),
            answer: request.answer,
            folder: self.folder.clone(),
            pin_words: Arc::clone(&self.pin_words),
            questions: Arc::clone(&self.questions),
            out: self.out.clone(),
        };
        let supervisor = Supervisor {
            id: request.id,
            deadline,
            stopped: Arc::clone(&work.stopped),
            out: self.out.clone(),
            running: Arc::clone(&self.running),
            left: Arc::clone(&self.left),
        };
        // A machine that has no thread to give has too much under way, too.
        if thread::Builder::new().spawn(move || supervisor.watch(&events)).is_err() {
            lock(&self.running).remove(&request.id);
            return self.fail(request.id, busy());
        }
        let service = Arc::clone(&self.service);
        let worker = thread::Builder::new().spawn(move || {
            let done = catch_unwind(AssertUnwindSafe(|| service.call(request.call, body, &work)));
            let _ = sender.send(Event::Done(done.unwrap_or_else(|_| Err(internal()))));
        });
        if worker.is_err() {
            self.end(request.id, busy());
        }
        Ok(())
    }

    fn fail(&self, id: u64, failure: Failure) -> Result<(), FrameError> {
        self.out.send(&answer::error(id, failure.to_json()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn busy() -> Failure {
    Failure::new(Code::Busy, "Too much is under way at once. Try again in a moment.")
}

fn cancelled() -> Failure {
    Failure::new(Code::Cancelled, "It was cancelled.")
}

fn internal() -> Failure {
    Failure::new(
        Code::Internal,
        "The host program has a fault of its own; nothing was done. Please report it.",
    )
}

#[cfg(test)]
mod tests;
