//! The items of the interface, each by its number (`docs/ribbon-api.txt`).

mod config;
mod constants;
mod credentials;
mod errors;
mod services;
