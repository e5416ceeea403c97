//! Changes by an offer of the far side's (w4.10): its last description beside the new one.

use crate::ribbon::constants::{HoldState, OperationKind};
use crate::sdp::{Description, Direction, Section};

use super::origin::id_of;

/// The kind of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RemoteChange {
    /// The far side holds.
    Hold,
    /// It holds no longer.
    Unhold,
    /// It plays music while it holds.
    StartMusic,
    /// It plays none any more.
    StopMusic,
    /// It sends more.
    AddMedia,
    /// It sends less.
    RemoveMedia,
    /// Something else, or nothing.
    Generic,
}

impl RemoteChange {
    /// The operation that it is.
    pub(crate) fn operation(self) -> OperationKind {
        match self {
            Self::Hold => OperationKind::Hold,
            Self::Unhold => OperationKind::Unhold,
            Self::StartMusic => OperationKind::StartMoh,
            Self::StopMusic => OperationKind::StopMoh,
            Self::AddMedia => OperationKind::AddMedia,
            Self::RemoveMedia => OperationKind::RemoveMedia,
            Self::Generic => OperationKind::GenericRemote,
        }
    }
}

/// The changes by an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteUpdate {
    pub(crate) change: RemoteChange,
    /// The sections that send now and did not, by their places.
    pub(crate) added: Vec<usize>,
    /// Those that do not send any more.
    pub(crate) removed: Vec<usize>,
    /// True if it comes from another connection, so that ours is built anew.
    pub(crate) new_peer: bool,
}

/// Compares two descriptions of the far side's.
pub(crate) fn compare(
    old: &Description<'_>,
    new: &Description<'_>,
    held: HoldState,
) -> RemoteUpdate {
    let pairs: Vec<_> = new
        .sections
        .iter()
        .enumerate()
        .map(|(at, s)| (at, direction(new, s), before(old, new, at)))
        .collect();
    let changed = |to: bool| {
        let all = pairs.iter().filter(move |(_, now, then)| {
            now.sends() == to && then.is_some_and(Direction::sends) != to
        });
        all.map(|(at, ..)| *at).collect::<Vec<_>>()
    };
    let (added, removed) = (changed(true), changed(false));
    let same = pairs.iter().all(|(_, now, then)| then.unwrap_or(Direction::Inactive) == *now)
        && pairs.len() >= old.sections.len();
    let change = match (is_flowing(old), is_flowing(new)) {
        (true, false) => RemoteChange::Hold,
        (false, true) => RemoteChange::Unhold,
        (false, false) => {
            let audio = only_audio(new).map(|at| (pairs[at].2, pairs[at].1));
            if audio == Some((Some(Direction::Inactive), Direction::SendOnly)) {
                RemoteChange::StartMusic
            } else if audio == Some((Some(Direction::SendOnly), Direction::Inactive)) {
                RemoteChange::StopMusic
            } else if same && held == HoldState::LocalHold {
                // Both hold: ours made theirs inactive before they did.
                RemoteChange::Hold
            } else {
                of_media(&added, &removed)
            }
        }
        (true, true) => {
            let change = of_media(&added, &removed);
            let still_held = change == RemoteChange::Generic && held.remote();
            if still_held { RemoteChange::Unhold } else { change }
        }
    };
    let other_id = matches!((id_of(old), id_of(new)), (Some(old), Some(new)) if old != new);
    RemoteUpdate { change, added, removed, new_peer: other_id }
}

fn of_media(added: &[usize], removed: &[usize]) -> RemoteChange {
    match (added, removed) {
        ([], []) => RemoteChange::Generic,
        ([], [..]) => RemoteChange::RemoveMedia,
        ([..], _) => RemoteChange::AddMedia,
    }
}

/// True if media flows, as its describer sees it: it does not where all video is inactive and all audio is so
/// or is only sent.
pub(crate) fn is_flowing(sdp: &Description<'_>) -> bool {
    sdp.sections.iter().any(|section| match (section.kind(), direction(sdp, section)) {
        ("audio", Direction::SendRecv | Direction::RecvOnly) => true,
        ("audio", Direction::SendOnly | Direction::Inactive) => false,
        ("video", direction) => direction != Direction::Inactive,
        _ => false,
    })
}

/// The place of the only section of audio.
fn only_audio(sdp: &Description<'_>) -> Option<usize> {
    let mut all = sdp.sections.iter().enumerate().filter(|(_, section)| section.kind() == "audio");
    let (at, _) = all.next()?;
    all.next().is_none().then_some(at)
}

/// The direction of a section; one that is off goes neither way.
fn direction(sdp: &Description<'_>, section: &Section<'_>) -> Direction {
    if section.is_off() { Direction::Inactive } else { section.direction_in(sdp) }
}

/// The direction that a section had: of the one with its name, else with its stream, else in its place.
fn before(old: &Description<'_>, new: &Description<'_>, at: usize) -> Option<Direction> {
    let section = &new.sections[at];
    let same_kind = |other: &&Section<'_>| other.kind() == section.kind();
    let by = |value: Option<&str>, of: fn(&Section<'_>) -> Option<String>| {
        let value = value?;
        old.sections.iter().filter(same_kind).find(|other| of(other).as_deref() == Some(value))
    };
    let names = old.sections.iter().all(|other| other.mid().is_some());
    let found = match section.mid() {
        Some(mid) if names => by(Some(mid), |other| other.mid().map(str::to_owned)),
        Some(_) | None => by(section.value("msid"), |other| other.value("msid").map(str::to_owned))
            .or_else(|| old.sections.get(at).filter(same_kind)),
    };
    found.map(|section| direction(old, section))
}
