//! The runtimes' common tests on smol.

use offhook_smol::Smol;
use smol::block_on;

#[path = "../../runtime/tests/suite/mod.rs"]
#[macro_use]
mod suite;

suite!(Smol, block_on);
