//! The items of the interface, each by its number (`docs/ribbon-api.txt`).

mod addresses;
mod calls;
mod collection;
mod config;
mod constants;
mod credentials;
mod errors;
mod link;
mod media;
mod notices;
mod pipeline;
mod races;
mod refusals;
mod requests;
mod rig;
mod services;
mod stores;
mod timeline;
