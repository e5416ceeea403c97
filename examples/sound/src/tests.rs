//! Tests without any device.

mod devices;
mod form;
mod keeper;
mod ring;
