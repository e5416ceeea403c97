//! Stands in for the engine factory until that has landed.

use std::time::Instant;

use offhook::media::{Engine, EngineConfig, EngineFactory};

#[derive(Default)]
pub(crate) struct NoFactory;

impl EngineFactory for NoFactory {
    fn create(&mut self, _: Instant, _: EngineConfig) -> Box<dyn Engine> {
        unreachable!("the stand-in makes no engine")
    }
}
