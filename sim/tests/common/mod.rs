//! Common parts of the integration tests; none uses all of it.
#![allow(dead_code)]

pub(crate) mod desk;
pub(crate) mod gateway;
pub(crate) mod meeting;
pub(crate) mod phones;
pub(crate) mod talk;
pub(crate) mod visitor;
pub(crate) mod world;
