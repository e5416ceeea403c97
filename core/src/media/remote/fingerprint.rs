//! The certificate of media elsewhere, as descriptions tell it (RFC 8122).

use std::time::Instant;

use crate::machine::Seed;
use crate::media::{EngineConfig, EngineFactory, MediaError, Wish};

/// The longest value of an `a=fingerprint` line that is taken.
const MAX_FINGERPRINT: usize = 256;
/// The start of the line.
const LINE: &str = "a=fingerprint:";

/// The value of an `a=fingerprint` line (RFC 8122 section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(String);

impl Fingerprint {
    /// A value, if it can be one: the name of a hash, a blank, and its bytes in hex with colons.
    pub(crate) fn read(value: &str) -> Option<Self> {
        let (hash, bytes) = value.split_once(' ')?;
        let name = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let fits = value.len() <= MAX_FINGERPRINT && !hash.is_empty() && hash.chars().all(name);
        let is_byte = |byte: &str| byte.len() == 2 && byte.chars().all(|c| c.is_ascii_hexdigit());
        (fits && bytes.split(':').all(is_byte)).then(|| Self(value.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A description of ours with this certificate in place of the one that it tells.
    pub(crate) fn put_in(&self, sdp: &str) -> String {
        let lines = sdp.split_inclusive('\n').map(|line| match line.strip_prefix(LINE) {
            Some(_) => format!("{LINE}{}\r\n", self.0),
            None => line.to_owned(),
        });
        lines.collect()
    }
}

/// The certificate that the engines of a factory have.
///
/// # Errors
///
/// They describe none.
pub(crate) fn fingerprint_of(
    factory: &mut dyn EngineFactory,
    now: Instant,
) -> Result<Fingerprint, MediaError> {
    let config = EngineConfig::new(Seed::from(0));
    let offer = factory.create(now, config).create_offer(now, &[Wish::AUDIO])?;
    let found = offer.lines().find_map(|line| line.strip_prefix(LINE)).and_then(Fingerprint::read);
    found.ok_or(MediaError::NotNegotiated("a certificate"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::testing::FakeMedia;
    use crate::testing::epoch;

    #[test]
    fn rfc_8122_5_only_what_a_fingerprint_can_be_is_put_in_descriptions() {
        let ours = fingerprint_of(&mut FakeMedia::new("x"), epoch()).unwrap();
        assert_eq!(ours.as_str(), "sha-256 AB:CD");
        for wrong in
            ["sha-256", "sha-256 ", "sha-256 A", "sha-256 AB:CDE", "sha-256 AB\r\na=x", "a b AB"]
        {
            assert_eq!(Fingerprint::read(wrong), None, "{wrong}");
        }
        assert_eq!(Fingerprint::read(&format!("sha-256 {}", "AB:".repeat(90))), None);
        let other = Fingerprint::read("sha-256 12:34").unwrap();
        let sdp = "v=0\r\na=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\n";
        assert_eq!(other.put_in(sdp), "v=0\r\na=fingerprint:sha-256 12:34\r\na=setup:actpass\r\n");
        assert_eq!(ours.put_in(sdp), sdp);
    }
}
