//! A thing that must hold in rooms.

use super::stays::Stays;
use crate::world::{PhoneId, Seen};

/// A thing that must hold in rooms.
pub(super) trait Rule {
    /// Its name, for the finding.
    const NAME: &'static str;

    /// Something happened on a phone, which is in these rooms since. An error is a violation,
    /// explained.
    fn see(&mut self, phone: PhoneId, seen: Seen<'_>, stays: &Stays) -> Result<(), String>;
}
