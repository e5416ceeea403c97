//! Session messages: XEP-0353 in its early form, with Genesys attributes (wire notes 5).

use crate::jingle::MAX_ID;
use crate::xmpp::{Element, ElementRef, Skipped, ns};

/// A session message about the session with this id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionMessage {
    /// An invitation to a session.
    Propose(Propose),
    /// A request for the media offer.
    Proceed {
        /// The session.
        id: String,
    },
    /// The word that the sender has taken it; its other clients may stop ringing.
    Accept {
        /// The session.
        id: String,
    },
    /// The word that the sender will not take it.
    Reject {
        /// The session.
        id: String,
    },
    /// The word that the proposer gave up.
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

    pub(crate) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, String> {
        let id = e.require("id")?.to_owned();
        if id.len() > MAX_ID {
            return Err(format!("<{}> has too long an id", e.name()));
        }
        match e.name() {
            "propose" => skipped.inside(
                || "propose: ".to_owned(),
                |skipped| Ok(Self::Propose(Propose::read(e, id, skipped))),
            ),
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
    fn read(e: ElementRef<'_>, id: String, skipped: &mut Skipped) -> Self {
        let mut id_of = |name: &str| match e.attribute(name) {
            Some(id) if id.len() > MAX_ID => {
                skipped.add(name);
                None
            }
            Some("") | None => None,
            Some(id) => Some(id.to_owned()),
        };
        let mut media: Vec<String> = Vec::new();
        for description in e.named("description", ns::RTP) {
            // Nobody speaks of more kinds than there are.
            let kind = description.owned("media").filter(|kind| kind.len() <= 16);
            media.extend(kind.filter(|kind| media.len() < 16 && !media.contains(kind)));
        }
        Self {
            id,
            conversation_id: id_of("inin-cid"),
            persistent_conversation_id: id_of("inin-persistent-cid"),
            sdp_over_xmpp: e.flag("inin-sdp-over-xmpp"),
            auto_answer: e.flag("inin-autoanswer"),
            eager: e.attribute("inin-priv-answer-mode") == Some("Auto"),
            original_room: id_of("inin-ofrom"),
            from_user_id: id_of("inin-user-id"),
            meeting_id: id_of("inin-meeting-id"),
            media,
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
