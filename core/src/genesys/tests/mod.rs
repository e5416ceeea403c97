//! The client by inputs and outputs, named after the scenarios and rules they check.

mod calls;
mod login;
mod rig;
