//! The messages of a stream of STUN (RFC 8489 section 6.2.2): each says its own length.

use turn_types::stun::message::MessageHeader;

/// The bytes of a message's head.
const HEAD: usize = MessageHeader::LENGTH;
/// The magic cookie (RFC 8489 section 5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];

/// Bytes that are no message: nobody knows where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Garbage;

/// See the [module](self). It keeps less than one message.
#[derive(Debug, Default)]
pub(super) struct Frames(Vec<u8>);

impl Frames {
    /// Takes a piece of the stream: the messages that are whole now.
    ///
    /// # Errors
    ///
    /// Something else came than messages.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Vec<Vec<u8>>, Garbage> {
        self.0.extend_from_slice(piece);
        let mut rest = self.0.as_slice();
        let mut all = Vec::new();
        while let Some(length) = length(rest)? {
            let Some((message, after)) = rest.split_at_checked(length) else { break };
            all.push(message.to_vec());
            rest = after;
        }
        let done = self.0.len() - rest.len();
        self.0.drain(..done);
        Ok(all)
    }

    /// True if a message has begun that is not whole.
    pub(super) fn is_partial(&self) -> bool {
        !self.0.is_empty()
    }
}

/// The length of the message that begins here, once its head is there.
fn length(bytes: &[u8]) -> Result<Option<usize>, Garbage> {
    // Known as soon as they are there, not only with a whole head.
    let class = bytes.first().is_none_or(|first| first & 0xC0 == 0);
    let cookie = bytes.get(4..).unwrap_or_default();
    if !class || !COOKIE.starts_with(cookie.get(..4).unwrap_or(cookie)) {
        return Err(Garbage);
    }
    let Some([_, _, high, low, ..]) = bytes.get(..HEAD) else { return Ok(None) };
    let body = usize::from(u16::from_be_bytes([*high, *low]));
    if body % 4 == 0 { Ok(Some(HEAD + body)) } else { Err(Garbage) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turn_types::stun::message::{BINDING, Message, MessageWrite as _, MessageWriteVec};

    use super::*;

    fn messages(count: usize) -> Vec<Vec<u8>> {
        let one = || Message::builder_request(BINDING, MessageWriteVec::new()).finish();
        std::iter::repeat_with(one).take(count).collect()
    }

    proptest! {
        #[test]
        fn rfc_8489_6_2_2_messages_are_whole_however_they_are_cut(
            count in 0_usize..5,
            cuts in prop::collection::vec(0_usize..100, 0..8),
        ) {
            let sent = messages(count);
            let stream = sent.concat();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let mut frames = Frames::default();
            let mut came = Vec::new();
            for pair in cuts.windows(2) {
                came.extend(frames.take(&stream[pair[0]..pair[1]]).unwrap());
            }
            prop_assert_eq!(came, sent);
            prop_assert!(frames.0.is_empty());
        }

        #[test]
        fn garbage_is_known_and_nothing_panics(
            count in 0_usize..3,
            junk in prop::collection::vec(any::<u8>(), 8..200),
        ) {
            prop_assume!(junk[0] & 0xC0 != 0 || junk[4..8] != COOKIE);
            let mut frames = Frames::default();
            frames.take(&messages(count).concat()).unwrap();
            prop_assert_eq!(frames.take(&junk), Err(Garbage));
        }
    }

    #[test]
    fn no_more_than_a_message_is_kept() {
        let mut frames = Frames::default();
        let mut endless = vec![0, 1, 0xFF, 0xFC];
        endless.extend(COOKIE);
        endless.resize(1 << 20, 0);
        // After the longest message something else begins.
        assert_eq!(frames.take(&endless), Err(Garbage));
        let mut frames = Frames::default();
        assert_eq!(frames.take(&endless[..HEAD + 0xFFFB]), Ok(Vec::new()));
        assert!(frames.0.len() < HEAD + 0xFFFC);
    }
}
