//! The items of the interface, each by its number (`docs/ribbon-api.txt`).

mod addresses;
mod config;
mod constants;
mod credentials;
mod errors;
mod notices;
mod refusals;
mod requests;
mod services;
