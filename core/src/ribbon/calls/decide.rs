//! The table of what may happen to a call, and when (w4.0.2, w4.0.4): decided as a value before anything is
//! done.

use super::operations::Blocked;
use crate::ribbon::constants::CallState;

/// A thing that comes for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Coming {
    /// `ringing`.
    Ringing,
    /// `sessionProgress` with a description.
    Progress,
    /// `respondCallUpdate` with a description: the answer to an offer of ours.
    Answered,
    /// `respondCallUpdate` without one: our offer was refused.
    Refused,
    /// `startCallUpdate`: an offer, or the wish for one.
    Offer,
    /// `callEnd`.
    End,
    /// `callCancel`.
    Cancel,
    /// `sessionComplete`.
    Complete,
    /// `sessionFail`.
    Fail,
}

impl Coming {
    /// All of them.
    #[cfg(test)]
    pub(super) const ALL: [Self; 9] = [
        Self::Ringing,
        Self::Progress,
        Self::Answered,
        Self::Refused,
        Self::Offer,
        Self::End,
        Self::Cancel,
        Self::Complete,
        Self::Fail,
    ];
}

/// The standing of a call, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: CallState,
    /// True for a call of ours.
    pub(super) outgoing: bool,
    pub(super) blocked: Blocked,
    /// True while our answer is on its way: what the gateway tells of it is our own doing.
    pub(super) answering: bool,
    /// An offer of ours waits for its answer.
    pub(super) offering: bool,
    /// A transfer or a join waits for its end.
    pub(super) moving: bool,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It changes nothing.
    Drop,
    /// The call rings at the far side.
    Ring,
    /// Sound comes before anybody answers.
    Early,
    /// The offer of ours is answered, or refused.
    Resume,
    /// An operation of the far side begins.
    Start,
    /// The far side's offer has to wait for what is under way.
    Wait,
    /// The far side's offer is refused: ours goes first (RFC 3261 section 14.2).
    Refuse,
    /// The call is over.
    End,
    /// The call was taken, or withdrawn, before anybody answered here.
    Cancel,
    /// The transfer or the join is decided.
    Moved,
}

/// Decides. A call that is over takes nothing any more.
pub(super) fn decide(standing: Standing, coming: Coming) -> Decision {
    use CallState as S;
    use Decision as D;
    let Standing { state, outgoing, blocked, answering, offering, moving } = standing;
    if state.is_final() {
        return D::Drop;
    }
    match coming {
        Coming::End => D::End,
        Coming::Cancel => match state {
            S::Initiated | S::Ringing | S::EarlyMedia if !answering && !outgoing => D::Cancel,
            S::Initiating if !outgoing => D::Cancel,
            S::Initiating
            | S::Initiated
            | S::Ringing
            | S::EarlyMedia
            | S::Connected
            | S::OnHold
            | S::Cancelled
            | S::Ended => D::Drop,
        },
        Coming::Ringing if outgoing && state == S::Initiated => D::Ring,
        Coming::Ringing => D::Drop,
        Coming::Progress => match state {
            S::Initiated | S::Ringing | S::EarlyMedia if outgoing => D::Early,
            S::Initiating
            | S::Initiated
            | S::Ringing
            | S::EarlyMedia
            | S::Connected
            | S::OnHold
            | S::Cancelled
            | S::Ended => D::Drop,
        },
        Coming::Answered | Coming::Refused if offering => D::Resume,
        Coming::Answered | Coming::Refused => D::Drop,
        Coming::Offer => match (state, blocked) {
            (_, Blocked::Ending | Blocked::Local) if state.is_up() => D::Refuse,
            (S::Connected | S::OnHold, Blocked::Remote) => D::Wait,
            (S::Connected | S::OnHold, Blocked::Free) if answering => D::Wait,
            (S::Connected | S::OnHold, _) => D::Start,
            // RP-2: it comes while the answer is still on its way, or is being read.
            (S::Initiated | S::Ringing | S::EarlyMedia, _) if answering || outgoing => D::Wait,
            (S::Initiating | S::Initiated | S::Ringing | S::EarlyMedia, _) => D::Drop,
            (S::Cancelled | S::Ended, _) => D::Drop,
        },
        Coming::Complete | Coming::Fail if moving => D::Moved,
        Coming::Complete | Coming::Fail => D::Drop,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = Standing> {
        let blocked = [Blocked::Free, Blocked::Remote, Blocked::Local, Blocked::Ending];
        let flags = (0..16_u8).map(|bits| [1, 2, 4, 8].map(|bit| bits & bit > 0));
        let flags: Vec<_> = flags.collect();
        CallState::ALL.iter().flat_map(move |state| {
            let flags = flags.clone();
            blocked.into_iter().flat_map(move |blocked| {
                flags.clone().into_iter().map(move |[outgoing, answering, offering, moving]| {
                    let state = *state;
                    Standing { state, outgoing, blocked, answering, offering, moving }
                })
            })
        })
    }

    #[test]
    fn w4_0_4_every_cell_is_decided_and_a_final_state_takes_nothing() {
        let mut cells = 0;
        for standing in all() {
            for coming in Coming::ALL {
                cells += 1;
                let decision = decide(standing, coming);
                if standing.state.is_final() {
                    assert_eq!(decision, Decision::Drop, "{standing:?} {coming:?}");
                }
            }
        }
        assert_eq!(cells, 8 * 4 * 16 * 9);
    }

    #[test]
    fn w4_0_4_an_offer_is_never_applied_over_another_negotiation() {
        for standing in all() {
            let decision = decide(standing, Coming::Offer);
            match decision {
                Decision::Start => {
                    assert!(standing.state.is_up() && standing.blocked == Blocked::Free);
                }
                Decision::Refuse => assert!(standing.state.is_up()),
                Decision::Wait | Decision::Drop => {}
                other => panic!("{standing:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn w4_8_an_end_ends_every_call_that_lives_and_a_cancel_only_what_nobody_answered() {
        for standing in all().filter(|standing| !standing.state.is_final()) {
            assert_eq!(decide(standing, Coming::End), Decision::End);
            let cancelled = decide(standing, Coming::Cancel) == Decision::Cancel;
            assert!(!(cancelled && (standing.state.is_up() || standing.outgoing)));
            assert!(!(cancelled && standing.answering && standing.state != CallState::Initiating));
        }
    }
}
