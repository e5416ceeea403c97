//! XMPP over WebSocket, one element a frame: types that parse and serialise, for both directions.
//!
//! Nothing here decides anything. A text frame becomes a [`Frame`]; inside a stanza each child
//! becomes a [`Payload`]. A child that is known but cannot be used becomes
//! [`Payload::Malformed`], one that is not known [`Payload::Unknown`]: neither costs the frame,
//! and only a frame that is not one well-formed, bounded element is a [`FrameError`]. What cannot
//! be used inside a child costs only itself, and is [`Skipped`].
//!
//! Public with the feature `unstable-wire` only, without a promise: it follows the service, and may
//! change in any release.
//!
//! ```
//! use std::convert::Infallible;
//!
//! use offhook::xmpp::{Frame, Iq, IqKind, Payload};
//!
//! let text = r#"<iq xmlns="jabber:client" id="p" from="hawk" type="get"><ping xmlns="urn:xmpp:ping"/></iq>"#;
//! let Ok(Frame::Iq(ping)) = Frame::<Infallible>::parse(text) else { panic!("an iq") };
//! assert_eq!(ping.kind, IqKind::Get(Payload::Ping));
//! assert_eq!(
//!     Frame::Iq(Iq::result_to(&ping)).to_xml(),
//!     r#"<iq xmlns="jabber:client" id="p" to="hawk" type="result"/>"#,
//! );
//! ```

mod disco;
mod document;
mod element;
mod extension;
mod frame;
mod frame_error;
mod jid;
pub mod ns;
mod pubsub;
mod questions;
mod read;
pub mod sasl;
mod scope;
mod services;
mod skipped;
mod stanza;
mod stanza_error;
mod stream;
#[cfg(test)]
mod tests;
mod text;

pub use disco::{DiscoInfo, Version};
pub use document::ElementRef;
pub use element::{Element, Node};
pub use extension::Extension;
pub use frame::{Frame, FrameError, IqHead};
pub use frame_error::FrameErrorKind;
pub use jid::{Jid, JidError};
pub use pubsub::{PubSub, PubSubEvent, PubSubItem};
pub(crate) use questions::{Answer, Asked, Questions};
#[cfg(test)]
pub(crate) use questions::{MAX_IQ_BYTES, MAX_IQS};
pub use read::{MAX_DEPTH, MAX_FRAME, MAX_NODES};
pub use scope::MAX_NAMESPACE;
pub use services::{Service, Services, ServicesForm};
pub use skipped::Skipped;
pub(crate) use skipped::name_of;
pub use stanza::{Iq, IqKind, Message, Payload, Presence};
pub use stanza_error::{Application, ErrorType, StanzaError};
pub use stream::{Auth, Close, Features, Open, SaslFailure, SessionFeature, StreamError};
