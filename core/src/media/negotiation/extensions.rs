//! Header extensions of RTP by which packets say what they are of (RFC 8285).

use crate::sdp::Section;

/// The header extension that names a packet's section (RFC 8843 section 15).
pub const MID_EXTENSION: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// The header extension that names its encoding (RFC 8852 section 4.1).
pub(super) const RID_EXTENSION: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
/// The one that names it in packets that are sent again (RFC 8852 section 4.2).
const REPAIRED_EXTENSION: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";

/// The numbers of the header extensions that packets of encodings have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RidExtensions {
    /// The section's name, within which the names of encodings are (RFC 8843 section 15).
    pub mid: Option<u8>,
    /// The encoding's name.
    pub rid: Option<u8>,
    /// The same in packets that are sent again.
    pub repaired: Option<u8>,
}

impl RidExtensions {
    /// Those of a section.
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            mid: extension(section, MID_EXTENSION),
            rid: extension(section, RID_EXTENSION),
            repaired: extension(section, REPAIRED_EXTENSION),
        }
    }

    /// Number and name of those that only encodings have.
    pub(super) fn named(&self) -> impl Iterator<Item = (u8, &'static str)> {
        let named = [(self.rid, RID_EXTENSION), (self.repaired, REPAIRED_EXTENSION)];
        named.into_iter().filter_map(|(number, name)| Some((number?, name)))
    }
}

/// The number of a header extension, where a section has it with one of one byte (RFC 8285 section 4.2).
pub(super) fn extension(section: &Section<'_>, wanted: &str) -> Option<u8> {
    section.attributes("extmap").find_map(|(_, value)| {
        let (number, uri) = value.split_once(' ')?;
        let number = number.split('/').next()?.parse().ok()?;
        let is_it = uri.split_ascii_whitespace().next() == Some(wanted);
        (is_it && (1..=14).contains(&number)).then_some(number)
    })
}
