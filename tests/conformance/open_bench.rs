//! What opening a large mail costs, beside `openssl cms` on the same machine in the same run.
//! `scripts/bench open` runs it; it is no test, because times on a busy machine prove nothing.

#[path = "../support/large_mail.rs"]
mod large_mail;
#[path = "../support/peak.rs"]
mod peak;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use large_mail::{MIB, Reader};

const RUNS: usize = 9;

fn main() {
    let reader = Reader::new();
    let verify = "cms -verify -noverify -out theirs -in";
    let decrypt = "cms -decrypt -recip bob.pem -out theirs -in";
    measure("clear-signed", &reader, &reader.signed(30 * MIB), verify);
    measure("CBC", &reader, &reader.encrypted(30 * MIB, "-aes256"), decrypt);
    measure("GCM", &reader, &reader.encrypted(30 * MIB, "-aes-256-gcm"), decrypt);
}

fn measure(what: &str, reader: &Reader, mail: &Path, rival: &str) {
    let size = std::fs::metadata(mail).unwrap().len();
    let theirs = || {
        let mut command = Command::new("openssl");
        command.args(rival.split(' ')).arg(mail).current_dir(&reader.dir);
        command
    };
    // Taken in turns, so that a busy moment meets both alike.
    let (mut ours, mut others) = (vec![], vec![]);
    for _ in 0..RUNS {
        ours.push(timed(&mut reader.opening(mail)));
        others.push(timed(&mut theirs()));
    }
    let (ours, others) = (median(ours), median(others));
    let ((_, our_peak), (_, their_peak)) = (peak::run(&mut reader.opening(mail)), peak::run(&mut theirs()));
    println!(
        "{what}, {} MiB: dane-smime {ours:.0?}, openssl cms {others:.0?}, ratio {:.2} (aim 1.2); \
         memory {:.2} times the size (aim 3), openssl {:.2}",
        size >> 20,
        ours.as_secs_f64() / others.as_secs_f64(),
        times(our_peak, size),
        times(their_peak, size),
    );
}

fn times(octets: u64, size: u64) -> f64 {
    let in_kib = |octets: u64| f64::from(u32::try_from(octets >> 10).unwrap());
    in_kib(octets) / in_kib(size)
}

fn timed(command: &mut Command) -> Duration {
    let begun = Instant::now();
    let Output { status, stderr, .. } = command.output().unwrap();
    let took = begun.elapsed();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
