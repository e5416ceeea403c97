//! Bytes out of a file, never more than a frame may have.

use std::io::Read;

use bytes::Bytes;

use super::{MAX_FRAME, VideoError};

/// The room made before anything was read: a length that is only claimed costs no more.
const AT_FIRST: usize = 64 << 10;

/// So many bytes.
pub(super) fn bytes(from: &mut impl Read, length: u64) -> Result<Bytes, VideoError> {
    let Some(wanted) = usize::try_from(length).ok().filter(|length| *length <= MAX_FRAME) else {
        return Err(VideoError::TooLong(length));
    };
    let mut bytes = Vec::with_capacity(wanted.min(AT_FIRST));
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() < wanted { Err(VideoError::CutOff) } else { Ok(bytes.into()) }
}

/// So many bytes, each in its place; none where the file ends before the first.
pub(super) fn array<const N: usize>(from: &mut impl Read) -> Result<Option<[u8; N]>, VideoError> {
    let mut bytes = Vec::with_capacity(N);
    from.take(N as u64).read_to_end(&mut bytes)?;
    match <[u8; N]>::try_from(bytes) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(bytes) if bytes.is_empty() => Ok(None),
        Err(_) => Err(VideoError::CutOff),
    }
}

/// Reads past so many bytes.
pub(super) fn skip(from: &mut impl Read, length: u64) -> Result<(), VideoError> {
    let skipped = std::io::copy(&mut from.take(length), &mut std::io::sink())?;
    if skipped < length { Err(VideoError::CutOff) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_claimed_is_not_believed() {
        assert_eq!(bytes(&mut &b"abc"[..], 2).as_deref(), Ok(&b"ab"[..]));
        assert_eq!(bytes(&mut &b"abc"[..], 4), Err(VideoError::CutOff));
        let long = MAX_FRAME as u64 + 1;
        assert_eq!(bytes(&mut std::io::repeat(0), long), Err(VideoError::TooLong(long)));
        assert_eq!(array::<2>(&mut &b"abc"[..]), Ok(Some(*b"ab")));
        assert_eq!(array::<2>(&mut &b""[..]), Ok(None));
        assert_eq!(array::<2>(&mut &b"a"[..]), Err(VideoError::CutOff));
        assert_eq!(skip(&mut &b"abc"[..], 4), Err(VideoError::CutOff));
    }
}
