//! Ranks of clients that want a headset (behaviour notes HS-4).

/// The rank of a client among those of its user that want the headset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum HeadsetRank {
    /// An ordinary client. An unknown rank counts as this.
    #[default]
    Standard,
    /// One that rings for the others ([`Config::alerting_leader`](crate::genesys::Config::alerting_leader)).
    Prioritized,
    /// A helper that has the media of the others: any client whose
    /// [`Config::jid_resource`](crate::genesys::Config::jid_resource) begins with `mediahelper`.
    MediaHelper,
}

impl HeadsetRank {
    /// The service's name of it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Prioritized => "prioritized",
            Self::MediaHelper => "mediaHelper",
        }
    }

    pub(super) fn named(name: Option<&str>) -> Self {
        match name {
            Some("mediaHelper") => Self::MediaHelper,
            Some("prioritized") => Self::Prioritized,
            Some("standard") => Self::Standard,
            Some(_) | None => {
                tracing::debug!("a headset is wanted by a client of unknown rank");
                Self::Standard
            }
        }
    }

    /// The rank of a client with this resource.
    pub(super) fn with_resource(self, resource: Option<&str>) -> Self {
        let helper = resource.is_some_and(|name| name.starts_with("mediahelper"));
        if helper { Self::MediaHelper } else { self }
    }
}
