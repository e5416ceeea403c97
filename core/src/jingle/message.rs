//! Session messages: XEP-0353 in its early form, with Genesys attributes (wire notes 5).

use crate::xmpp::{Element, ElementRef, ns};

/// What a session message says of the session with this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionMessage {
    /// Would you take this session?
    Propose(Propose),
    /// Send me the media offer.
    Proceed {
        /// The session.
        id: String,
    },
    /// I have taken it; my other clients may stop ringing.
    Accept {
        /// The session.
        id: String,
    },
    /// I will not take it.
    Reject {
        /// The session.
        id: String,
    },
    /// The proposer gave up.
    Retract {
        /// The session.
        id: String,
    },
}

/// A proposed session (wire notes 5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Propose {
    /// The session; later the Jingle `sid` or JSON-RPC `sessionId`.
    pub id: String,
    /// `inin-cid`.
    pub conversation_id: Option<String>,
    /// `inin-persistent-cid`.
    pub persistent_conversation_id: Option<String>,
    /// `inin-sdp-over-xmpp`: media is negotiated by JSON-RPC instead of Jingle.
    pub sdp_over_xmpp: bool,
    /// `inin-autoanswer`: proceed without asking.
    pub auto_answer: bool,
    /// `inin-priv-answer-mode="Auto"`: no call, only media for a persistent connection.
    pub eager: bool,
    /// `inin-ofrom`: the room that the session really comes from.
    pub original_room: Option<String>,
    /// `inin-user-id`.
    pub from_user_id: Option<String>,
    /// `inin-meeting-id`.
    pub meeting_id: Option<String>,
    /// The kinds of media described, for instance `audio`.
    pub media: Vec<String>,
}

impl SessionMessage {
    /// The session that it speaks of.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Propose(propose) => &propose.id,
            Self::Proceed { id }
            | Self::Accept { id }
            | Self::Reject { id }
            | Self::Retract { id } => id,
        }
    }

    pub(crate) fn is_known(name: &str) -> bool {
        matches!(name, "propose" | "proceed" | "accept" | "reject" | "retract")
    }

    pub(crate) fn read(e: ElementRef<'_>) -> Result<Self, String> {
        let id = e.require("id")?.to_owned();
        match e.name() {
            "propose" => Ok(Self::Propose(Propose::read(e, id))),
            "proceed" => Ok(Self::Proceed { id }),
            "accept" => Ok(Self::Accept { id }),
            "reject" => Ok(Self::Reject { id }),
            "retract" => Ok(Self::Retract { id }),
            _ => Err("not a session message".to_owned()),
        }
    }

    pub(crate) fn write(&self) -> Element<'_> {
        let name = match self {
            Self::Propose(propose) => return propose.write(),
            Self::Proceed { .. } => "proceed",
            Self::Accept { .. } => "accept",
            Self::Reject { .. } => "reject",
            Self::Retract { .. } => "retract",
        };
        Element::new(name, ns::JINGLE_MESSAGE).attr("id", self.id())
    }
}

impl Propose {
    fn read(e: ElementRef<'_>, id: String) -> Self {
        Self {
            id,
            conversation_id: e.owned("inin-cid"),
            persistent_conversation_id: e.owned("inin-persistent-cid"),
            sdp_over_xmpp: e.flag("inin-sdp-over-xmpp"),
            auto_answer: e.flag("inin-autoanswer"),
            eager: e.attribute("inin-priv-answer-mode") == Some("Auto"),
            original_room: e.owned("inin-ofrom"),
            from_user_id: e.owned("inin-user-id"),
            meeting_id: e.owned("inin-meeting-id"),
            media: e
                .named("description", ns::RTP)
                .filter_map(|child| child.owned("media"))
                .collect(),
        }
    }

    fn write(&self) -> Element<'_> {
        let flag = |set: bool| set.then_some("true");
        Element::new("propose", ns::JINGLE_MESSAGE)
            .attr("id", &self.id)
            .maybe("inin-cid", self.conversation_id.as_ref())
            .maybe("inin-persistent-cid", self.persistent_conversation_id.as_ref())
            .maybe("inin-user-id", self.from_user_id.as_ref())
            .attr("inin-autoanswer", self.auto_answer)
            .maybe("inin-sdp-over-xmpp", flag(self.sdp_over_xmpp))
            .maybe("inin-priv-answer-mode", self.eager.then_some("Auto"))
            .maybe("inin-ofrom", self.original_room.as_ref())
            .maybe("inin-meeting-id", self.meeting_id.as_ref())
            .children(
                self.media
                    .iter()
                    .map(|media| Element::new("description", ns::RTP).attr("media", media)),
            )
    }
}
