//! Notifications of calls.

use std::borrow::Cow;
use std::time::Duration;

use super::super::address::with_domain;
use super::super::parameters::CustomParameter;
use crate::plain;
use crate::ribbon::constants::constants;
use crate::ribbon::ids::SessionData;

constants! {
    /// The type of a notification of a call.
    LegEvent, "event of a call" {
        /// A call comes in.
        Call = "call",
        /// It rings at the far side.
        Ringing = "ringing",
        /// The far side sends media before it answers.
        SessionProgress = "sessionProgress",
        /// The far side answers what was asked for.
        RespondCallUpdate = "respondCallUpdate",
        /// The far side asks for something.
        StartCallUpdate = "startCallUpdate",
        /// The call is over.
        CallEnd = "callEnd",
        /// The caller gave up, or it was taken elsewhere.
        CallCancel = "callCancel",
        /// A transfer or a join was done.
        SessionComplete = "sessionComplete",
        /// A transfer or a join failed.
        SessionFail = "sessionFail",
    }
}

/// Something of a call.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Leg<'a> {
    /// Its type.
    pub event: LegEvent,
    /// The session that it is of.
    pub session: SessionData,
    /// A description of media. None where an offer is asked for.
    pub sdp: Option<Cow<'a, str>>,
    /// The status: of SIP, or of the gateway's own. Zero counts as none.
    pub status: Option<i32>,
    /// The reason in words.
    pub reason: Option<Cow<'a, str>>,
    /// The time after which to ask again.
    pub retry_after: Option<Duration>,
    /// The parties.
    pub parties: Parties<'a>,
    /// The far application's parameters, at most 64.
    pub parameters: Vec<CustomParameter>,
    /// The parameters that were left out.
    pub parameters_cut: usize,
}

impl Leg<'_> {
    /// The status and the reason as a transition is told with, in [`plain`] words.
    #[must_use]
    pub fn transition(&self) -> (Option<i32>, Option<String>) {
        (self.status, self.reason.as_deref().map(|reason| plain(reason).into_owned()))
    }
}

/// The parties of a call, as a notification tells them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Parties<'a> {
    /// The caller's name.
    pub caller_name: Option<Cow<'a, str>>,
    /// The caller's number.
    pub caller_number: Option<Cow<'a, str>>,
    /// The number that was called.
    pub callee_number: Option<Cow<'a, str>>,
    /// The name of the far side of an outgoing call.
    pub remote_name: Option<Cow<'a, str>>,
    /// The number of the far side of an outgoing call.
    pub remote_number: Option<Cow<'a, str>>,
    /// The far side's first address.
    pub primary_contact: Option<Cow<'a, str>>,
}

impl Parties<'_> {
    /// The name and the number of the far side (w3.3): the caller's of an incoming call or of a conference,
    /// else the remote ones. A number without a domain has the user's own. What is missing stays as it was.
    #[must_use]
    pub fn remote(&self, incoming: bool, domain: Option<&str>) -> (Option<String>, Option<String>) {
        let conference = self.is_conference();
        let (name, number) = match incoming || conference {
            true => (&self.caller_name, &self.caller_number),
            false => (&self.remote_name, &self.remote_number),
        };
        let shown = |text: &str| plain(text).into_owned();
        let number = number.as_deref().map(|number| shown(&with_domain(number, domain)));
        (name.as_deref().map(shown), number)
    }

    /// True if the far side is two calls that were joined (w4.14).
    #[must_use]
    pub fn is_conference(&self) -> bool {
        let caller = self.caller_number.as_deref().unwrap_or_default();
        caller.strip_prefix("sip:").unwrap_or(caller).starts_with("conference@")
    }
}
