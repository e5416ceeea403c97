//! The client of a Ribbon gateway: notifications, answers, descriptions, scripts of all of them, and media elsewhere.

mod client;
mod desk;
mod host;
mod ledger;
mod notice;
mod office;
mod rest;
mod sdp;

pub use client::ribbon_client;
pub use host::ribbon_host;
pub use notice::ribbon_notice;
pub use rest::ribbon_rest;
pub use sdp::ribbon_sdp;
