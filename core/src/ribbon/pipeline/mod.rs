//! Session descriptions on their way between the wire and the engine (w5.7).

mod handler;

pub use handler::{SdpContext, SdpEndpoint, SdpHandler, SdpKind, SdpStep};
