//! Mail addresses: parsing addr-specs and From fields per RFC 5322 section 3.4, with comments,
//! quoting and white space, into a form in which two spellings of one address are equal.
//!
//! # Limitations
//! Domain literals (`user@[192.0.2.1]`) are refused: nobody publishes certificates for them.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// One mailbox's address, in normal form.
///
/// The local part has comments and needless quoting removed and is in Unicode NFC, its case kept
/// exactly as spelled (RFC 8162 section 4 forbids guessing). The domain is in lower-case A-labels
/// (RFC 5890), without a final dot. Two addresses are equal exactly when they lead to the same
/// SMIMEA owner name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    local: String,
    domain: String,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The part behind the `@` is no domain name.
    #[error("the part behind the @ is not a domain name")]
    BadDomain,
    /// The part before the `@` is empty, or has characters that only a quoted string may have or that nobody sees.
    #[error("the part before the @ is not a valid mailbox name")]
    BadLocalPart,
    /// A comment or a quoted string does not end.
    #[error("a comment or a quoted string in the address does not end")]
    Unclosed,
    /// There is no `@`.
    #[error("there is no @ in the address")]
    NoAt,
    /// The address is longer than RFC 5321 section 4.5.3.1 allows.
    #[error("the address is too long")]
    TooLong,
    /// Something stands behind the end of the address.
    #[error("something stands behind the end of the address")]
    Trailing,
}

/// What a From field names (RFC 5322 section 3.6.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The display name as raw text, still RFC 2047 encoded where it was; empty if there is none.
    pub display_name: String,
    /// The address.
    pub address: EmailAddress,
}

impl EmailAddress {
    /// Parses one addr-spec such as `bob@example.test`, `"b o b"@example.test` or
    /// `bob(comment)@bücher.example`.
    ///
    /// # Errors
    /// [`AddressError`] says which part is wrong. Nothing is repaired by guessing.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let mut cursor = Cursor::new(text);
        let address = match cursor.addr_spec() {
            // Further on there is one, behind what no mailbox name has unquoted: `bob smith@`, `Bob <bob@`.
            Err(AddressError::NoAt) if cursor.rest.any(|c| c == '@') => Err(AddressError::BadLocalPart),
            other => other,
        }?;
        cursor.skip_cfws()?;
        if cursor.peek().is_some() { Err(AddressError::Trailing) } else { Ok(address) }
    }

    /// The local part: NFC, unquoted, case as spelled.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The domain in lower-case A-labels, without a final dot.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether both lead to one mailbox as far as anybody but its domain can say: the case of ASCII letters does not
    /// count (RFC 8550 section 3, RFC 9788 section 4.4.5).
    pub fn is_same_mailbox(&self, other: &Self) -> bool {
        self.domain == other.domain && self.local.eq_ignore_ascii_case(&other.local)
    }

    fn from_parts(local: &str, domain: &str) -> Result<Self, AddressError> {
        let local: String = local.nfc().collect();
        // A character that turns the writing round or that nobody sees shows one address as another, and so does a blank
        // at its end. The two joiners spell words.
        let is_blank = |c: char| c.is_whitespace() && c != ' ';
        let misleads = |c: char| is_blank(c) || is_invisible(c) && !matches!(c, '\u{200c}' | '\u{200d}');
        // U+FFFD stands for octets that nobody can read: they could be any.
        if local.is_empty() || local.chars().any(|c| misleads(c) || c == char::REPLACEMENT_CHARACTER) {
            return Err(AddressError::BadLocalPart);
        }
        // RFC 2047 section 5: no encoded word is part of an address, and programs that decode it show another.
        if local.contains("=?") {
            return Err(AddressError::BadLocalPart);
        }
        // RFC 5321 section 4.5.3.1.1 counts octets; twice that leaves room for what is in use.
        if local.len() > 128 {
            return Err(AddressError::TooLong);
        }
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::BadDomain)?;
        let fits = ascii.len() <= 253
            && ascii.split('.').all(|label| !label.is_empty() && label.len() <= 63)
            && ascii.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
        if !fits {
            return Err(AddressError::BadDomain);
        }
        Ok(Self { local, domain: ascii })
    }
}

impl fmt::Display for EmailAddress {
    /// The addr-spec, the local part quoted where RFC 5322 asks for it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_atom(&self.local) {
            write!(f, "{}@{}", self.local, self.domain)
        } else {
            let escaped = self.local.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "\"{escaped}\"@{}", self.domain)
        }
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

/// Parses the value of an address field (From, To, Cc …): mailboxes and groups, separated by
/// commas. The members of a group are returned like any others.
///
/// # Errors
/// [`AddressError`] for the first element that is no mailbox: an address list is taken whole or
/// not at all.
pub fn parse_mailbox_list(text: &str) -> Result<Vec<Mailbox>, AddressError> {
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    loop {
        cursor.skip_cfws()?;
        match cursor.peek() {
            None => return Ok(found),
            Some(',' | ';') => cursor.advance(), // empty elements are obsolete but legal (section 4.4)
            Some(_) => cursor.mailbox_or_group_start(&mut found)?,
        }
    }
}

/// The value of a field that names exactly one mailbox, and nothing beside it: no group (RFC 6854), no
/// empty elements, and no control characters, at which programs may stop reading.
pub fn parse_single_mailbox(text: &str) -> Option<Mailbox> {
    if text.contains(|c: char| c.is_control() && c != '\t') {
        return None;
    }
    let mut cursor = Cursor::new(text);
    let mut found = Vec::new();
    cursor.skip_cfws().ok()?;
    cursor.mailbox_or_group_start(&mut found).ok()?;
    cursor.skip_cfws().ok()?;
    found.pop().filter(|_| cursor.peek().is_none())
}

/// Control characters, and those that nobody sees: they only direct, join or vary others (Unicode's
/// Default_Ignorable_Code_Point, annotations), or are blank letters.
pub fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii()
}

fn is_dot_atom(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// One pass over the text; every step consumes or fails, so the work is linear.
struct Cursor<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.chars().peekable() }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn advance(&mut self) {
        self.rest.next();
    }

    /// Comments and folding white space (section 3.2.2); comments nest, counted, not recursed.
    fn skip_cfws(&mut self) -> Result<(), AddressError> {
        loop {
            match self.peek() {
                Some(' ' | '\t' | '\r' | '\n') => self.advance(),
                Some('(') => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Result<(), AddressError> {
        let mut depth = 0_usize;
        loop {
            match self.rest.next().ok_or(AddressError::Unclosed)? {
                '(' => depth = depth.saturating_add(1),
                ')' => depth = depth.saturating_sub(1),
                '\\' => self.advance(),
                // Others take what follows for one word, which then hides the end of the comment, or ends it.
                '"' => self.up_to('"', "()\\").map(drop)?,
                '[' => self.up_to(']', "()\"[\\").map(drop)?,
                '=' if self.peek() == Some('?') => self.encoded_word("()\"[]\\").map(drop)?,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn quoted_string(&mut self) -> Result<String, AddressError> {
        let mut text = String::new();
        self.advance();
        loop {
            match self.rest.next().ok_or(AddressError::Unclosed)? {
                '"' => return Ok(text),
                '\\' => text.push(self.rest.next().ok_or(AddressError::Unclosed)?),
                '\r' | '\n' => {}
                c => text.push(c),
            }
        }
    }

    /// The text before the next `end`, which is passed over too. None of `ambiguous` may be in it.
    fn up_to(&mut self, end: char, ambiguous: &str) -> Result<String, AddressError> {
        let mut text = String::new();
        loop {
            match self.rest.next().filter(|c| !ambiguous.contains(*c)).ok_or(AddressError::Unclosed)? {
                c if c == end => return Ok(text),
                c => text.push(c),
            }
        }
    }

    /// An encoded word (RFC 2047 section 2) whose `=` was read. What looks like one must be one, or programs differ in
    /// where it ends.
    fn encoded_word(&mut self, ambiguous: &str) -> Result<String, AddressError> {
        self.advance();
        let parts = [(); 3].map(|()| self.up_to('?', ambiguous));
        match (parts, self.rest.next()) {
            ([Ok(charset), Ok(encoding), Ok(text)], Some('='))
                if ["B", "Q", "b", "q"].contains(&&*encoding) =>
            {
                Ok(format!("=?{charset}?{encoding}?{text}?="))
            }
            _ => Err(AddressError::Unclosed),
        }
    }

    fn atom(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.peek().filter(|c| is_atext(*c)) {
            text.push(c);
            self.advance();
        }
        text
    }

    /// Words joined by dots, CFWS allowed round each (`obs-local-part` and, where none may be quoted,
    /// `obs-domain`, section 4.4).
    fn dotted_words(&mut self, may_be_quoted: bool) -> Result<String, AddressError> {
        let mut text = String::new();
        loop {
            self.skip_cfws()?;
            let word = match self.peek() {
                Some('"') if may_be_quoted => self.quoted_string()?,
                _ => self.atom(),
            };
            text.push_str(&word);
            self.skip_cfws()?;
            if self.peek() != Some('.') {
                return Ok(text);
            }
            text.push('.');
            self.advance();
        }
    }

    fn addr_spec(&mut self) -> Result<EmailAddress, AddressError> {
        self.skip_cfws()?;
        let quoted = self.peek() == Some('"');
        let local = self.dotted_words(true)?;
        if !quoted && !is_dot_atom(&local) && self.peek() == Some('@') {
            return Err(AddressError::BadLocalPart);
        }
        if self.peek() != Some('@') {
            return Err(AddressError::NoAt);
        }
        self.advance();
        let domain = self.dotted_words(false)?;
        EmailAddress::from_parts(&local, &domain)
    }

    /// `mailbox`, or the name of a group up to its colon; members follow as list elements.
    ///
    /// A display name may hold characters that RFC 5322 wants quoted (`a@b.test <c@d.test>`,
    /// `[List] Bob <bob@example.test>`): what counts is what stands in the angle brackets.
    fn mailbox_or_group_start(&mut self, found: &mut Vec<Mailbox>) -> Result<(), AddressError> {
        let start = self.rest.clone();
        let plain = self.addr_spec().and_then(|address| self.end_of_element().map(|()| address));
        match plain {
            Ok(address) => {
                found.push(Mailbox { display_name: String::new(), address });
                Ok(())
            }
            Err(error) => {
                self.rest = start;
                self.named_mailbox(found, error)
            }
        }
    }

    /// `display-name <addr-spec>`, or `group:`. `otherwise` is told where it is neither.
    fn named_mailbox(
        &mut self,
        found: &mut Vec<Mailbox>,
        otherwise: AddressError,
    ) -> Result<(), AddressError> {
        let mut name = String::new();
        loop {
            match self.peek() {
                Some('<') => break,
                Some(':') => {
                    self.advance();
                    return Ok(());
                }
                Some('"') => name.push_str(&self.quoted_string()?),
                Some('(') => self.skip_comment()?,
                // Thunderbird lets a `\` quote what is behind it, a `"` for instance, wherever it stands.
                Some(',' | ';' | '>' | '\\') | None => return Err(otherwise),
                // Such words are others' to take apart, too. Nothing may be in them that could be an address.
                Some('[') => {
                    self.advance();
                    name.push_str(&format!("[{}]", self.up_to(']', "\"<>@[\\")?));
                }
                Some('=') if self.rest.clone().nth(1) == Some('?') => {
                    self.advance();
                    name.push_str(&self.encoded_word("\"<>@[]\\")?);
                }
                Some(c) => {
                    name.push(if c.is_whitespace() { ' ' } else { c });
                    self.advance();
                }
            }
        }
        self.advance();
        let address = self.addr_spec()?;
        self.skip_cfws()?;
        if self.peek() != Some('>') {
            return Err(AddressError::Trailing);
        }
        self.advance();
        let words: Vec<&str> = name.split_whitespace().collect();
        found.push(Mailbox { display_name: words.join(" "), address });
        self.end_of_element()
    }

    fn end_of_element(&mut self) -> Result<(), AddressError> {
        self.skip_cfws()?;
        match self.peek() {
            None | Some(',' | ';') => Ok(()),
            Some(_) => Err(AddressError::Trailing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> String {
        EmailAddress::parse(text).unwrap().to_string()
    }

    #[test]
    fn spellings_of_one_address_are_equal() {
        assert_eq!(one("bob@example.test"), "bob@example.test");
        assert_eq!(one(" (x (y)) bob (z) @ (w) Example.TEST. "), "bob@example.test");
        assert_eq!(one("\"bob\"@example.test"), "bob@example.test");
        assert_eq!(one("\"b.o\\b\"@example.test"), "b.ob@example.test");
        assert_eq!(one("Bob@example.test"), "Bob@example.test");
        assert_eq!(one("bob@bücher.example"), "bob@xn--bcher-kva.example");
        assert_eq!(one("\"b o b\"@example.test"), "\"b o b\"@example.test");
        assert_eq!(one("b\u{200c}ob@example.test"), "b\u{200c}ob@example.test");
        // NFC: e + combining acute is the one character
        assert_eq!(EmailAddress::parse("re\u{301}my@a.test").unwrap().local(), "r\u{e9}my");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for (text, error) in [
            ("", AddressError::NoAt),
            ("bob", AddressError::NoAt),
            ("@example.test", AddressError::BadLocalPart),
            ("b..b@example.test", AddressError::BadLocalPart),
            ("bob smith@example.test", AddressError::BadLocalPart),
            ("Bob <bob@example.test>", AddressError::BadLocalPart),
            ("bob,jim@example.test", AddressError::BadLocalPart),
            ("bob smith", AddressError::NoAt),
            ("\u{202e}moc.elpmaxe@ecila.test", AddressError::BadLocalPart),
            ("\"b\u{2067}ob\"@example.test", AddressError::BadLocalPart),
            ("bob\u{200b}@example.test", AddressError::BadLocalPart),
            ("b\u{61c}ob@example.test", AddressError::BadLocalPart),
            ("bob\u{3164}@example.test", AddressError::BadLocalPart),
            ("bob\u{2800}@example.test", AddressError::BadLocalPart),
            ("bob\u{fe0f}@example.test", AddressError::BadLocalPart),
            ("\u{a0}bob@example.test", AddressError::BadLocalPart),
            ("bob\u{2028}@example.test", AddressError::BadLocalPart),
            ("\"b\tob\"@example.test", AddressError::BadLocalPart),
            ("\"b\0ob\"@example.test", AddressError::BadLocalPart),
            ("bob\u{fffd}@example.test", AddressError::BadLocalPart),
            ("bob@", AddressError::BadDomain),
            ("bob@[192.0.2.1]", AddressError::BadDomain),
            ("bob@\"example.test\"", AddressError::BadDomain),
            ("bob@exa_mple.test", AddressError::BadDomain),
            ("bob@example.test, eve@evil.test", AddressError::Trailing),
            ("\"bob@example.test", AddressError::Unclosed),
            ("(bob@example.test", AddressError::Unclosed),
        ] {
            assert_eq!(EmailAddress::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn one_mailbox_and_nothing_else() {
        let one = |text| parse_single_mailbox(text).map(|m| m.address.to_string());
        assert_eq!(one("(x) A <a@a.test> (y)").as_deref(), Some("a@a.test"));
        for text in
            ["", "a@a.test, b@b.test", "T: a@a.test;", "a@a.test,", ",a@a.test", "T:;", "A\0 <a@a.test>"]
        {
            assert_eq!(one(text), None, "{text}");
        }
    }

    #[test]
    fn mailbox_lists() {
        let names = |text| -> Vec<(String, String)> {
            parse_mailbox_list(text)
                .unwrap()
                .into_iter()
                .map(|m| (m.display_name, m.address.to_string()))
                .collect()
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        // the example of the seed guide
        assert_eq!(
            names("(robert) bob@bob.com, frederick <fred@fred.com>"),
            [pair("", "bob@bob.com"), pair("frederick", "fred@fred.com")]
        );
        assert_eq!(names("\"Eve, <eve@a.test>\" <bob@b.test>"), [pair("Eve, <eve@a.test>", "bob@b.test")]);
        assert_eq!(names("Team: a@a.test, B <b@b.test>;"), [pair("", "a@a.test"), pair("B", "b@b.test")]);
        assert_eq!(names("John Q. Public <j@p.test>"), [pair("John Q. Public", "j@p.test")]);
        assert_eq!(names("a@a.test <b@b.test>"), [pair("a@a.test", "b@b.test")]);
        assert_eq!(names("[List] \"B\" (x) C <b@b.test>"), [pair("[List] B C", "b@b.test")]);
        assert_eq!(names("<b@b.test>"), [pair("", "b@b.test")]);
        assert_eq!(parse_mailbox_list("a@a.test b@b.test"), Err(AddressError::Trailing));
        assert_eq!(parse_mailbox_list("Bob <bob@b.test> x"), Err(AddressError::Trailing));
        assert_eq!(parse_mailbox_list("undisclosed"), Err(AddressError::NoAt));
    }

    /// Whoever sends a mail writes its From field, the one inside an envelope too. The first of these took hours.
    #[test]
    fn hostile_lists_are_gone_through_once() {
        let texts = ["a:", "a@a.test,", "x <a@a.test>,", "a@a.test:", "\"x\":", "(x)a:", ",", "a.", "<"]
            .map(|element| element.repeat(300_000 / element.len()));
        let (done, all) = std::sync::mpsc::channel();
        let count = texts.len();
        std::thread::spawn(move || {
            texts.iter().for_each(|text| done.send(parse_mailbox_list(text).is_ok()).unwrap())
        });
        for _ in 0..count {
            all.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        }
    }
}
