//! The host as a process, spoken to as Thunderbird speaks to it.
#![allow(dead_code, reason = "each program uses its part")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

pub const ADD_ON: &str = "dane-smime@dane-smime.org";

/// A running host whose settings, and an administrator's (in `system`), lie in a directory of its own.
pub struct Host {
    pub process: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
    last_id: u64,
    /// Where large bodies are handed over, if anywhere.
    pub bodies: Option<PathBuf>,
}

/// Gives this home a place in memory for the files of a session (`XDG_RUNTIME_DIR`), which is removed
/// when the result is dropped. Without it, hosts in that home offer no folder for bodies.
pub fn runtime_in_memory(home: &Path) -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let place = builder.tempdir_in("/dev/shm").unwrap();
    std::os::unix::fs::symlink(place.path(), home.join("run")).unwrap();
    place
}

impl Host {
    /// Starts the host with `config` as its `config.toml`, in a home of its own.
    pub fn start(home: &Path, config: &str) -> Self {
        let dir = home.join("config/dane-smime");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), config).unwrap();
        Self::spawn(home, &["/nowhere/dane_smime.json", ADD_ON])
    }

    pub fn spawn(home: &Path, arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_dane-smime-host"))
            .args(arguments)
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_RUNTIME_DIR", home.join("run"))
            .env("DANE_SMIME_SYSTEM_DIR", home.join("system"))
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (to, from) = (process.stdin.take(), process.stdout.take().unwrap());
        Self { process, to, from, last_id: 0, bodies: None }
    }

    /// Says hello and expects to be greeted.
    pub fn greeted(mut self) -> Self {
        let answer = self.ask(json!({"type": "hello", "protocol": {"min": 1, "max": 1}, "addon": "0.1.0"}));
        assert_eq!(answer["type"], "hello", "{answer}");
        self.bodies = answer["bodies_folder"].as_str().map(PathBuf::from);
        self
    }

    /// As [`Host::ask_telling`], with bodies handed over by file both ways.
    pub fn ask_by_file(&mut self, mut request: Value, body: &[u8]) -> (Value, Vec<u8>, Vec<Value>) {
        let folder = self.bodies.clone().expect("the host offers no folder for bodies");
        self.last_id += 1;
        let name = format!("body-{}", self.last_id);
        put_private(&folder.join(&name), body);
        request["id"] = json!(self.last_id);
        request["body_length"] = json!(body.len());
        request["body_file"] = json!(name);
        request["answer_file"] = json!(true);
        self.say(&request);
        let (end, mut got, told) = self.answer(self.last_id);
        std::fs::remove_file(folder.join(&name)).unwrap();
        if let Some(name) = end["body_file"].as_str() {
            assert!(got.is_empty(), "chunks and a file");
            got = std::fs::read(folder.join(name)).unwrap();
            std::fs::remove_file(folder.join(name)).unwrap();
            assert_eq!(end["body_length"], json!(got.len()));
        }
        (end, got, told)
    }

    pub fn write(&mut self, octets: &[u8]) {
        say(self.to.as_mut().unwrap(), octets);
    }

    /// One frame.
    pub fn say(&mut self, value: &Value) {
        self.write(value.to_string().as_bytes());
    }

    pub fn read(&mut self) -> Option<Value> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).ok()?;
        let length = usize::try_from(u32::from_ne_bytes(length)).unwrap();
        assert!(length <= 1024 * 1024, "a frame above 1 MiB: Thunderbird would close the port");
        let mut frame = vec![0; length];
        self.from.read_exact(&mut frame).unwrap();
        Some(serde_json::from_slice(&frame).unwrap())
    }

    /// The last frame of the answer to a request without a body.
    pub fn ask(&mut self, request: Value) -> Value {
        self.ask_with(request, &[]).0
    }

    /// The last frame of the answer, and the answer's body.
    pub fn ask_with(&mut self, request: Value, body: &[u8]) -> (Value, Vec<u8>) {
        let (end, got, _) = self.ask_telling(request, body);
        (end, got)
    }

    /// The last frame of the answer, the answer's body, and the `progress` frames before. Reads while
    /// it writes, as Thunderbird does.
    pub fn ask_telling(&mut self, mut request: Value, body: &[u8]) -> (Value, Vec<u8>, Vec<Value>) {
        self.last_id += 1;
        let id = self.last_id;
        request["id"] = json!(id);
        if !body.is_empty() {
            request["body_length"] = json!(body.len());
        }
        let mut to = self.to.take().unwrap();
        let (to, answer) = std::thread::scope(|scope| {
            let writer = scope.spawn(move || {
                say(&mut to, request.to_string().as_bytes());
                for (seq, piece) in body.chunks(512 * 1024).enumerate() {
                    let chunk =
                        json!({"type": "chunk", "id": id, "seq": seq, "data": STANDARD.encode(piece)});
                    say(&mut to, chunk.to_string().as_bytes());
                }
                to
            });
            let answer = self.answer(id);
            (writer.join().unwrap(), answer)
        });
        self.to = Some(to);
        answer
    }

    fn answer(&mut self, id: u64) -> (Value, Vec<u8>, Vec<Value>) {
        let (mut got, mut told) = (Vec::new(), Vec::new());
        loop {
            let frame = self.read().expect("the host ended");
            assert_eq!(frame["id"], json!(id), "{frame}");
            match frame["type"].as_str() {
                Some("progress") => told.push(frame),
                Some("chunk") => got.extend(STANDARD.decode(frame["data"].as_str().unwrap()).unwrap()),
                _ => return (frame, got, told),
            }
        }
    }

    /// The most memory that the process ever held (RSS), in KiB.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Ends the input and waits for the process.
    pub fn hang_up(&mut self) -> Option<i32> {
        self.to = None;
        self.process.wait().unwrap().code()
    }
}

/// A new file that only this user can read.
pub fn put_private(path: &Path, octets: &[u8]) {
    let mut options = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path).unwrap().write_all(octets).unwrap();
}

fn say(to: &mut ChildStdin, octets: &[u8]) {
    to.write_all(&u32::try_from(octets.len()).unwrap().to_ne_bytes()).unwrap();
    to.write_all(octets).unwrap();
}

impl Drop for Host {
    fn drop(&mut self) {
        self.to = None;
        let _ = self.process.wait();
    }
}
