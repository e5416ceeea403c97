//! The items of the interface, each by its number (`docs/ribbon-api.txt`).

mod addresses;
mod beside;
mod calls;
mod collection;
mod config;
mod constants;
mod credentials;
mod errors;
mod link;
mod media;
mod notices;
mod own;
mod pipeline;
mod races;
mod refusals;
mod reports;
mod requests;
mod rig;
mod services;
mod sip;
mod speech;
mod stores;
mod timeline;
