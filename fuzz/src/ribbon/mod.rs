//! The client of a Ribbon gateway: notifications, answers, descriptions, and scripts of all of them.

mod client;
mod desk;
mod ledger;
mod notice;
mod office;
mod rest;
mod sdp;

pub use client::ribbon_client;
pub use notice::ribbon_notice;
pub use rest::ribbon_rest;
pub use sdp::ribbon_sdp;
