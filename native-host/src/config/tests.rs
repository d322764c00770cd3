use super::*;

fn layer(text: &str) -> Layer {
    toml::from_str(text).unwrap()
}

fn load(command_line: &str, file: &str, policy: &str) -> Result<Settings, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let policy = if policy.is_empty() { None } else { write("policy.toml", policy) };
    Settings::from_files(layer(command_line), write("config.toml", file), policy)
}

#[test]
fn the_command_line_wins_over_the_file() {
    let settings = load(
        "resolver = '127.0.0.1:53'",
        "resolver = '[::1]:53'\nprofile = 'guide-2014'\ndata-dir = '/d'\nlog-to = 'journal'",
        "",
    )
    .unwrap();
    assert_eq!(settings.resolver.as_deref(), Some("127.0.0.1:53"));
    assert_eq!(settings.profile, Profile::GUIDE);
    assert_eq!(settings.data_dir, PathBuf::from("/d"));
    assert_eq!(settings.log.to, LogTarget::Journal);
}

#[test]
fn the_policy_wins_over_both_and_says_so_to_the_command_line() {
    let policy = "resolver = 'tls://9.9.9.9#dns.quad9.net'\naudit-log = '/a'";
    let settings = load("", "resolver = '127.0.0.1:53'\ndata-dir = '/d'", policy).unwrap();
    assert_eq!(settings.resolver.as_deref(), Some("tls://9.9.9.9#dns.quad9.net"));
    assert_eq!(settings.origin.fixed, ["resolver", "audit-log"]);
    assert!(load("resolver = 'tls://9.9.9.9#dns.quad9.net'", "data-dir = '/d'", policy).is_ok());
    let otherwise = load("resolver = '127.0.0.1:53'", "data-dir = '/d'", policy);
    assert!(matches!(otherwise, Err(ConfigError::SetByPolicy { key: "resolver", .. })), "{otherwise:?}");
}

#[test]
fn a_misspelt_key_is_refused_wherever_it_stands() {
    assert!(toml::from_str::<Layer>("trust_anchor = \"/a\"").is_err());
    let both = "addresses = ['*@a.test']\nhand-over = { directory = '/d', command = ['x'] }";
    assert!(toml::from_str::<Provision>(both).is_err());
    assert!(matches!(load("", "data-dir = '/d'", "resolvr = 'x'"), Err(ConfigError::Wrong { .. })));
}

#[test]
fn what_is_locked_counts_only_as_the_policy_sets_it() {
    let policy = "log = 'info'\nlocked = ['log', 'ca-file', 'sources']";
    let settings = load("", "data-dir = '/d'\nca-file = '/ca'\nsources = ['smimea']", policy).unwrap();
    assert_eq!(settings.ca_file, None);
    assert!(settings.brought_by_mail);
    assert_eq!(settings.origin.fixed, ["log", "ca-file", "sources"]);
    let otherwise = load("ca-file = '/ca'", "data-dir = '/d'", policy);
    assert!(matches!(otherwise, Err(ConfigError::SetByPolicy { key: "ca-file", .. })), "{otherwise:?}");
    let unknown = load("", "data-dir = '/d'", "locked = ['resolvr']");
    assert!(matches!(unknown, Err(ConfigError::LockedUnknown { .. })), "{unknown:?}");
    let user = load("", "data-dir = '/d'\nlocked = ['log']", "");
    assert!(matches!(user, Err(ConfigError::LockedByUser { .. })), "{user:?}");
}

#[test]
fn nothing_stands_in_for_what_proves() {
    assert!(!load("", "data-dir = '/d'\nsources = ['smimea']", "").unwrap().brought_by_mail);
    let without = load("", "data-dir = '/d'\nsources = ['mail']", "");
    assert!(matches!(without, Err(ConfigError::NoProof)), "{without:?}");
}

#[test]
fn what_is_logged_is_said_in_words_that_are_understood() {
    for good in ["warn", "OFF", "dane_smime::dns=debug", "info,dane_smime::dns=trace"] {
        assert!(!load("", &format!("data-dir = '/d'\nlog = '{good}'"), "").unwrap().log.filter_fixed);
    }
    for bad in ["", "verbose", "warning", "info,loud", "dane_smime=loud", "a=b=c"] {
        let wrong = load("", "data-dir = '/d'", &format!("log = '{bad}'"));
        assert!(matches!(wrong, Err(ConfigError::BadLog)), "{bad}");
    }
    assert!(load("", "data-dir = '/d'", "log = 'info'").unwrap().log.filter_fixed);
    assert!(load("", "data-dir = '/d'", "locked = ['log']").unwrap().log.filter_fixed);
}

#[test]
fn a_wrong_time_names_its_key() {
    let wrong = load("at = 'noon'", "data-dir = '/d'", "");
    assert!(matches!(wrong, Err(ConfigError::BadTime { key: "at" })));
}

#[test]
fn the_sample_policy_sets_every_key_that_is_for_administrators() {
    let sample: Layer = toml::from_str(include_str!("../../../manifests/policies/policy.toml")).unwrap();
    // What is for tests, for servers, or for single users.
    let others = ["data-dir", "unlock-file", "at", "dnssec-at"];
    let expected: Vec<_> = Layer::KEYS.iter().filter(|key| !others.contains(key)).copied().collect();
    assert_eq!(sample.set(), expected);
}

#[test]
fn paths_in_a_file_do_not_hang_on_where_the_program_is_started() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    let text = "data-dir = 'data'\nca-file = '/ca'\nunlock-file = '~/unlock'\nlog-to = 'log'\npinentry = 'pinentry-qt'";
    std::fs::write(&file, text).unwrap();
    let settings = Settings::from_files(layer("trust-anchor = 'anchors'"), Some(file.clone()), None).unwrap();
    assert_eq!(settings.data_dir, dir.path().join("data"));
    assert_eq!(settings.ca_file, Some("/ca".into()));
    let home = directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned());
    assert_eq!(settings.unlock_file, home.map(|home| home.join("unlock")));
    assert_eq!(settings.log.to, LogTarget::File(dir.path().join("log")));
    assert_eq!(settings.pinentry, Some("pinentry-qt".into()));
    assert_eq!(settings.trust_anchor, Some("anchors".into()), "the command line means where it is typed");
}

#[test]
fn a_policy_that_cannot_be_read_stops_everything() {
    let dir = tempfile::tempdir().unwrap();
    let policy = dir.path().join("policy.toml");
    let load = |policy: &Path| Settings::from_files(layer("data-dir = '/d'"), None, Some(policy.to_owned()));
    assert!(matches!(load(&policy), Err(ConfigError::Unreadable { .. })));
    assert!(matches!(load(dir.path()), Err(ConfigError::Unreadable { .. })));
    for (content, good) in [
        (&b"ca-file = '/\xff'"[..], false),
        (b"ca-file = 1", false),
        (b"ca-file = '/a'\nca-file = '/b'", false),
        (b"ca-file = '/a", false),
        (&[b'#'; 1024 * 1024 + 1], false),
        (b"\xef\xbb\xbfca-file = '/a'\r\nlocked = ['resolver']\r\n", true),
    ] {
        std::fs::write(&policy, content).unwrap();
        let loaded = load(&policy);
        assert_eq!(loaded.is_ok(), good, "{}: {loaded:?}", String::from_utf8_lossy(content));
    }
}
