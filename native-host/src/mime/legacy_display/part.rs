//! What is changed in one leaf of a mail.

use super::text::{body_element, escaped, in_charset, quoted_printable};
use super::{CLASS, Edit};
use crate::mime::header::{Entity, Field};
use crate::mime::transfer::{base64_lines, decode};

/// One leaf.
pub(super) struct Part<'p, 'e> {
    pub(super) entity: &'p Entity<'e>,
    /// Where it begins in the whole.
    pub(super) begin: usize,
    /// Where its body begins in the whole.
    pub(super) body: usize,
    pub(super) is_whole: bool,
}

impl Part<'_, '_> {
    fn encoding(&self) -> String {
        let field = self.entity.headers.all("Content-Transfer-Encoding").next();
        field.map_or_else(|| "7bit".into(), |field| field.value().to_ascii_lowercase())
    }

    fn charset(&self) -> String {
        let content_type = self.entity.headers.content_type().ok();
        let charset = content_type.and_then(|content_type| content_type.parameter("charset"));
        charset.map_or_else(|| "us-ascii".into(), |charset| charset.to_ascii_lowercase())
    }

    /// `None` where the charset cannot take the text, or the encoding is unknown.
    pub(super) fn with_text(&self, fields: &[(String, String)]) -> Option<Vec<Edit>> {
        let mut text: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        text.push_str("\r\n");
        let mut text = in_charset(&text, &self.charset())?;
        let is_ascii = text.is_ascii();
        let octets = match self.encoding().as_str() {
            "7bit" | "8bit" | "binary" => text,
            "quoted-printable" => quoted_printable(&text),
            "base64" => {
                // A whole number of triplets, so that the rest of the base64 can follow. The blanks
                // stand where format=flowed does not take them for a soft line break.
                let missing = (3 - text.len() % 3) % 3;
                let colon = memchr::memmem::find(&text, b": ").map_or(0, |at| at + 2);
                text.splice(colon..colon, std::iter::repeat_n(b' ', missing));
                base64_lines(&text)
            }
            _ => return None,
        };
        let mut edits = vec![self.insertion(0, octets)];
        edits.extend(self.marked("hp-legacy-display=\"1\""));
        edits.extend(self.eight_bit(is_ascii));
        Some(edits)
    }

    pub(super) fn with_html(&self, fields: &[(String, String)]) -> Option<Vec<Edit>> {
        let lines: Vec<_> = fields.iter().map(|(name, value)| escaped(&format!("{name}: {value}"))).collect();
        let element = format!("<div class=\"{CLASS}\">\r\n<pre>{}</pre></div>\r\n", lines.join("\r\n"));
        let ascii_compatible = !self.charset().starts_with("utf-16") && !self.charset().starts_with("utf-32");
        let edit = match self.encoding().as_str() {
            _ if !ascii_compatible => return None,
            "7bit" | "8bit" | "binary" => {
                self.insertion(body_element(self.entity.body)?, element.into_bytes())
            }
            "quoted-printable" => {
                let at = body_element(self.entity.body)?;
                let soft = |octets: Vec<u8>| [b"=\r\n", &*octets, b"=\r\n"].concat();
                self.insertion(at, soft(quoted_printable(element.as_bytes())))
            }
            "base64" if self.is_whole => {
                let decoded = decode(&self.entity.headers, self.entity.body).ok()?;
                let (before, after) = decoded.split_at_checked(body_element(&decoded)?)?;
                let with = [before, element.as_bytes(), after].concat();
                Edit { from: self.body, to: self.body + self.entity.body.len(), octets: base64_lines(&with) }
            }
            _ => return None,
        };
        let mut edits = self.marked("hp-legacy-display=\"1\"");
        edits.push(edit);
        Some(edits)
    }

    /// The part with its decoded body changed by `strip`, and no mark any more.
    pub(super) fn without(&self, strip: fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<Edit>> {
        let decoded = decode(&self.entity.headers, self.entity.body).ok()?;
        let stripped = strip(&decoded)?;
        let in_clear = matches!(self.encoding().as_str(), "7bit" | "8bit" | "binary");
        let octets = if in_clear { stripped } else { base64_lines(&stripped) };
        let mut edits = vec![Edit { from: self.body, to: self.body + self.entity.body.len(), octets }];
        // Without its mark, so that nobody takes the next paragraph away as well.
        let typed = self.entity.headers.all("Content-Type").next()?;
        let unmarked = self.entity.headers.content_type().ok()?.field_without(&["hp-legacy-display"]);
        edits.push(self.replaced(typed, format!("{unmarked}\r\n").into_bytes())?);
        if !in_clear {
            let field = self.entity.headers.all("Content-Transfer-Encoding").next()?;
            edits.push(self.replaced(field, b"Content-Transfer-Encoding: base64\r\n".to_vec())?);
        }
        Some(edits)
    }

    fn insertion(&self, at: usize, octets: Vec<u8>) -> Edit {
        Edit { from: self.body + at, to: self.body + at, octets }
    }

    /// The Content-Type with a further parameter.
    fn marked(&self, parameter: &str) -> Vec<Edit> {
        let Some(field) = self.entity.headers.all("Content-Type").next() else {
            let field = format!("Content-Type: text/plain;\r\n {parameter}\r\n");
            return self.before_body(field.into_bytes());
        };
        let mut raw = field.raw().trim_ascii_end().to_vec();
        while raw.last().is_some_and(|b| *b == b';' || b.is_ascii_whitespace()) {
            raw.pop();
        }
        raw.extend_from_slice(format!(";\r\n {parameter}\r\n").as_bytes());
        self.replaced(field, raw).into_iter().collect()
    }

    /// What was 7-bit before other text came in is so no more.
    fn eight_bit(&self, is_ascii: bool) -> Vec<Edit> {
        if is_ascii || self.encoding() != "7bit" {
            return Vec::new();
        }
        let line = b"Content-Transfer-Encoding: 8bit\r\n".to_vec();
        match self.entity.headers.all("Content-Transfer-Encoding").next() {
            Some(field) => self.replaced(field, line).into_iter().collect(),
            None => self.before_body(line),
        }
    }

    /// A further field, behind the others.
    fn before_body(&self, octets: Vec<u8>) -> Vec<Edit> {
        let last = self.entity.headers.fields().last();
        let at = last.and_then(|last| Some(self.place(last)? + last.raw().len())).unwrap_or(self.begin);
        vec![Edit { from: at, to: at, octets }]
    }

    fn replaced(&self, field: &Field<'_>, octets: Vec<u8>) -> Option<Edit> {
        let from = self.place(field)?;
        Some(Edit { from, to: from + field.raw().len(), octets })
    }

    /// Where a field begins in the whole: it lies in one piece of memory with the body, whatever stands between
    /// them.
    fn place(&self, field: &Field<'_>) -> Option<usize> {
        self.body.checked_sub(address(self.entity.body).checked_sub(address(field.raw()))?)
    }
}

/// Only for the distance between two places of one entity.
fn address(octets: &[u8]) -> usize {
    octets.as_ptr().addr()
}
