//! Reasons why a text frame cannot be used.

use super::JidError;

/// The reason why a frame cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameErrorKind {
    /// Not well-formed.
    #[error("not well-formed XML at byte {at}")]
    NotXml {
        /// The place that the reader came to, in bytes.
        at: u64,
    },
    /// Nothing, or text.
    #[error("no element")]
    NotAnElement,
    /// More than one element.
    #[error("several elements in one frame")]
    SeveralElements,
    /// A document type, which XMPP forbids (RFC 6120 section 11.1).
    #[error("a document type declaration")]
    DocumentType,
    /// More than [`super::MAX_FRAME`] bytes.
    #[error("a frame of {0} bytes")]
    TooLarge(usize),
    /// More than [`super::MAX_DEPTH`] levels.
    #[error("elements nested too deeply")]
    TooDeep,
    /// More than [`super::MAX_NODES`] elements, attributes and texts.
    #[error("too many elements")]
    TooManyNodes,
    /// An attribute that must be there.
    #[error("<{element}> lacks {attribute}")]
    MissingAttribute {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
    /// An attribute with a value that it cannot have.
    #[error("<{element}> has a bad {attribute}")]
    BadAttribute {
        /// The element.
        element: &'static str,
        /// The attribute.
        attribute: &'static str,
    },
    /// A stanza's address is none.
    #[error("{attribute}: {error}")]
    BadJid {
        /// `from` or `to`.
        attribute: &'static str,
        /// The fault of the address.
        error: JidError,
    },
}
