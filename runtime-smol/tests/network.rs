//! The runtimes' common tests on smol.

use offhook_smol::Smol;
use smol::block_on;

#[path = "../../core/runtime/tests/suite/mod.rs"]
#[macro_use]
mod suite;

suite!(Smol, block_on);
