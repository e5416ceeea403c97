//! Tests without any device.

mod keeper;
mod ring;
