//! News of a call, and the ways in which they reach somebody.

/// Something that a leg is told.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// A call comes, with an offer or without.
    Call(Option<String>),
    Ringing,
    Progress(String),
    /// The first answer.
    Answer(String),
    /// The other end offers, or asks for an offer.
    Offer(Option<String>),
    /// The answer to an offer.
    Response(String),
    /// The other end does not take the offer.
    Refused(i64, u64),
    End(i64, String),
    Cancel(i64, String),
    /// A transfer or a join came to its end, well or not.
    Complete(i64, String),
    Fail(i64, String),
}

impl News {
    /// The description in it.
    pub(super) fn sdp(&self) -> Option<&str> {
        match self {
            Self::Call(sdp) | Self::Offer(sdp) => sdp.as_deref(),
            Self::Progress(sdp) | Self::Answer(sdp) | Self::Response(sdp) => Some(sdp),
            Self::Ringing
            | Self::Refused(..)
            | Self::End(..)
            | Self::Cancel(..)
            | Self::Complete(..)
            | Self::Fail(..) => None,
        }
    }
}

/// The way in which news reaches a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speed {
    /// After the answer to the request that led to it, as the weather lets it.
    Usual,
    /// Before that answer.
    First,
}

/// The words of a SIP status (RFC 3261 section 21).
pub(super) const fn words(code: i64) -> &'static str {
    match code {
        200 => "OK",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        480 => "Temporarily Unavailable",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        503 => "Service Unavailable",
        603 => "Decline",
        _ => "Refused",
    }
}
