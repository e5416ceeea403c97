//! Tests of files: what is written is read, whatever is read never panics.

mod files;
mod h264;
mod pattern;
mod player;
mod recorder;
mod webm;
