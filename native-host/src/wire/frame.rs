//! Frames of native messaging: a 32-bit length in native byte order, then UTF-8 JSON.

use std::io::{self, ErrorKind, Read, Write};

use byteorder::{NativeEndian, ReadBytesExt, WriteBytesExt};

/// Largest frame either way. Thunderbird takes no more than this from a host.
pub const MAX_FRAME: usize = 1024 * 1024;

/// Why the connection cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The pipe broke, or ended in the middle of a frame.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// The length is above [`MAX_FRAME`]; nothing was allocated for it.
    #[error("a frame of {0} octets is too large")]
    TooLarge(usize),
}

/// Reads one frame. `None` where the input ended between frames.
///
/// # Errors
/// [`FrameError`]; the connection is dead after it.
pub fn read(input: &mut dyn Read) -> Result<Option<Vec<u8>>, FrameError> {
    let mut first = [0_u8; 1];
    loop {
        match input.read(&mut first) {
            Ok(0) => return Ok(None),
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut input = first.as_slice().chain(input);
    let length = usize::try_from(input.read_u32::<NativeEndian>()?).unwrap_or(usize::MAX);
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    let mut octets = vec![0; length];
    input.read_exact(&mut octets)?;
    Ok(Some(octets))
}

/// Writes one frame and flushes.
///
/// # Errors
/// [`FrameError`]; a frame above [`MAX_FRAME`] is not begun.
pub fn write(output: &mut dyn Write, octets: &[u8]) -> Result<(), FrameError> {
    let length = u32::try_from(octets.len()).ok().filter(|_| octets.len() <= MAX_FRAME);
    let length = length.ok_or(FrameError::TooLarge(octets.len()))?;
    output.write_u32::<NativeEndian>(length)?;
    output.write_all(octets)?;
    output.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_end() {
        let mut wire = Vec::new();
        write(&mut wire, b"{}").unwrap();
        write(&mut wire, b"").unwrap();
        let mut input = wire.as_slice();
        assert_eq!(read(&mut input).unwrap().as_deref(), Some(&b"{}"[..]));
        assert_eq!(read(&mut input).unwrap().as_deref(), Some(&b""[..]));
        assert!(read(&mut input).unwrap().is_none());
    }

    #[test]
    fn a_large_length_is_refused_before_allocation() {
        let huge = u32::MAX.to_ne_bytes();
        assert!(matches!(read(&mut huge.as_slice()), Err(FrameError::TooLarge(_))));
        assert!(matches!(write(&mut Vec::new(), &vec![0; MAX_FRAME + 1]), Err(FrameError::TooLarge(_))));
    }

    #[test]
    fn an_end_inside_a_frame_is_an_error() {
        for cut in [&[1_u8, 0][..], &[5, 0, 0, 0, b'{']] {
            assert!(matches!(read(&mut &cut[..]), Err(FrameError::Broken(_))));
        }
    }
}
