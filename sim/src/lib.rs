//! A model Genesys Cloud: sans-IO for simulation, on real sockets as an emulator.
//!
//! Each room imports from the rooms above its row only:
//!
//! | room | what it is |
//! | --- | --- |
//! | [`service`] | what any model service needs; it knows none |
//! | [`cloud`] | the model of Genesys Cloud, a [`Service`](service::Service) |
//! | [`gateway`] | the model of a Ribbon WebRTC Gateway, another |
//! | [`ladder`] | diagrams of calls |
//! | [`world`] | virtual time and a network, for any [`Pair`](world::Pair) of client and service |
//! | [`serve`] | real sockets, for any service |
//! | [`genesys`], [`ribbon`] | the pairs that offhook's clients and the models are |
//! | [`program`] | asynchronous programs in virtual time |
//! | [`scenario`] | what a contact centre, or an office at a gateway, does all day, faults, and what must hold |
//! | [`tool`] | all of it on the command line |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod cloud;
mod dice;
pub mod gateway;
pub mod genesys;
pub mod ladder;
mod names;
pub mod program;
pub mod ribbon;
pub mod scenario;
pub mod serve;
pub mod service;
mod services;
pub mod tool;
pub mod world;

pub use program::Simulated;
pub use scenario::{Scenario, check};
