//! A notification of a call's, as calls take it: whose it is, what happened, and what it brings.

use std::time::Duration;

use super::decide::Coming;
use crate::plain;
use crate::ribbon::ids::SessionData;
use crate::ribbon::info::{CustomParameter, EndReason, Participant};
use crate::ribbon::wire::address::{with_domain, without_scheme};
use crate::ribbon::wire::{Leg, LegEvent};

/// The thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Somebody calls (`call`).
    Call,
    /// Something happened to a call that there is.
    Event(Coming),
}

/// See the [module](self).
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) session: SessionData,
    pub(crate) what: What,
    /// A description of the far side's.
    pub(crate) sdp: Option<String>,
    /// The reason for an end or a failure.
    pub(crate) reason: EndReason,
    /// The time that the gateway wants to be left alone.
    pub(crate) retry_after: Option<Duration>,
    /// The far side, by whichever fields say so.
    pub(crate) caller: Participant,
    pub(crate) remote: Participant,
    /// The number that was called, where somebody calls.
    pub(crate) callee: Option<String>,
    pub(crate) parameters: Vec<CustomParameter>,
}

// Descriptions hold the password of ICE, and parameters are the application's own.
impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told")
            .field("session", &self.session)
            .field("what", &self.what)
            .field("sdp", &self.sdp.as_ref().map(String::len))
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl Told {
    /// Its bytes, about.
    pub(crate) fn bytes(&self) -> usize {
        let parties = [&self.caller, &self.remote];
        let names =
            parties.into_iter().flat_map(|party| [&party.display_name, &party.display_number]);
        let texts = names.chain([&self.sdp, &self.reason.text, &self.callee]);
        let texts = texts.flatten().map(String::len);
        let parameters = self.parameters.iter().map(|one| one.name.len() + one.value.len());
        size_of::<Self>() + texts.chain(parameters).sum::<usize>()
    }

    /// The far side of a call, as this says it: of an incoming call, and of one that a conference makes, the
    /// caller (w3.3). What it does not say stays as it was.
    pub(crate) fn party(
        &self,
        incoming: bool,
        known: &Participant,
        domain: Option<&str>,
    ) -> Participant {
        let conference = self
            .caller
            .display_number
            .as_deref()
            .is_some_and(|number| without_scheme(number).starts_with("conference@"));
        let said = if incoming || conference { &self.caller } else { &self.remote };
        let number = said.display_number.as_ref().map(|number| with_domain(number, domain));
        Participant {
            display_name: said.display_name.clone().or_else(|| known.display_name.clone()),
            display_number: number.or_else(|| known.display_number.clone()),
        }
    }
}

impl From<Leg<'_>> for Told {
    fn from(leg: Leg<'_>) -> Self {
        let (status, text) = leg.transition();
        let sdp = leg.sdp.map(std::borrow::Cow::into_owned).filter(|sdp| !sdp.is_empty());
        let what = match leg.event {
            LegEvent::Call => What::Call,
            LegEvent::Ringing => What::Event(Coming::Ringing),
            LegEvent::SessionProgress => What::Event(Coming::Progress),
            LegEvent::RespondCallUpdate if sdp.is_some() => What::Event(Coming::Answered),
            LegEvent::RespondCallUpdate => What::Event(Coming::Refused),
            LegEvent::StartCallUpdate => What::Event(Coming::Offer),
            LegEvent::CallEnd => What::Event(Coming::End),
            LegEvent::CallCancel => What::Event(Coming::Cancel),
            LegEvent::SessionComplete => What::Event(Coming::Complete),
            LegEvent::SessionFail => What::Event(Coming::Fail),
        };
        let shown = |text: Option<std::borrow::Cow<'_, str>>| {
            let text = text.as_deref().map(plain).filter(|text| !text.is_empty());
            text.map(std::borrow::Cow::into_owned)
        };
        let parties = leg.parties;
        Self {
            session: leg.session,
            what,
            sdp,
            reason: EndReason { status: status.map(i64::from), text },
            retry_after: leg.retry_after,
            caller: Participant {
                display_name: shown(parties.caller_name),
                display_number: shown(parties.caller_number),
            },
            remote: Participant {
                display_name: shown(parties.remote_name),
                display_number: shown(parties.remote_number),
            },
            callee: shown(parties.callee_number.filter(|_| what == What::Call)),
            parameters: leg.parameters,
        }
    }
}
