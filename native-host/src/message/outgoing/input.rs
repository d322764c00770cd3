//! A mail as it comes: its header whole, the rest in pieces, every line ended by CRLF.

use std::io::{ErrorKind, Read};

use super::ProtectError;
use crate::mime::canonical::CrlfLines;
use crate::mime::header::HeaderError;

/// Octets that are read at once.
pub(super) const PIECE: usize = 64 * 1024;

/// Largest header that is waited for.
const MAX_HEADER: usize = 1024 * 1024;

/// The input, and what was read of it and not handed out yet.
pub(super) struct Pieces<'a> {
    input: &'a mut dyn Read,
    raw: Vec<u8>,
    lines: CrlfLines,
    ready: Vec<u8>,
    handed_out: Vec<u8>,
    ended: bool,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Self {
        let (raw, lines) = (vec![0; PIECE], CrlfLines::default());
        Self { input, raw, lines, ready: Vec::new(), handed_out: Vec::new(), ended: false }
    }

    /// The header with its blank line, or all there is where no blank line comes.
    pub(super) fn head(&mut self) -> Result<Vec<u8>, ProtectError> {
        let mut searched = 0_usize;
        loop {
            if self.ready.starts_with(b"\r\n") {
                return Ok(self.take(2));
            }
            let from = searched.saturating_sub(3);
            let found = memchr::memmem::find(self.ready.get(from..).unwrap_or_default(), b"\r\n\r\n");
            if let Some(at) = found {
                return Ok(self.take(from + at + 4));
            }
            if self.ready.len() > MAX_HEADER {
                return Err(HeaderError::TooLarge.into());
            }
            searched = self.ready.len();
            if !self.fill()? {
                return Ok(self.take(searched));
            }
        }
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, ProtectError> {
        std::mem::swap(&mut self.ready, &mut self.handed_out);
        self.ready.clear();
        // What was read while looking ahead comes first.
        if self.handed_out.is_empty() {
            if !self.fill()? {
                return Ok(None);
            }
            std::mem::swap(&mut self.ready, &mut self.handed_out);
            self.ready.clear();
        }
        Ok(Some(&self.handed_out))
    }

    /// Appends about `most` octets to `out`, or all that is left. Says whether it was all.
    pub(super) fn window(&mut self, most: usize, out: &mut Vec<u8>) -> Result<bool, ProtectError> {
        while self.ready.len() < most && self.fill()? {}
        out.append(&mut self.ready);
        // The end is only known once it was read.
        while !self.ended && self.ready.is_empty() {
            self.fill()?;
        }
        Ok(self.ended && self.ready.is_empty())
    }

    /// Appends all that is left.
    pub(super) fn rest(&mut self, out: &mut Vec<u8>) -> Result<(), ProtectError> {
        out.append(&mut self.ready);
        while self.fill()? {
            out.append(&mut self.ready);
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.ready.split_off(length.min(self.ready.len()));
        std::mem::replace(&mut self.ready, rest)
    }

    /// Reads once. `false` at the end.
    fn fill(&mut self) -> Result<bool, ProtectError> {
        while !self.ended {
            match self.input.read(&mut self.raw) {
                Ok(0) => self.ended = true,
                Ok(length) => {
                    self.lines.push(self.raw.get(..length).unwrap_or_default(), &mut self.ready);
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ProtectError::Input(error)),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out one octet at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut out[..1])
        }
    }

    #[test]
    fn header_and_rest_are_the_whole_however_they_come() {
        for (text, header) in [
            ("A: b\nC: d\n\nbody\n", "A: b\r\nC: d\r\n\r\n"),
            ("\nbody", "\r\n"),
            ("A: b\r\n", "A: b\r\n"),
            ("A: b\n\n", "A: b\r\n\r\n"),
            ("", ""),
        ] {
            for drops in [false, true] {
                let mut whole = text.as_bytes();
                let mut slow = Drops(text.as_bytes());
                let input: &mut dyn Read = if drops { &mut slow } else { &mut whole };
                let mut pieces = Pieces::new(input);
                let mut all = pieces.head().unwrap();
                assert_eq!(String::from_utf8_lossy(&all), header);
                pieces.rest(&mut all).unwrap();
                assert_eq!(String::from_utf8(all).unwrap(), text.replace("\r\n", "\n").replace('\n', "\r\n"));
            }
        }
    }

    #[test]
    fn a_window_says_whether_it_is_all() {
        for (length, most, is_all) in [(10, 100, true), (10, 10, true), (200_000, 100, false)] {
            let text = vec![b'x'; length];
            let mut input = text.as_slice();
            let mut pieces = Pieces::new(&mut input);
            let mut out = Vec::new();
            assert_eq!(pieces.window(most, &mut out).unwrap(), is_all, "{length}");
            while let Some(piece) = pieces.next().unwrap() {
                out.extend_from_slice(piece);
            }
            assert_eq!(out, text);
        }
    }

    #[test]
    fn an_endless_header_is_refused() {
        let mut endless = std::io::repeat(b'x');
        assert!(matches!(Pieces::new(&mut endless).head(), Err(ProtectError::Header(HeaderError::TooLarge))));
    }
}
