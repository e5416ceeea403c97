//! Payloads of stanzas that stand above XMPP.

use std::convert::Infallible;

use super::{Element, ElementRef, Skipped};

/// Elements of stanzas that XMPP itself does not know: of specifications besides, and of a service.
///
/// [`Infallible`] has none. It is sealed: what it reads from has no name outside of this crate.
pub trait Extension: Sized {
    /// Reads a child of a stanza; none if it is none of these. The error says why one that is
    /// cannot be used, never with its content; what cannot be read in it, and is not needed, is
    /// noted.
    #[doc(hidden)]
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Option<Result<Self, String>>;

    /// The element to be written.
    #[doc(hidden)]
    fn write(&self) -> Element<'_>;
}

impl Extension for Infallible {
    fn read(_: ElementRef<'_>, _: &mut Skipped) -> Option<Result<Self, String>> {
        None
    }

    fn write(&self) -> Element<'_> {
        match *self {}
    }
}
