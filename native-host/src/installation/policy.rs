//! What the add-on's part of a policies.json may say. The add-on itself judges it in `background/settings.js`; this is for
//! whoever writes one and wants to know before a thousand desks read it. Both are tested with the same cases.

use serde_json::{Map, Value};

use super::ADD_ON;

/// What is wrong in a policies.json.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyFault {
    /// It is no JSON, so Thunderbird ignores all of it.
    NotJson(String),
    /// Keys of our part that are unknown or have a value that is not understood, such as `accounts[0].encrypt`.
    Keys(Vec<String>),
}

/// Whether a policies.json says something of our add-on at all.
///
/// # Errors
/// [`PolicyFault`].
pub fn check(text: &str) -> Result<bool, PolicyFault> {
    let file: Value = serde_json::from_str(text).map_err(|error| PolicyFault::NotJson(error.to_string()))?;
    if !file.get("policies").is_some_and(Value::is_object) {
        return Err(PolicyFault::NotJson("there is no object “policies” in it".to_owned()));
    }
    let passed_over = passed_over(&file);
    if !passed_over.is_empty() {
        return Err(PolicyFault::Keys(passed_over));
    }
    let installs = file.pointer(&format!("/policies/ExtensionSettings/{ADD_ON}")).is_some();
    let Some(ours) = file.pointer(&format!("/policies/3rdparty/Extensions/{ADD_ON}")) else {
        return Ok(installs);
    };
    let problems = problems(ours);
    if problems.is_empty() { Ok(true) } else { Err(PolicyFault::Keys(problems)) }
}

/// The add-ons' parts for which Thunderbird passes over those of all add-ons: what is neither object nor list, nor one in a text.
/// Other such values it passes over alone, and only ours is judged here.
fn passed_over(file: &Value) -> Vec<String> {
    let Some(third) = file.pointer("/policies/3rdparty") else { return Vec::new() };
    let Some(third) = third.as_object() else { return vec!["3rdparty".to_owned()] };
    let Some(all) = third.get("Extensions") else { return Vec::new() };
    let Some(all) = all.as_object() else { return vec!["3rdparty.Extensions".to_owned()] };
    let is_none =
        |part: &Value| part.as_str().is_some_and(|text| serde_json::from_str::<Value>(text).is_err());
    let parts = all.iter().filter(|(_, part)| is_none(part));
    parts.map(|(id, _)| format!("3rdparty.Extensions.{id}")).collect()
}

/// The keys that are not understood, in their order.
pub fn problems(policy: &Value) -> Vec<String> {
    let mut found = Vec::new();
    each(policy, "", &mut found, |key, path, value, found| match key {
        "defaults" => each(value, path, found, wish),
        "accounts" => list(value, path, found, |value, path, found| {
            each(value, path, found, |key, path, value, found| {
                if key == "match" {
                    expect(is_pattern(value), path, found);
                } else {
                    wish(key, path, value, found);
                }
            });
            if value.as_object().is_some_and(|account| !account.contains_key("match")) {
                found.push(format!("{path}.match"));
            }
        }),
        "encrypt_to" => list(value, path, found, |value, path, found| expect(is_pattern(value), path, found)),
        "offer_unencrypted" => expect(value.is_boolean(), path, found),
        "open_with" => expect(is_one_of(value, &["addon", "thunderbird"]), path, found),
        "patience" => {
            expect(value.as_f64().is_some_and(|factor| (0.01..=20.0).contains(&factor)), path, found);
        }
        "locked" => list(value, path, found, |value, path, found| {
            expect(is_one_of(value, &["defaults", "accounts"]), path, found);
        }),
        _ => found.push(path.to_owned()),
    });
    found
}

fn wish(key: &str, path: &str, value: &Value, found: &mut Vec<String>) {
    match key {
        "sign" => expect(is_one_of(value, &["always", "never", "ask"]), path, found),
        "encrypt" => expect(is_one_of(value, &["required", "possible", "never"]), path, found),
        "subject" => expect(is_one_of(value, &["hidden", "readable"]), path, found),
        "unattended" => expect(is_one_of(value, &["refused", "allowed"]), path, found),
        "certificate" => expect(is_fingerprint(value), path, found),
        "forms" => list(value, path, found, |value, path, found| {
            expect(is_one_of(value, &["opaque", "triple", "nocerts", "wrap"]), path, found);
        }),
        _ => found.push(path.to_owned()),
    }
}

fn each(
    object: &Value,
    path: &str,
    found: &mut Vec<String>,
    check: impl Fn(&str, &str, &Value, &mut Vec<String>),
) {
    let none = Map::new();
    expect(object.is_object(), path, found);
    for (key, value) in object.as_object().unwrap_or(&none) {
        let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        check(key, &inner, value, found);
    }
}

fn list(array: &Value, path: &str, found: &mut Vec<String>, check: impl Fn(&Value, &str, &mut Vec<String>)) {
    expect(array.is_array(), path, found);
    for (index, value) in array.as_array().into_iter().flatten().enumerate() {
        check(value, &format!("{path}[{index}]"), found);
    }
}

fn expect(good: bool, path: &str, found: &mut Vec<String>) {
    if !good {
        found.push(path.to_owned());
    }
}

fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|text| words.contains(&text))
}

fn is_fingerprint(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// An address, or `*@domain`.
fn is_pattern(value: &Value) -> bool {
    let Some((local, domain)) = value.as_str().and_then(|text| text.split_once('@')) else { return false };
    let plain = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '@');
    plain(local) && plain(domain) && !domain.contains('*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_add_on_finds_wrong_is_found_here_too() {
        let cases = include_str!("../../../tests/extension/data/policies.json");
        let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let keys = |word: &Value| word.as_str().unwrap().rsplit_once(' ').unwrap().0.to_owned();
            let expected: Vec<String> = case["problems"].as_array().unwrap().iter().map(keys).collect();
            assert_eq!(problems(&case["policy"]), expected, "{case}");
        }
    }

    #[test]
    fn the_samples_are_good() {
        for sample in [
            include_str!("../../../manifests/policies/policies.json"),
            include_str!("../../../manifests/policies/policies-every-option.json"),
        ] {
            assert_eq!(check(sample), Ok(true));
        }
        assert_eq!(
            check(r#"{"policies":{"3rdparty":{"Extensions":{"a@a.test":"{}","b@b.test":1}}}}"#),
            Ok(false)
        );
        for (broken, key) in [
            (r#"{"policies":{"3rdparty":[]}}"#, "3rdparty"),
            (r#"{"policies":{"3rdparty":{"Extensions":[]}}}"#, "3rdparty.Extensions"),
            (r#"{"policies":{"3rdparty":{"Extensions":{"a@a.test":"x"}}}}"#, "3rdparty.Extensions.a@a.test"),
        ] {
            assert_eq!(check(broken), Err(PolicyFault::Keys(vec![key.to_owned()])), "{broken}");
        }
        // Thunderbird takes these for unreadable.
        for none in ["", "{}", "[]", r#"{"policy":{}}"#, r#"{"policies":null}"#] {
            assert!(matches!(check(none), Err(PolicyFault::NotJson(_))), "{none}");
        }
        assert_eq!(check(r#"{"policies":{}}"#), Ok(false));
        assert!(matches!(check("{,}"), Err(PolicyFault::NotJson(_))));
    }
}
