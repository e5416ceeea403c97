//! One encoding of a track of pictures, as it is sent.

use std::sync::Arc;
use std::time::Instant;

use str0m::rtp::{Extension, ExtensionSerializer, ExtensionValues, RtpWrite};

use crate::machine::{Rid, Rng};
use crate::media::negotiation::{MID_EXTENSION, Picture};
use crate::media::rtp::pictures;
use crate::media::{TrackStats, VideoFrame};

/// True if a picture that builds on others can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The far side has those before it.
    Goes,
    /// It does not: the next one must need no other.
    Broken,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Encoding {
    /// Its name, among several.
    pub(super) rid: Option<Rid>,
    /// The source that it is sent as, and the one that sends packets again.
    pub(super) source: (u32, u32),
    pub(super) row: Row,
    sequence: u64,
    base: u32,
}

impl Encoding {
    pub(super) fn new(rid: Option<Rid>, source: (u32, u32), rng: &mut Rng) -> Self {
        Self {
            rid,
            source,
            row: Row::Broken,
            // The lower half: SRTP's roll-over counter must start at zero (RFC 3711 section 3.3.1).
            sequence: 1 + (rng.next_u64() & 0x3fff),
            base: rng.next_u64() as u32,
        }
    }

    /// Another association: its far end has seen nothing, and SRTP counts from the beginning.
    pub(super) const fn restart(&mut self) {
        self.sequence = 1 + (self.sequence & 0x3fff);
        self.row = Row::Broken;
    }

    /// The packets of a picture that can be sent now. Those of one encoding among several say which section it is of, as
    /// nobody was told its source.
    pub(super) fn packets(
        &mut self,
        now: Instant,
        frame: &VideoFrame,
        picture: &Picture,
        section: Option<&str>,
        stats: &mut TrackStats,
    ) -> Vec<RtpWrite> {
        let payloads = pictures::cut(frame.codec, &frame.data);
        let (time, last) = (self.base.wrapping_add(frame.time as u32), payloads.len());
        if last > 0 {
            self.row = Row::Goes;
        }
        let mut values = ExtensionValues::default();
        if let Some(name) = section.filter(|_| self.rid.is_some()) {
            values.user_values.set(SectionName(name.into()));
        }
        let mut packets = Vec::with_capacity(last);
        for (n, payload) in payloads.into_iter().enumerate() {
            stats.packets_sent += 1;
            stats.bytes_sent += payload.len() as u64;
            let write =
                RtpWrite::new(picture.number.into(), self.sequence.into(), time, now, payload);
            let write = write.marker(n + 1 == last).nackable(true);
            packets.push(if self.rid.is_some() { write.ext_vals(values.clone()) } else { write });
            self.sequence += 1;
        }
        packets
    }
}

/// The name of a section on the wire, in a packet (RFC 8843 section 15): str0m has names of its own.
#[derive(Debug)]
struct SectionName(Arc<str>);

/// The header extension of it.
pub(super) fn section_name() -> Extension {
    Extension::with_serializer(MID_EXTENSION, WriteSectionName)
}

#[derive(Debug)]
struct WriteSectionName;

impl ExtensionSerializer for WriteSectionName {
    fn write_to(&self, buffer: &mut [u8], values: &ExtensionValues) -> usize {
        let Some(SectionName(name)) = values.user_values.get() else { return 0 };
        // The longest of one byte's form (RFC 8285 section 4.2).
        let Some(place) = buffer.get_mut(..name.len()).filter(|place| place.len() <= 16) else {
            return 0;
        };
        place.copy_from_slice(name.as_bytes());
        name.len()
    }

    fn parse_value(&self, _: &[u8], _: &mut ExtensionValues) -> bool {
        // Packets are routed before str0m has them.
        true
    }

    fn is_video(&self) -> bool {
        true
    }

    fn is_audio(&self) -> bool {
        false
    }
}
