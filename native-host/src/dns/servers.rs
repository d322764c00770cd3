//! Which resolvers are asked, and how: the forms of `--resolver`.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use http::uri::PathAndQuery;

/// The resolvers that a user or the system chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Servers {
    /// Those of the operating system, read anew when they change.
    #[default]
    System,
    /// Those that a file in the form of resolv.conf(5) names, read anew when it changes.
    ResolvConf(PathBuf),
    /// Plain DNS, TCP first (RFC 8162 section 7).
    Plain(SocketAddr),
    /// DNS over TLS (RFC 7858).
    Tls {
        /// Where it listens.
        address: SocketAddr,
        /// The name its certificate must have; its IP address if none is given.
        name: Option<String>,
    },
    /// DNS over HTTPS (RFC 8484).
    Https {
        /// The host's name or address.
        host: String,
        /// The port.
        port: u16,
        /// The path of the URI.
        path: String,
    },
}

/// The text names no resolver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no resolver; write 127.0.0.1:53, [::1]:53, tls://1.2.3.4#name or https://host/dns-query")]
pub struct ServerError(pub String);

impl FromStr for Servers {
    type Err = ServerError;

    fn from_str(text: &str) -> Result<Self, ServerError> {
        let wrong = || ServerError(text.to_owned());
        if text == "system" {
            Ok(Self::System)
        } else if let Some(rest) = text.strip_prefix("tls://") {
            let (address, name) = match rest.split_once('#') {
                Some((address, name)) if is_host(name) => (address, Some(name.to_owned())),
                Some(_) => return Err(wrong()),
                None => (rest, None),
            };
            Ok(Self::Tls { address: socket_address(address, 853).ok_or_else(wrong)?, name })
        } else if let Some(rest) = text.strip_prefix("https://") {
            let (authority, path) = match rest.find('/') {
                Some(at) => rest.split_at(at),
                None => (rest, "/dns-query"),
            };
            let (host, port) = split_authority(authority).ok_or_else(wrong)?;
            path.parse::<PathAndQuery>().map_err(|_| wrong())?;
            Ok(Self::Https { host, port, path: path.to_owned() })
        } else {
            socket_address(text.strip_prefix("dns://").unwrap_or(text), 53).map(Self::Plain).ok_or_else(wrong)
        }
    }
}

/// `1.2.3.4`, `1.2.3.4:53`, `::1`, `[::1]`, `[::1]:53`.
fn socket_address(text: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, port))
}

/// Host and port of an HTTPS URI; user information is refused.
fn split_authority(text: &str) -> Option<(String, u16)> {
    if let Some(address) = socket_address(text, 443) {
        return Some((address.ip().to_string(), address.port()));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (text, 443),
    };
    is_host(host).then(|| (host.to_owned(), port))
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b))
}

/// One resolver with the ways to it, the preferred one first.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// How it can be spoken to.
    pub(super) ways: Vec<Protocol>,
}

/// How a resolver is spoken to.
#[derive(Clone, Debug)]
pub(super) enum Protocol {
    Tcp,
    Udp,
    Tls { name: String },
    Https { host: String, path: String },
}

impl Servers {
    /// The servers to ask, in order. For a DoH host given by name this asks the operating system
    /// for its address and may block.
    pub(super) fn resolve(&self) -> std::io::Result<Vec<Server>> {
        match self {
            Self::System if READS_RESOLV_CONF => Self::ResolvConf(SYSTEM_FILE.into()).resolve(),
            Self::System => {
                let (config, _) = hickory_resolver::system_conf::read_system_conf()
                    .map_err(|error| std::io::Error::other(error.to_string()))?;
                let servers = config.name_servers().iter().map(|server| SocketAddr::new(server.ip, 53));
                Ok(each_once(servers))
            }
            Self::ResolvConf(file) => {
                let text = std::fs::read(file)?;
                let text = String::from_utf8_lossy(&text);
                Ok(each_once(text.lines().filter_map(nameserver).take(MOST_NAMED)))
            }
            Self::Plain(address) => Ok(vec![plain(*address)]),
            Self::Tls { address, name } => {
                let name = name.clone().unwrap_or_else(|| address.ip().to_string());
                Ok(vec![Server { address: *address, ways: vec![Protocol::Tls { name }] }])
            }
            Self::Https { host, port, path } => {
                let ways = vec![Protocol::Https { host: host.clone(), path: path.clone() }];
                let addresses = (host.as_str(), *port).to_socket_addrs()?;
                Ok(addresses.map(|address| Server { address, ways: ways.clone() }).collect())
            }
        }
    }
}

/// What tells that the servers may have changed: when the file was written, and how long it is.
pub(super) type Version = Option<(SystemTime, u64)>;

impl Servers {
    /// Changes when the servers may have changed.
    pub(super) fn version(&self) -> Version {
        let file = match self {
            Self::System if cfg!(unix) => Path::new(SYSTEM_FILE),
            Self::ResolvConf(file) => file,
            _ => return None,
        };
        let file = std::fs::metadata(file).ok()?;
        Some((file.modified().ok()?, file.len()))
    }
}

/// Where the system's resolvers stand on Unix; macOS knows better ones than its file.
const SYSTEM_FILE: &str = "/etc/resolv.conf";
/// MAXNS of resolv.conf(5). More would share the time that one question has among servers which nobody else asks.
const MOST_NAMED: usize = 3;
const READS_RESOLV_CONF: bool = cfg!(unix) && !cfg!(target_vendor = "apple");

/// What a line of resolv.conf(5) names. hickory reads them as well, but loses the interface of a
/// link-local address (RFC 4007 section 11), by which routers announce themselves, and takes offence at
/// search lists.
fn nameserver(line: &str) -> Option<SocketAddr> {
    let mut words = line.split_whitespace();
    let address = words.next().filter(|word| *word == "nameserver").and(words.next())?;
    match address.split_once('%') {
        // The system knows the number of the interface, and asks nobody for what is an address.
        Some((ip, _)) if ip.parse::<Ipv6Addr>().is_ok() => (address, 53).to_socket_addrs().ok()?.next(),
        Some(_) => None,
        None => Some(SocketAddr::new(address.parse().ok()?, 53)),
    }
}

fn each_once(addresses: impl Iterator<Item = SocketAddr>) -> Vec<Server> {
    let mut found: Vec<Server> = Vec::new();
    for address in addresses {
        if found.iter().all(|known| known.address != address) {
            found.push(plain(address));
        }
    }
    found
}

/// RFC 8162 section 7: certificates do not fit UDP, so TCP first.
fn plain(address: SocketAddr) -> Server {
    Server { address, ways: vec![Protocol::Tcp, Protocol::Udp] }
}

/// TLS for DoT and DoH: the system's certificate authorities.
pub(super) fn tls_config() -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    match builder {
        Ok(builder) => builder.with_root_certificates(roots).with_no_client_auth(),
        // ring speaks TLS 1.2 and 1.3; if it ever did not, nothing would be trusted.
        Err(_) => rustls::ClientConfig::builder()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_resolver_option() {
        let plain = |text: &str| Ok(Servers::Plain(text.parse().unwrap()));
        assert_eq!("127.0.0.1:5300".parse(), plain("127.0.0.1:5300"));
        assert_eq!("127.0.0.1".parse(), plain("127.0.0.1:53"));
        assert_eq!("[::1]:53".parse(), plain("[::1]:53"));
        assert_eq!("::1".parse(), plain("[::1]:53"));
        assert_eq!(
            "tls://1.2.3.4#dot.example".parse(),
            Ok(Servers::Tls { address: "1.2.3.4:853".parse().unwrap(), name: Some("dot.example".into()) })
        );
        assert_eq!(
            "tls://[::1]:8853".parse(),
            Ok(Servers::Tls { address: "[::1]:8853".parse().unwrap(), name: None })
        );
        assert_eq!(
            "https://dns.example/dns-query".parse(),
            Ok(Servers::Https { host: "dns.example".into(), port: 443, path: "/dns-query".into() })
        );
        assert_eq!(
            "https://127.0.0.1:8443".parse(),
            Ok(Servers::Https { host: "127.0.0.1".into(), port: 8443, path: "/dns-query".into() })
        );
        assert_eq!("system".parse(), Ok(Servers::System));
    }

    #[test]
    fn lines_of_resolv_conf() {
        let named = |line| nameserver(line).map(|address| address.to_string());
        assert_eq!(named("nameserver 192.0.2.1 # home").as_deref(), Some("192.0.2.1:53"));
        assert_eq!(named("\tnameserver  2001:db8::1").as_deref(), Some("[2001:db8::1]:53"));
        assert_eq!(named("nameserver fe80::1%1").as_deref(), Some("[fe80::1%1]:53"));
        for line in [
            "",
            "; nameserver 192.0.2.1",
            "search a..b",
            "nameserver",
            "nameserver dns.example",
            "nameserver x%1",
        ] {
            assert_eq!(named(line), None, "{line}");
        }
    }

    #[test]
    fn as_many_servers_as_others_ask() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines: String = (1..9).map(|n| format!("nameserver 192.0.2.{n}\n")).collect();
        std::fs::write(file.path(), format!("search test\noptions rotate\n{lines}")).unwrap();
        let servers = Servers::ResolvConf(file.path().to_owned()).resolve().unwrap();
        let named: Vec<_> = servers.iter().map(|server| server.address.ip().to_string()).collect();
        assert_eq!(named, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    }

    #[test]
    fn what_is_no_resolver_is_refused() {
        for text in [
            "",
            "dns.example",
            "http://1.2.3.4",
            "tls://dns.example",
            "https://user@host/",
            "https://host/a b",
            "tls://1.2.3.4#",
        ] {
            assert_eq!(text.parse::<Servers>(), Err(ServerError(text.to_owned())), "{text}");
        }
    }
}
