//! The items of the interface, each by its number (`docs/ribbon-api.txt`).

mod constants;
mod errors;
