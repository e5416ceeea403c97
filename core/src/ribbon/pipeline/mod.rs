//! Session descriptions on their way between the wire and the engine (w5.7).

mod change;
mod handler;
mod origin;
mod text;

pub(in crate::ribbon) use change::{RemoteChange, classify, flows, is_active};
pub use handler::{SdpContext, SdpEndpoint, SdpHandler, SdpKind, SdpStep};
pub(in crate::ribbon) use origin::{Origin, is_another_end};
pub(in crate::ribbon) use text::{Sent, for_answer, received, sent};
