//! The decision when ICE has found enough (w5.6).

use std::fmt;
use std::time::Duration;

use crate::ribbon::config::PeerConfig;
use crate::ribbon::constants::{OperationKind, constants};
use crate::ribbon::ids::CallId;
use crate::sdp::Description;
use crate::sdp::candidate::{Candidate, CandidateKind};

constants! {
    /// The reason why the decision is asked for.
    CheckReason, "reason for a check" {
        /// A candidate was found.
        NewCandidate = "NewCandidate",
        /// The gathering changed its state.
        IceGatheringStateChanged = "IceGatheringStateChanged",
        /// It was time: the collection has just begun, or a wait is over.
        Scheduled = "Scheduled",
    }
}

constants! {
    /// The state of gathering candidates.
    GatheringState, "state of gathering" {
        /// It has not begun.
        New = "new",
        /// It goes on.
        Gathering = "gathering",
        /// It is over.
        Complete = "complete",
    }
}

/// A candidate of ours that was collected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Collected {
    /// The section that it is for (`a=mid`). One without is for all of them.
    pub mid: Option<String>,
    /// The candidate.
    pub candidate: Candidate,
}

impl Collected {
    /// A candidate for a section, or for all of them.
    #[must_use]
    pub fn new(mid: Option<String>, candidate: Candidate) -> Self {
        Self { mid, candidate }
    }

    /// True if it is of a relay, and for the RTP of this section.
    fn relays(&self, mid: Option<&str>) -> bool {
        let ours = self.mid.is_none() || mid.is_none() || self.mid.as_deref() == mid;
        ours && self.candidate.component == 1 && self.candidate.kind == CandidateKind::Relayed
    }
}

/// A collection so far, and its purpose (RT-014).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct IceCollection<'a> {
    /// The call.
    pub call: &'a CallId,
    /// The operation that waits for it.
    pub operation: OperationKind,
    /// The reason why the decision is asked for now.
    pub reason: CheckReason,
    /// The candidates so far.
    pub candidates: &'a [Collected],
    /// The time since the collection began.
    pub duration: Duration,
    /// The state of gathering.
    pub gathering: GatheringState,
    /// The settings of the connection, with the servers that are asked.
    pub peer: &'a PeerConfig,
    /// Our description, without the candidates.
    pub description: &'a str,
}

/// The two limits of the default decision, as they are set now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IceTimeouts {
    /// Within it ICE should find what it needs.
    pub ideal: Duration,
    /// After it a call is sent with what ICE found.
    pub max: Duration,
}

impl IceTimeouts {
    /// These limits.
    #[must_use]
    pub const fn new(ideal: Duration, max: Duration) -> Self {
        Self { ideal, max }
    }
}

/// The decision (RT-016).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is enough: the description is sent.
    StartCall,
    /// It will not do: the operation fails, for this reason.
    Error(String),
    /// It is not enough yet. The decision is asked for again after this time; without one, only when
    /// something new is found.
    Wait(Option<Duration>),
}

/// Decides when ICE has found enough (RT-015). A pure function: it is called at most 1 000 times for one
/// collection.
pub trait IceCheck: Send + Sync {
    /// The decision on what was collected so far.
    fn check(&self, collection: &IceCollection<'_>, timeouts: &IceTimeouts) -> Verdict;
}

impl<F: Fn(&IceCollection<'_>, &IceTimeouts) -> Verdict + Send + Sync> IceCheck for F {
    fn check(&self, collection: &IceCollection<'_>, timeouts: &IceTimeouts) -> Verdict {
        self(collection, timeouts)
    }
}

impl fmt::Debug for dyn IceCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IceCheck(..)")
    }
}

/// The decision of the SDK: before the ideal time every section wants a candidate from every relay,
/// before the longest time one from any, and after it whatever is there will do.
#[derive(Clone, Copy, Debug, Default)]
pub struct DefaultCheck;

impl IceCheck for DefaultCheck {
    fn check(&self, collection: &IceCollection<'_>, timeouts: &IceTimeouts) -> Verdict {
        let IceTimeouts { ideal, max } = *timeouts;
        let elapsed = collection.duration;
        if collection.gathering == GatheringState::Complete || elapsed >= max.max(ideal) {
            return match collection.candidates {
                [] => Verdict::Error("no ICE candidates were found".to_owned()),
                [..] => Verdict::StartCall,
            };
        }
        let urls = collection.peer.ice_servers.iter().flat_map(|server| &server.urls);
        let relays = urls.filter(|url| url.starts_with("turn")).count();
        if elapsed < ideal {
            return match relays > 0 && every_section_has(collection, relays) {
                true => Verdict::StartCall,
                false => Verdict::Wait(Some(ideal - elapsed)),
            };
        }
        match every_section_has(collection, 1) {
            true => Verdict::StartCall,
            false => Verdict::Wait(Some(max - elapsed)),
        }
    }
}

/// True if every section of our description has so many candidates of relays.
fn every_section_has(collection: &IceCollection<'_>, wanted: usize) -> bool {
    let Ok(description) = Description::read(collection.description) else { return false };
    description.sections.iter().all(|section| {
        let of_relays = collection.candidates.iter().filter(|one| one.relays(section.mid()));
        of_relays.count() >= wanted
    })
}
