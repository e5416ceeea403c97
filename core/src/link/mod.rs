//! Tools that keep a connection up, whoever's it is: when to try again, how to notice that nobody
//! is there any more, and how fast to speak. Services bring the figures.

mod backoff;
mod keepalive;
mod pace;
mod token_bucket;

pub use self::backoff::{Backoff, Geometric};
pub(crate) use self::keepalive::{Health, Keepalive, Patience};
pub(crate) use self::pace::{Pace, Tempo};
pub(crate) use self::token_bucket::{Rate, TokenBucket};
