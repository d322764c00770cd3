//! The Content-Type field (RFC 2045 section 5.1) with RFC 2231 continuations.

/// Most parameters a field may have, long ones in pieces among them.
const MAX_PARAMETERS: usize = 256;

/// A media type with its parameters. Names are lower-case, values as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    media: String,
    parameters: Vec<(String, String)>,
}

/// What a media type means to S/MIME (RFC 8551 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `application/pkcs7-mime` or its old `x-` name: a CMS object.
    Pkcs7Mime,
    /// `multipart/signed` with an S/MIME signature in its second part.
    ClearSigned,
    /// Anything else.
    Ordinary,
}

impl ContentType {
    /// Reads a field value. `None` where there is no `type/subtype`, where one parameter stands
    /// twice (readers would differ in which one they take), or where there are more than anybody writes.
    pub fn parse(value: &str) -> Option<Self> {
        let mut scanner = Scanner { rest: value };
        scanner.skip_space();
        let kind = scanner.token()?;
        scanner.skip_space();
        scanner.eat('/')?;
        scanner.skip_space();
        let media = format!("{kind}/{}", scanner.token()?).to_ascii_lowercase();
        let mut parameters: Vec<(String, String)> = Vec::new();
        loop {
            scanner.skip_space();
            if scanner.rest.is_empty() {
                break;
            }
            scanner.eat(';')?;
            scanner.skip_space();
            if scanner.rest.is_empty() || scanner.rest.starts_with(';') {
                continue; // a stray semicolon is common and harmless
            }
            let name = scanner.token()?.to_ascii_lowercase();
            scanner.skip_space();
            scanner.eat('=')?;
            scanner.skip_space();
            let value = scanner.value()?;
            if parameters.len() >= MAX_PARAMETERS || parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parameters.push((name, value));
        }
        Some(Self { media, parameters })
    }

    /// Whether a field value names a CMS object, however damaged its parameters are: an object says itself what
    /// it is, and none of them counts.
    pub fn begins_pkcs7_mime(value: &str) -> bool {
        let media = value.split(|c: char| c == ';' || c.is_whitespace()).next().unwrap_or_default();
        Self::parse(media).is_some_and(|media| media.kind() == Kind::Pkcs7Mime)
    }

    /// `text/plain`.
    pub fn text_plain() -> Self {
        Self { media: "text/plain".into(), parameters: Vec::new() }
    }

    /// `type/subtype` in lower case.
    pub fn media(&self) -> &str {
        &self.media
    }

    /// A parameter's value; `name` in lower case. Values cut in pieces (RFC 2231 section 3) are
    /// joined; percent-encoded ones are not decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let plain = |wanted: &str| self.parameters.iter().find(|(n, _)| n == wanted).map(|(_, v)| v.clone());
        if let Some(value) = plain(name) {
            return Some(value);
        }
        let mut joined = plain(&format!("{name}*0"))?;
        for piece in 1..=self.parameters.len() {
            match plain(&format!("{name}*{piece}")) {
                Some(more) => joined.push_str(&more),
                None => break,
            }
        }
        Some(joined)
    }

    /// The whole field written anew, without the parameters of these names; no line end behind it.
    pub fn field_without(&self, names: &[&str]) -> String {
        let mut field = format!("Content-Type: {}", self.media);
        for (name, value) in self.parameters.iter().filter(|(name, _)| !names.contains(&&**name)) {
            if name.ends_with('*') {
                field.push_str(&format!(";\r\n {name}={value}")); // RFC 2231 section 4: never quoted
            } else {
                let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
                field.push_str(&format!(";\r\n {name}=\"{quoted}\""));
            }
        }
        field
    }

    /// What it means to S/MIME. The `smime-type` parameter is a hint nobody verifies and is not
    /// looked at: the CMS object says itself what it is.
    pub fn kind(&self) -> Kind {
        match self.media.as_str() {
            "application/pkcs7-mime" | "application/x-pkcs7-mime" => Kind::Pkcs7Mime,
            "multipart/signed" if self.protocol_is_pkcs7() => Kind::ClearSigned,
            _ => Kind::Ordinary,
        }
    }

    fn protocol_is_pkcs7(&self) -> bool {
        let protocol = self.parameter("protocol").unwrap_or_default().to_ascii_lowercase();
        matches!(protocol.as_str(), "application/pkcs7-signature" | "application/x-pkcs7-signature")
    }
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    /// White space and comments; an unclosed comment takes the rest.
    fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.starts_with('(') {
                return;
            }
            let mut depth = 0_i32;
            let mut escaped = false;
            let end = self.rest.char_indices().find_map(|(at, c)| {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '(' => depth = depth.saturating_add(1),
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                (depth == 0).then_some(at.saturating_add(1))
            });
            self.rest = end.and_then(|end| self.rest.get(end..)).unwrap_or_default();
        }
    }

    fn eat(&mut self, c: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(c)?;
        Some(())
    }

    fn token(&mut self) -> Option<&'a str> {
        let stop = |c: char| !c.is_ascii_graphic() || "()<>@,;:\\\"/[]?=".contains(c);
        let end = self.rest.find(stop).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token or quoted string. Unquoted values in the wild contain `/`, `=` and `?`: they run to
    /// the next space or semicolon.
    fn value(&mut self) -> Option<String> {
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let mut text = String::new();
            let mut characters = quoted.char_indices();
            while let Some((at, c)) = characters.next() {
                match c {
                    '"' => {
                        self.rest = quoted.get(at.saturating_add(1)..)?;
                        return Some(text);
                    }
                    '\\' => text.push(characters.next()?.1),
                    c => text.push(c),
                }
            }
            return None;
        }
        let end =
            self.rest.find(|c: char| c.is_whitespace() || c == ';' || c == '"').unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!value.is_empty()).then(|| value.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mailers_write() {
        let signed = ContentType::parse(
            "multipart/signed; protocol=\"application/pkcs7-signature\"; micalg=sha-256;\tboundary=\"=_a b\"",
        )
        .unwrap();
        assert_eq!(signed.kind(), Kind::ClearSigned);
        assert_eq!(signed.parameter("boundary").as_deref(), Some("=_a b"));
        let mime = ContentType::parse("Application/X-PKCS7-MIME (old); name=smime.p7m;").unwrap();
        assert_eq!(mime.kind(), Kind::Pkcs7Mime);
        let pgp = ContentType::parse("multipart/signed; protocol=\"application/pgp-signature\"").unwrap();
        assert_eq!(pgp.kind(), Kind::Ordinary);
        let cut = ContentType::parse("a/b; boundary*0=x; boundary*1=\"y z\"").unwrap();
        assert_eq!(cut.parameter("boundary").as_deref(), Some("xy z"));
        let loose = ContentType::parse("multipart/mixed; boundary=----=_Part/1?2").unwrap();
        assert_eq!(loose.parameter("boundary").as_deref(), Some("----=_Part/1?2"));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        for value in ["", "text", "text/", "a/b; boundary=x; BOUNDARY=y", "a/b; boundary=\"x", "a/b; =x"] {
            assert_eq!(ContentType::parse(value), None, "{value}");
        }
        let many = |count: usize| (0..count).map(|at| format!("; p{at}=x")).collect::<String>();
        assert!(ContentType::parse(&format!("a/b{}", many(256))).is_some());
        assert_eq!(ContentType::parse(&format!("a/b{}", many(257))), None);
    }

    #[test]
    fn a_cms_object_needs_no_parameters() {
        for value in ["application/pkcs7-mime; name=\"x", "Application/X-PKCS7-MIME name=x; name=y"] {
            assert_eq!(ContentType::parse(value), None, "{value}");
            assert!(ContentType::begins_pkcs7_mime(value), "{value}");
        }
        for value in
            ["", "application/pkcs7-mimes", "application/pkcs7-mime, text/plain", "x; application/pkcs7-mime"]
        {
            assert!(!ContentType::begins_pkcs7_mime(value), "{value}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(value: String) {
            if let Some(parsed) = ContentType::parse(&value) {
                let _ = (parsed.kind(), parsed.parameter("boundary"));
            }
        }
    }
}
