//! Requests to be let into a room: a presence that the room answers by a propose (wire notes 5.10).

use crate::jingle::MAX_ID;
use crate::xmpp::{Element, ElementRef, Skipped};

/// The namespace of the request.
pub(super) const NAMESPACE: &str = "orgspan:mediastream";

/// A request for media of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeMedia {
    /// The conversation of the room, if known.
    pub conversation_id: Option<String>,
    /// The communication by which the sender came, if known.
    pub source_communication_id: Option<String>,
    /// The part that the sender wants to have.
    pub part: UpgradePart,
}

/// The part of whoever asks to be let into a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradePart {
    /// A guest who shows a screen.
    ScreenShare,
    /// A guest of a video meeting.
    VideoGuest,
    /// Anybody else.
    Listener,
}

impl UpgradeMedia {
    pub(super) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Self {
        let mut id_of = |name: &'static str| match e.attribute(name) {
            Some(id) if id.len() > MAX_ID => {
                skipped.add(name);
                None
            }
            Some("") | None => None,
            Some(id) => Some(id.to_owned()),
        };
        let conversation_id = id_of("conversationId");
        let source_communication_id = id_of("sourceCommunicationId");
        let media = e.elements().find(|child| child.name() == "mediastream");
        let part = match media {
            Some(media) if media.flag("screenShare") => UpgradePart::ScreenShare,
            Some(media) if media.flag("videoGuest") => UpgradePart::VideoGuest,
            Some(_) | None => UpgradePart::Listener,
        };
        Self { conversation_id, source_communication_id, part }
    }

    pub(super) fn write(&self) -> Element<'_> {
        let media = Element::new("mediastream", NAMESPACE);
        let media = match self.part {
            UpgradePart::ScreenShare => media.attr("screenShare", "true"),
            UpgradePart::VideoGuest => {
                media.attr("video", "true").attr("audio", "true").attr("videoGuest", "true")
            }
            UpgradePart::Listener => media.attr("listener", "true"),
        };
        Element::new("x", NAMESPACE)
            .maybe("conversationId", self.conversation_id.as_ref())
            .maybe("sourceCommunicationId", self.source_communication_id.as_ref())
            .children([media])
    }
}
