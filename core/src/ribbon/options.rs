//! The rest of what calls are placed, answered and changed with.

use super::dscp::Dscp;
use super::info::CustomParameter;
use super::pipeline::Bandwidth;
use super::wishes::MediaWishes;

/// The rest of what a call is placed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MakeOptions {
    /// The caller's name, as the called one sees it.
    pub display_name: Option<String>,
    /// Parameters for the far side, on this and all later requests.
    pub parameters: Vec<CustomParameter>,
    /// The most that the far side shall send (RT-010).
    pub bandwidth: Option<Bandwidth>,
    /// The urgency of its packets (RT-011).
    pub dscp: Option<Dscp>,
    /// The wishes for the sources of its media (RT-005): [`Event::MediaWanted`](super::Event::MediaWanted) hands
    /// them to the application.
    pub wishes: Box<MediaWishes>,
}

setters!(MakeOptions {
    display_name: some[String],
    parameters: all[CustomParameter],
    bandwidth: some[Bandwidth],
    dscp: some[Dscp], wishes: into[Box<MediaWishes>],
});

/// The rest of what a call is answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerOptions {
    /// Parameters for the far side, on this and all later requests.
    pub parameters: Vec<CustomParameter>,
    /// The most that the far side shall send (RT-010).
    pub bandwidth: Option<Bandwidth>,
    /// The urgency of its packets (RT-011).
    pub dscp: Option<Dscp>,
    /// The wishes for the sources of its media (RT-005): [`Event::MediaWanted`](super::Event::MediaWanted) hands
    /// them to the application.
    pub wishes: Box<MediaWishes>,
}

setters!(AnswerOptions {
    parameters: all[CustomParameter],
    bandwidth: some[Bandwidth],
    dscp: some[Dscp], wishes: into[Box<MediaWishes>],
});

/// The rest of a change of a call's media.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaOptions {
    /// The most that the far side shall send; as before where it is not said.
    pub bandwidth: Option<Bandwidth>,
    /// The urgency of packets of sockets that are opened from now on (RT-011); as before where it is not
    /// said.
    pub dscp: Option<Dscp>,
    /// The wishes for the sources of its media (RT-005): [`Event::MediaWanted`](super::Event::MediaWanted) hands
    /// them to the application.
    pub wishes: Box<MediaWishes>,
}

setters!(MediaOptions { bandwidth: some[Bandwidth], dscp: some[Dscp], wishes: into[Box<MediaWishes>] });
