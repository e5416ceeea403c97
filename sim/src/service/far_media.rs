//! The maker of far ends' media, and the manners in which those may send it.

use std::time::Instant;

use offhook::media::{Engine, EngineConfig, EngineFactory};

/// The RTP habits of a far end that we would not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RtpManner {
    /// Says in pauses how loud they are (RFC 3389).
    pub noise: bool,
    /// The ends of its keys are lost.
    pub endless_keys: bool,
    /// Its keys are down for longer than a report can say (RFC 4733 section 2.5.1.3).
    pub long_keys: bool,
    /// Becomes another source in the middle of what it says, and a packet of the one before comes
    /// late.
    pub sources: bool,
}

/// Makes the media of far ends. Any [`EngineFactory`] does, as tidily as its engines are.
pub trait FarMedia: Send {
    /// True if its engines can have an [`RtpManner`].
    fn has_manners(&self) -> bool {
        false
    }

    /// A far end's engine.
    fn create(&mut self, now: Instant, config: EngineConfig, manner: RtpManner) -> Box<dyn Engine>;
}

impl<F: EngineFactory> FarMedia for F {
    fn create(&mut self, now: Instant, config: EngineConfig, _: RtpManner) -> Box<dyn Engine> {
        EngineFactory::create(self, now, config)
    }
}
