//! The table of who has the headset (behaviour notes HS-2 to HS-5).

use super::rank::HeadsetRank;

/// The part of a client in who has the user's headset. Only one client of a user has it at a time.
///
/// ```text
/// NotStarted ──asked──> Negotiating ──nobody minds──> HasControls
///      ^                  │   ^ another gives it up,      │
///      │          refused │   │ or a call begins here     │ another takes it
///      └── released       v   │                           v
///                        AlternativeClient <──────────────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HeadsetControls {
    /// Not wanted.
    #[default]
    NotStarted,
    /// Wanted: the user's other clients are asked. An application that has the device in use keeps it
    /// meanwhile.
    Negotiating,
    /// Another client has it: this one leaves the device alone.
    AlternativeClient,
    /// This client has it.
    HasControls,
}

/// A word of another client of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It wants the headset.
    Request(HeadsetRank),
    /// It says no to a request.
    Rejection,
    /// It has the headset.
    Taken,
    /// It has the headset no more; true if it may have been the one that had it.
    Given { owner: bool },
}

/// The order of a word of another client and our request, as the service delivers them to both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Theirs came after ours.
    Later,
    /// Theirs came first: our own has not come back yet.
    Earlier,
}

/// The circumstances of a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circumstances {
    pub(super) rank: HeadsetRank,
    /// True with a session of a call, an idle persistent one too.
    pub(super) busy: bool,
    pub(super) order: Order,
    /// True if it is a word of the client that had the headset, as far as is known.
    pub(super) from_owner: bool,
}

/// The reason of a rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    ActiveCall,
    MediaHelper,
    Priority,
}

impl Reason {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ActiveCall => "activeCall",
            Self::MediaHelper => "mediaHelper",
            Self::Priority => "priority",
        }
    }
}

/// The reaction to a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    Nothing,
    /// Say no.
    Reject(Reason),
    /// Leave it to the one that asks, which has to take it yet.
    Yield,
    /// Another client has it.
    Lose,
    /// Another client has it, which is told that it is no longer ours.
    Surrender,
    /// It is free: ask for it again (DEF-18).
    AskAgain,
}

/// The reaction to a word of another client, where this one wants the headset or has it.
pub(super) fn reaction(state: HeadsetControls, heard: Heard, of: Circumstances) -> Reaction {
    match (heard, state) {
        (_, HeadsetControls::NotStarted) => Reaction::Nothing,
        (Heard::Request(rank), _) => requested(state, rank, of),
        (Heard::Rejection, HeadsetControls::Negotiating) => Reaction::Lose,
        (Heard::Taken, HeadsetControls::HasControls) => Reaction::Surrender,
        // It was said before we asked: that client hears our request yet, and may refuse it.
        (Heard::Taken, HeadsetControls::Negotiating) if of.order == Order::Earlier => {
            Reaction::Nothing
        }
        (Heard::Taken, HeadsetControls::Negotiating | HeadsetControls::AlternativeClient) => {
            Reaction::Lose
        }
        (Heard::Given { owner: true }, HeadsetControls::AlternativeClient) => Reaction::AskAgain,
        (Heard::Rejection, HeadsetControls::AlternativeClient | HeadsetControls::HasControls)
        | (Heard::Given { owner: false }, HeadsetControls::AlternativeClient)
        | (Heard::Given { .. }, HeadsetControls::Negotiating | HeadsetControls::HasControls) => {
            Reaction::Nothing
        }
    }
}

fn requested(state: HeadsetControls, rank: HeadsetRank, of: Circumstances) -> Reaction {
    // Of two that lead the alerting of the others the later has it, in a call too (HS-5).
    let (least, keeps_calls) = match of.rank {
        HeadsetRank::Standard => (HeadsetRank::Standard, true),
        HeadsetRank::Prioritized => (HeadsetRank::Prioritized, false),
        HeadsetRank::MediaHelper => (HeadsetRank::MediaHelper, true),
    };
    if rank < least {
        // An owner asks after it was away: it does not have it for now, and we come first.
        if state == HeadsetControls::AlternativeClient && of.from_owner {
            return Reaction::AskAgain;
        }
        return Reaction::Reject(match of.rank {
            HeadsetRank::MediaHelper => Reason::MediaHelper,
            HeadsetRank::Standard | HeadsetRank::Prioritized => Reason::Priority,
        });
    }
    match state {
        // Of two that ask at once the later has it, not neither.
        HeadsetControls::Negotiating if of.order == Order::Earlier && rank == of.rank => {
            Reaction::Nothing
        }
        HeadsetControls::Negotiating => Reaction::Yield,
        // The official client says so without having it, too: two that talk would refuse each other what neither has.
        HeadsetControls::HasControls if keeps_calls && of.busy => {
            Reaction::Reject(Reason::ActiveCall)
        }
        HeadsetControls::NotStarted
        | HeadsetControls::AlternativeClient
        | HeadsetControls::HasControls => Reaction::Nothing,
    }
}
