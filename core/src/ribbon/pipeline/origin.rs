//! The `o=` line of what is sent (RFC 8866 section 5.2).

use crate::machine::Rng;
use crate::sdp::{Description, Line};

/// The line of one connection: its id stays, and its version grows by one with each description that differs
/// from the last (RFC 3264 section 8).
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    id: u64,
    version: u64,
    /// A number for the last description.
    last: Option<u64>,
}

impl Origin {
    /// The line of a new connection.
    pub(crate) fn new(rng: &mut Rng) -> Self {
        // Some ends keep it in a signed number.
        Self { id: rng.next_u64() >> 1, version: 0, last: None }
    }

    /// Writes the line into a description, and says whether it is another than the last.
    pub(crate) fn stamp(&mut self, sdp: &mut Description<'_>) -> bool {
        let number = number(sdp);
        let differs = self.last != Some(number);
        self.version += u64::from(differs);
        self.last = Some(number);
        self.write(sdp);
        differs
    }

    fn write(&self, sdp: &mut Description<'_>) {
        let line = Line::new(format!("o=- {} {} IN IP4 127.0.0.1", self.id, self.version));
        match sdp.session.iter_mut().find(|line| line.kind() == Some('o')) {
            Some(old) => *old = line,
            None => {
                let after = sdp.session.iter().position(|line| line.kind() == Some('v'));
                sdp.session.insert(after.map_or(0, |version| version + 1), line);
            }
        }
    }
}

/// The id in the line of a far side: another one is another connection (w4.10).
pub(crate) fn id_of<'s>(sdp: &'s Description<'_>) -> Option<&'s str> {
    let line = sdp.session.iter().find(|line| line.kind() == Some('o'))?;
    line.value().split_ascii_whitespace().nth(1)
}

/// A number for all of a description but that line (FNV-1a).
fn number(sdp: &Description<'_>) -> u64 {
    let session = sdp.session.iter().filter(|line| line.kind() != Some('o'));
    let sections = sdp.sections.iter().flat_map(|s| std::iter::once(&s.media).chain(&s.lines));
    let bytes = session.chain(sections).flat_map(|line| line.text().bytes().chain([b'\n']));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
