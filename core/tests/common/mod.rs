//! Common parts of the integration tests.

#[allow(dead_code)] // Each test file uses what it needs.
pub(crate) mod far;
#[allow(dead_code)]
pub(crate) mod pair;
#[allow(dead_code)]
pub(crate) mod wires;
