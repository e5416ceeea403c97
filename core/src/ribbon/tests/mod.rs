//! The items of the interface, each by its number (`docs/ribbon-api.txt`).

mod addresses;
mod collection;
mod config;
mod constants;
mod credentials;
mod errors;
mod notices;
mod pipeline;
mod refusals;
mod requests;
mod services;
mod stores;
mod timeline;
