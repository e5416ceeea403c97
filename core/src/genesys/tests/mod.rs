//! The client by inputs and outputs, named after the scenarios and rules they check.

mod bad_input;
mod bounds;
mod calls;
mod controls;
mod fake_media;
mod faults;
mod guests;
mod invitations;
mod leader;
mod lines;
mod login;
mod properties;
mod quality;
mod reconnect;
mod reinvite;
mod replies;
mod rig;
mod secrets;
mod service;
mod sessions;
mod station;
mod staying;
mod timeline;
mod topics;
mod uploads;
