//! The reasons of the end of a session (XEP-0166 section 7.4).

/// A reason from XEP-0166 section 7.4, or one that is not in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Reason {
    AlternativeSession,
    Busy,
    Cancel,
    ConnectivityError,
    Decline,
    Expired,
    FailedApplication,
    FailedTransport,
    GeneralError,
    Gone,
    IncompatibleParameters,
    MediaError,
    SecurityError,
    Success,
    Timeout,
    UnsupportedApplications,
    UnsupportedTransports,
    /// A name that the specification does not have.
    Other(String),
}

const NAMES: [(&str, Reason); 17] = [
    ("alternative-session", Reason::AlternativeSession),
    ("busy", Reason::Busy),
    ("cancel", Reason::Cancel),
    ("connectivity-error", Reason::ConnectivityError),
    ("decline", Reason::Decline),
    ("expired", Reason::Expired),
    ("failed-application", Reason::FailedApplication),
    ("failed-transport", Reason::FailedTransport),
    ("general-error", Reason::GeneralError),
    ("gone", Reason::Gone),
    ("incompatible-parameters", Reason::IncompatibleParameters),
    ("media-error", Reason::MediaError),
    ("security-error", Reason::SecurityError),
    ("success", Reason::Success),
    ("timeout", Reason::Timeout),
    ("unsupported-applications", Reason::UnsupportedApplications),
    ("unsupported-transports", Reason::UnsupportedTransports),
];

impl Reason {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        NAMES.iter().find(|(_, r)| r == self).map_or("general-error", |(n, _)| n)
    }
}

impl From<&str> for Reason {
    fn from(name: &str) -> Self {
        NAMES
            .iter()
            .find(|(n, _)| *n == name)
            .map_or_else(|| Self::Other(name.to_owned()), |(_, reason)| reason.clone())
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        crate::plain::Shown(self.as_str()).fmt(f)
    }
}
