//! A D-Bus session of a user of its own, with a real gnome-keyring or none. Nothing of the
//! caller's session is reached.
#![allow(dead_code, reason = "each program uses its part")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What keeps secrets in a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// gnome-keyring with an unlocked collection.
    Unlocked,
    /// gnome-keyring, and nobody ever made a keyring.
    NoCollection,
    /// Not even a bus.
    NoBus,
}

pub struct Session {
    home: tempfile::TempDir,
    address: String,
    /// Ended by their ids when the session goes, the last one first.
    children: Vec<Child>,
}

impl Session {
    pub fn start(secrets: Secrets) -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".local/share/keyrings")).unwrap();
        let address = format!("unix:path={}", home.path().join("no-bus").display());
        let mut session = Self { home, address, children: Vec::new() };
        if secrets == Secrets::NoBus {
            return session;
        }
        let mut bus = session
            .command("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon is installed");
        let mut line = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut line).unwrap();
        session.children.push(bus);
        session.address = line.trim().to_owned();
        session.start_daemon(secrets);
        session
    }

    /// Ends the keyring's service and starts it again, as an upgrade or a crash would.
    pub fn restart_daemon(&mut self) {
        let mut daemon = self.children.pop().unwrap();
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        self.start_daemon(Secrets::Unlocked);
    }

    fn start_daemon(&mut self, secrets: Secrets) {
        let mut daemon = self.command("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets"]);
        if secrets == Secrets::Unlocked {
            daemon.arg("--unlock");
        }
        let mut daemon = daemon
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring is installed");
        daemon.stdin.take().unwrap().write_all(b"test password").unwrap();
        self.children.push(daemon);
        self.wait_for("org.freedesktop.secrets");
    }

    /// Locks the collection that secrets lie in.
    pub fn lock(&self) {
        let done = self
            .command("dbus-send")
            .args([
                "--session",
                "--print-reply",
                "--dest=org.freedesktop.secrets",
                "/org/freedesktop/secrets",
            ])
            .args(["org.freedesktop.Secret.Service.Lock"])
            .arg("array:objpath:/org/freedesktop/secrets/aliases/default")
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// A program in this session.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path())
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    fn wait_for(&self, name: &str) {
        let started = Instant::now();
        loop {
            let asked = self
                .command("dbus-send")
                .args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus"])
                .args(["org.freedesktop.DBus.NameHasOwner", &format!("string:{name}")])
                .output()
                .expect("dbus-send is installed");
            if String::from_utf8_lossy(&asked.stdout).contains("boolean true") {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "{name} does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        while let Some(mut child) = self.children.pop() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Every file below `dir`.
pub fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
