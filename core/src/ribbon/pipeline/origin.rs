//! The origin of our descriptions (RFC 8866 section 5.2): one name an association, and a version that grows.

use crate::machine::Rng;
use crate::sdp::{Description, Line};

/// See the [module](self).
#[derive(Clone, Debug)]
pub(in crate::ribbon) struct Origin {
    id: u64,
    version: u64,
}

impl Origin {
    /// A new one: as a number that fits everywhere (RFC 3264 section 5).
    pub(in crate::ribbon) fn new(rng: &mut Rng) -> Self {
        Self { id: rng.next_u64() >> 2, version: 0 }
    }

    /// Puts the line of origin in, with the next version.
    pub(super) fn stamp(&mut self, description: &mut Description<'_>) {
        self.version += 1;
        let line = Line::new(format!("o=- {} {} IN IP4 127.0.0.1", self.id, self.version));
        match description.session.iter_mut().find(|line| line.kind() == Some('o')) {
            Some(old) => *old = line,
            None => {
                let at = description.session.len().min(1);
                description.session.insert(at, line);
            }
        }
    }
}

/// The name in a line of origin.
pub(super) fn id_of(sdp: &str) -> Option<String> {
    let description = Description::read(sdp).ok()?;
    let line = description.session.iter().find(|line| line.kind() == Some('o'))?;
    line.value().split_whitespace().nth(1).map(str::to_owned)
}

/// True if another end speaks than before: its descriptions have another name.
pub(in crate::ribbon) fn is_another_end(before: Option<&str>, sdp: &str) -> bool {
    match (before.and_then(id_of), id_of(sdp)) {
        (Some(before), Some(now)) => before != now,
        (None, _) | (_, None) => false,
    }
}
