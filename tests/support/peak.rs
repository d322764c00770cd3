//! How much memory a program takes at its peak.
#![allow(dead_code, reason = "each program uses its part")]

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// Runs to the end; also the most octets that it had in memory at once (Linux's VmHWM less RssFile, read
/// again and again until the process is gone). How much of the program's own file is mapped beside is up to
/// the system, and comes out otherwise each time.
pub fn run(command: &mut Command) -> (Output, u64) {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let peak = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(child.id()));
        watcher.join().unwrap()
    });
    (finish(child), peak)
}

fn finish(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

fn watch(process: u32) -> u64 {
    let mut peak = 0;
    // A process that has ended and is not yet waited for has no memory lines any more.
    while let Some(now) = high_water(process) {
        peak = now.max(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}

fn high_water(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let octets = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    Some(octets("VmHWM:")?.saturating_sub(octets("RssFile:")?))
}
