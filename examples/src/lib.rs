//! The common parts of the examples. The programs themselves are in `src/bin`.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod demo;
pub mod echo;
pub mod elsewhere;
pub mod hotline;
pub mod live;
pub mod meeting;
pub mod seat;
pub mod voice;
