//! Tests without any device.

mod devices;
mod keeper;
mod ring;
