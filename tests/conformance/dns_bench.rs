//! What a look-up costs, beside `delv` and, where it is installed, `unbound-host` on the same machine
//! in the same run. `scripts/bench dns` runs it; it is no test, because times on a busy machine
//! prove nothing. What each program computes is counted beside: on a busy machine that says more.

#[path = "../support/certificates.rs"]
mod certificates;
#[path = "../support/signed_tree.rs"]
mod signed_tree;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use dane_smime::config::Profile;
use dane_smime::mime::EmailAddress;
use dane_smime::smimea::OwnerName;
use signed_tree::{Tree, Zone};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const ZONES: usize = 50;
const RUNS: usize = 21;
/// How far away a resolver is in the same house, and a provider's: there and back.
const DISTANCES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(10)];

fn main() {
    let hex = hex::encode(certificates::certificate("alice@z0.test", 0, 400).der);
    let zones = (0..ZONES).map(|number| {
        let line = format!("{} SMIMEA 3 0 0 {hex}", owner(&format!("alice@z{number}.test")));
        Zone::signed(&format!("z{number}.test."), vec![line])
    });
    let tree = Tree::grow(std::iter::once(Zone::signed("test.", Vec::new())).chain(zones).collect());
    let keys = tree.path("bind.keys");
    std::fs::write(&keys, bind_keys(&std::fs::read_to_string(tree.anchor_file()).unwrap())).unwrap();

    let (resolver, anchor) = (tree.address.to_string(), tree.anchor_file());
    let distant = DISTANCES.map(|distance| (distance, distant(tree.address, distance / 2).to_string()));
    let asking = |resolver: &str, addresses: &[String]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dane-smime"));
        command
            .args(["lookup", "--json", "--resolver", resolver, "--trust-anchor"])
            .arg(&anchor)
            .args(addresses);
        timed(&mut command)
    };
    let ours = |addresses: &[String]| asking(&resolver, addresses);
    let address = |number: usize| format!("alice@z{number}.test");
    let name = owner(&address(0));
    let port = tree.address.port().to_string();
    let delv = || {
        let mut command = Command::new("delv");
        command.args(["@127.0.0.1", "-p", &port, "+root=.", "-a"]).arg(&keys).args([&name, "SMIMEA"]);
        timed(&mut command)
    };
    let settings = tree.path("unbound.conf");
    std::fs::write(&settings, unbound_settings(&port)).unwrap();
    let unbound = || {
        let mut command = Command::new("unbound-host");
        command.arg("-C").arg(&settings).arg("-f").arg(&anchor).args(["-v", "-t", "SMIMEA", &name]);
        timed(&mut command)
    };
    let has_unbound = Command::new("unbound-host").arg("-h").output().is_ok();
    let all: Vec<String> = (0..ZONES).map(address).collect();
    // Taken in turns, so that a busy moment meets all alike.
    let (mut one, mut fifty, mut by_delv, mut by_unbound) = (vec![], vec![], vec![], vec![]);
    let mut from_afar = distant.each_ref().map(|_| (vec![], vec![]));
    for _ in 0..RUNS {
        one.push(ours(&all[..1]));
        by_delv.push(delv());
        fifty.push(ours(&all));
        for ((_, resolver), (one, fifty)) in distant.iter().zip(&mut from_afar) {
            one.push(asking(resolver, &all[..1]));
            fifty.push(asking(resolver, &all));
        }
        if has_unbound {
            by_unbound.push(unbound());
        }
    }
    println!("{:<44}{:>10}{:>10}{:>8}{:>10}  aim", "", "time", "rival", "ratio", "computed");
    row("one cold, whole process, beside delv", &one, &by_delv, "1.5");
    if has_unbound {
        row("one cold, whole process, beside unbound-host", &one, &by_unbound, "");
    }
    row(&format!("{ZONES} cold in {ZONES} zones, beside one"), &fifty, &one, "3");
    for ((distance, _), (one, fifty)) in distant.iter().zip(&from_afar) {
        row(&format!("the same, resolver {} ms away", distance.as_millis()), fifty, one, "3");
    }
    let warm = warm(&tree, &address(0));
    println!(
        "{:<44}{:>10}{:>28}  1 ms",
        "warm, through the native-messaging port",
        format!("{warm:.2?}"),
        ""
    );
}

/// Median times with their ratio, and the ratio of what was computed.
fn row(what: &str, ours: &[Cost], other: &[Cost], aim: &str) {
    let time = |costs: &[Cost]| median(costs.iter().map(|cost| cost.time).collect());
    let computed = |costs: &[Cost]| costs.iter().map(|cost| cost.ticks).sum::<u64>().max(1);
    let (one, two) = (time(ours), time(other));
    #[allow(clippy::as_conversions, clippy::cast_precision_loss, reason = "small numbers, printed")]
    let work = computed(ours) as f64 / computed(other) as f64;
    println!(
        "{what:<44}{:>10}{:>10}{:>8.2}{work:>10.2}  {aim}",
        format!("{one:.2?}"),
        format!("{two:.2?}"),
        one.as_secs_f64() / two.as_secs_f64()
    );
}

/// One run of a program.
struct Cost {
    time: Duration,
    /// Processor time, in ticks of the system: good for a sum over many runs.
    ticks: u64,
}

fn owner(address: &str) -> String {
    OwnerName::of(&EmailAddress::parse(address).unwrap(), Profile::Rfc8162).unwrap().to_string()
}

fn timed(command: &mut Command) -> Cost {
    let (begun, before) = (Instant::now(), computed());
    let output = command.stdin(Stdio::null()).output().expect("delv (bind9-dnsutils) must be installed");
    let time = begun.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Cost { time, ticks: computed() - before }
}

/// Processor time of all programs run so far (proc(5), `cutime` and `cstime`).
fn computed() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    [13, 14].iter().filter_map(|at| fields.get(*at)?.parse::<u64>().ok()).sum()
}

fn unbound_settings(port: &str) -> String {
    format!(
        "server:\n  do-not-query-localhost: no\n  local-zone: \"test.\" nodefault\n  do-ip6: no\n\
         forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{port}\n"
    )
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// BIND's way of writing a DNSKEY anchor.
fn bind_keys(zone_file_line: &str) -> String {
    let line = zone_file_line.lines().find(|line| line.contains("DNSKEY 257")).unwrap();
    let fields: Vec<&str> = line.split_whitespace().skip_while(|word| *word != "257").collect();
    format!(
        "trust-anchors {{ . static-key {} {} {} \"{}\"; }};\n",
        fields[0],
        fields[1],
        fields[2],
        fields[3..].concat()
    )
}

/// The server, further away: what is sent arrives so much later.
fn distant(server: SocketAddr, way: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::thread::spawn(move || {
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((near, _)) = listener.accept().await {
                let (from_near, to_near) = near.into_split();
                let (from_far, to_far) = TcpStream::connect(server).await.unwrap().into_split();
                carry(from_near, to_far, way);
                carry(from_far, to_near, way);
            }
        });
    });
    address
}

fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: Duration) {
    to.as_ref().set_nodelay(true).unwrap();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut octets = vec![0; 65_536];
        while let Ok(count @ 1..) = from.read(&mut octets).await {
            // The way adds what it takes and nothing else: no server waits for an acknowledgement that
            // this end has put off.
            #[cfg(target_os = "linux")]
            from.as_ref().set_quickack(true).unwrap();
            sender.send((Instant::now() + way, octets[..count].to_vec())).unwrap();
        }
    });
    tokio::spawn(async move {
        while let Some((due, octets)) = receiver.recv().await {
            tokio::time::sleep_until(due.into()).await;
            if to.write_all(&octets).await.is_err() {
                break;
            }
        }
    });
}

/// A look-up that was made before, asked again through the host's standard streams.
fn warm(tree: &Tree, address: &str) -> Duration {
    let home = tree.path("home");
    std::fs::create_dir_all(home.join("dane-smime")).unwrap();
    let settings = format!(
        "resolver = \"{}\"\ntrust-anchor = \"{}\"\ndata-dir = \"{}\"\n",
        tree.address,
        tree.anchor_file().display(),
        home.display()
    );
    std::fs::write(home.join("dane-smime/config.toml"), settings).unwrap();
    let mut host = Command::new(env!("CARGO_BIN_EXE_dane-smime-host"))
        .args(["/dane_smime.json", "dane-smime@dane-smime.org"])
        .env("XDG_CONFIG_HOME", &home)
        .env("HOME", &home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    say(&mut host, r#"{"type":"hello","id":1,"protocol":{"min":1,"max":1},"addon":"0.1.0"}"#);
    let mut times = Vec::new();
    for id in 2..RUNS + 3 {
        let begun = Instant::now();
        let answer = say(&mut host, &format!(r#"{{"type":"lookup","id":{id},"addresses":["{address}"]}}"#));
        assert!(answer.contains("\"ready\""), "{answer}");
        times.push(begun.elapsed());
    }
    drop(host.stdin.take());
    host.wait().unwrap();
    times.remove(0);
    median(times)
}

fn say(host: &mut Child, frame: &str) -> String {
    let input = host.stdin.as_mut().unwrap();
    let length = u32::try_from(frame.len()).unwrap().to_ne_bytes();
    input.write_all(&[&length[..], frame.as_bytes()].concat()).unwrap();
    input.flush().unwrap();
    let output = host.stdout.as_mut().unwrap();
    let mut length = [0; 4];
    output.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::try_from(u32::from_ne_bytes(length)).unwrap()];
    output.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}
