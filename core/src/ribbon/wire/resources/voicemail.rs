//! Voicemail (w5.5).

use super::Resources;
use crate::rest::Resource;
use crate::ribbon::error::Error;
use crate::ribbon::wire::answer::{missing, read};
use crate::ribbon::wire::envelope::{Mailbox, MailboxParams};
use crate::ribbon::wire::lenient::object;

object! {
    Wrapper {
        body: Option<Box<MailboxParams>> = "mwiresponse",
    }
}

impl Resources {
    /// The contents of the mailbox.
    pub(crate) fn voicemail(&self) -> Resource {
        self.get("voicemail")
    }
}

/// The contents of the mailbox, by an answer.
///
/// # Errors
///
/// An answer without `mwiresponse`.
pub(crate) fn mailbox(request: &str, body: &[u8]) -> Result<Mailbox, Error> {
    let Wrapper { body } = read(request, body)?;
    body.map(|read| (*read).into()).ok_or_else(|| missing(request, "mwiresponse"))
}
