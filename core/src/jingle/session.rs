//! Jingle sessions: actions and contents (XEP-0166, wire notes 6.2 to 6.9).

use super::{Description, Fingerprint, Reason, Role, Senders, Transport, part, transport};
use crate::Secret;
use crate::sdp::candidate::Candidate;
use crate::xmpp::{Element, ElementRef, Extension, Skipped, name_of, ns};

/// Contents of one action; more are left out.
const MAX_CONTENTS: usize = 64;

/// A `<jingle/>` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jingle {
    /// The action.
    pub action: Action,
    /// The session.
    pub sid: String,
    /// The end that began it; written only by the initiator.
    pub initiator: Option<String>,
    /// One content an m-line.
    pub contents: Vec<Content>,
    /// BUNDLE and its like (XEP-0338).
    pub groups: Vec<Group>,
    /// The reason of the end of a session or content.
    pub reason: Option<Reason>,
    /// The reason for people.
    pub reason_text: Option<String>,
    /// The content of a session-info.
    pub info: Option<SessionInfo>,
}

/// Action of XEP-0166 section 7.2, or one that is not in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Action {
    ContentAccept,
    ContentAdd,
    ContentModify,
    ContentReject,
    ContentRemove,
    DescriptionInfo,
    SecurityInfo,
    SessionAccept,
    SessionInfo,
    SessionInitiate,
    SessionTerminate,
    TransportAccept,
    TransportInfo,
    TransportReject,
    TransportReplace,
    /// A name that the specification does not have.
    Other(String),
}

const ACTIONS: [(&str, Action); 15] = [
    ("content-accept", Action::ContentAccept),
    ("content-add", Action::ContentAdd),
    ("content-modify", Action::ContentModify),
    ("content-reject", Action::ContentReject),
    ("content-remove", Action::ContentRemove),
    ("description-info", Action::DescriptionInfo),
    ("security-info", Action::SecurityInfo),
    ("session-accept", Action::SessionAccept),
    ("session-info", Action::SessionInfo),
    ("session-initiate", Action::SessionInitiate),
    ("session-terminate", Action::SessionTerminate),
    ("transport-accept", Action::TransportAccept),
    ("transport-info", Action::TransportInfo),
    ("transport-reject", Action::TransportReject),
    ("transport-replace", Action::TransportReplace),
];

impl Action {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        ACTIONS.iter().find(|(_, a)| a == self).map_or("", |(name, _)| name)
    }
}

impl From<&str> for Action {
    fn from(name: &str) -> Self {
        ACTIONS
            .iter()
            .find(|(n, _)| *n == name)
            .map_or_else(|| Self::Other(name.to_owned()), |(_, action)| action.clone())
    }
}

/// One media section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The end that added it; the service and its clients always say the initiator.
    pub creator: Role,
    /// The `a=mid` of SDP.
    pub name: String,
    /// The ends that send.
    pub senders: Senders,
    /// The RTP description; a data channel has none.
    pub description: Option<Description>,
    /// Its transport.
    pub transport: Option<Transport>,
}

/// Contents that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `BUNDLE`.
    pub semantics: String,
    /// Names of contents.
    pub contents: Vec<String>,
}

/// The content of a session-info (wire notes 6.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionInfo {
    /// Media flows.
    Active,
    /// The sender is silent on purpose.
    Mute {
        /// The **user id** of who muted, not a role.
        creator: Option<String>,
        /// `audio` or `video`.
        name: Option<String>,
    },
    /// The sender speaks again.
    Unmute {
        /// The **user id** of who unmuted, not a role.
        creator: Option<String>,
        /// `audio` or `video`.
        name: Option<String>,
    },
    /// On hold.
    Hold,
    /// Off hold.
    Unhold,
    /// Ringing.
    Ringing,
    /// The sender shares its screen.
    ScreenStart,
    /// The sender no longer shares its screen.
    ScreenStop,
    /// Something else, by its element's name.
    Other(String),
}

impl Jingle {
    /// An action with nothing in it.
    #[must_use]
    pub fn new(action: Action, sid: impl Into<String>) -> Self {
        Self {
            action,
            sid: sid.into(),
            initiator: None,
            contents: Vec::new(),
            groups: Vec::new(),
            reason: None,
            reason_text: None,
            info: None,
        }
    }

    /// Offers a session.
    #[must_use]
    pub fn session_initiate(
        sid: impl Into<String>,
        initiator: impl Into<String>,
        contents: Vec<Content>,
        groups: Vec<Group>,
    ) -> Self {
        let initiator = Some(initiator.into());
        Self { initiator, contents, groups, ..Self::new(Action::SessionInitiate, sid) }
    }

    /// Answers the offer.
    #[must_use]
    pub fn session_accept(
        sid: impl Into<String>,
        contents: Vec<Content>,
        groups: Vec<Group>,
    ) -> Self {
        Self { contents, groups, ..Self::new(Action::SessionAccept, sid) }
    }

    /// Ends the session.
    #[must_use]
    pub fn session_terminate(sid: impl Into<String>, reason: Reason) -> Self {
        Self { reason: Some(reason), ..Self::new(Action::SessionTerminate, sid) }
    }

    /// Tells something.
    #[must_use]
    pub fn session_info(sid: impl Into<String>, info: SessionInfo) -> Self {
        Self { info: Some(info), ..Self::new(Action::SessionInfo, sid) }
    }

    /// A transport-info for one content.
    #[must_use]
    pub fn transport_info(
        sid: impl Into<String>,
        content: impl Into<String>,
        transport: Transport,
    ) -> Self {
        let content = Content {
            creator: Role::Initiator,
            name: content.into(),
            senders: Senders::Both,
            description: None,
            transport: Some(transport),
        };
        Self { contents: vec![content], ..Self::new(Action::TransportInfo, sid) }
    }

    /// One trickled candidate (wire notes 6.5): with `ufrag`, without `pwd`.
    #[must_use]
    pub fn candidate(
        sid: impl Into<String>,
        content: impl Into<String>,
        ufrag: impl Into<String>,
        candidate: Candidate,
    ) -> Self {
        let transport = Transport { candidates: vec![candidate], ..Transport::ice(ufrag) };
        Self::transport_info(sid, content, transport)
    }

    /// No more candidates (wire notes 6.5); `content` is the first one's name.
    #[must_use]
    pub fn gathering_complete(
        sid: impl Into<String>,
        content: impl Into<String>,
        ufrag: impl Into<String>,
    ) -> Self {
        let transport = Transport { gathering_complete: true, ..Transport::ice(ufrag) };
        Self::transport_info(sid, content, transport)
    }

    /// New credentials: restarts ICE, or answers the peer's restart (wire notes 6.6).
    #[must_use]
    pub fn ice_restart(
        sid: impl Into<String>,
        content: impl Into<String>,
        ufrag: impl Into<String>,
        pwd: Secret,
        fingerprints: Vec<Fingerprint>,
    ) -> Self {
        let transport = Transport { pwd: Some(pwd), fingerprints, ..Transport::ice(ufrag) };
        Self::transport_info(sid, content, transport)
    }

    /// Refuses a content-add, which is answered so after its result (wire notes 6.9).
    #[must_use]
    pub fn content_reject(sid: impl Into<String>) -> Self {
        Self {
            reason: Some(Reason::FailedApplication),
            reason_text: Some("content-add is not supported".to_owned()),
            ..Self::new(Action::ContentReject, sid)
        }
    }

    /// Refuses a transport-replace, which is answered so after its result (wire notes 6.9).
    #[must_use]
    pub fn transport_reject(sid: impl Into<String>) -> Self {
        Self {
            reason: Some(Reason::FailedTransport),
            reason_text: Some("transport-replace is not supported".to_owned()),
            ..Self::new(Action::TransportReject, sid)
        }
    }

    /// Uses this namespace for every transport: an answer and what follows it use that of the
    /// offer's first content (wire notes 6.4).
    #[must_use]
    pub fn with_transport_namespace(mut self, namespace: &str) -> Self {
        for transport in self.contents.iter_mut().filter_map(|c| c.transport.as_mut()) {
            namespace.clone_into(&mut transport.namespace);
        }
        self
    }

    /// The namespace of the first content's transport.
    #[must_use]
    pub fn transport_namespace(&self) -> Option<&str> {
        Some(&self.contents.first()?.transport.as_ref()?.namespace)
    }

    /// Reads a Jingle element: an action and a session must be named; whatever else cannot be read
    /// is left out and noted.
    pub(crate) fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, String> {
        let action = Action::from(e.require("action")?);
        let sid = e.require("sid")?;
        if sid.len() > part::MAX_ID {
            return Err("<jingle> has too long a sid".to_owned());
        }
        skipped.inside(
            || format!("{} {}: ", name_of(action.as_str()), name_of(sid)),
            |skipped| Ok(Self::read_action(e, action.clone(), sid, skipped)),
        )
    }

    fn read_action(e: ElementRef<'_>, action: Action, sid: &str, skipped: &mut Skipped) -> Self {
        let reason = e.find("reason", ns::JINGLE);
        let told = || {
            // One that we know, whatever else there is.
            let known = e.elements().find(|child| child.namespace() == ns::RTP_INFO);
            known.or_else(|| e.elements().next())
        };
        let told = (action == Action::SessionInfo).then(told).flatten();
        let info = told.map(SessionInfo::read);
        let mut contents: Vec<Content> = Vec::new();
        for content in e.named("content", ns::JINGLE) {
            contents.extend(Content::read(content, &contents, skipped));
        }
        let mut groups: Vec<Group> = Vec::new();
        for group in e.named("group", ns::GROUPING) {
            let new = part::child(e, group, skipped, Group::read);
            groups.extend(new.filter(|new| !groups.contains(new)));
        }
        Self {
            action,
            sid: sid.to_owned(),
            initiator: e.owned("initiator"),
            contents,
            groups,
            reason: reason
                .and_then(|r| {
                    r.elements().find(|c| c.namespace() == ns::JINGLE && c.name() != "text")
                })
                .map(|condition| Reason::from(condition.name())),
            reason_text: reason
                .and_then(|r| r.find("text", ns::JINGLE))
                .map(|text| text.content().into_owned()),
            info,
        }
    }

    pub(crate) fn write(&self) -> Element<'_> {
        let text = self.reason_text.as_ref();
        let reason = (self.reason.is_some() || text.is_some()).then(|| {
            Element::new("reason", ns::JINGLE)
                .children(self.reason.as_ref().map(|r| Element::new(r.as_str(), ns::JINGLE)))
                .children(text.map(|t| Element::new("text", ns::JINGLE).text(t.as_str())))
        });
        Element::new("jingle", ns::JINGLE)
            .attr("sid", &self.sid)
            .maybe("initiator", self.initiator.as_ref())
            .attr("action", self.action.as_str())
            .children(self.contents.iter().map(Content::write))
            .children(self.groups.iter().map(Group::write))
            .children(reason)
            .children(self.info.as_ref().map(SessionInfo::write))
    }
}

impl Extension for Jingle {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Option<Result<Self, String>> {
        e.is("jingle", ns::JINGLE).then(|| Self::read(e, skipped))
    }

    fn write(&self) -> Element<'_> {
        Self::write(self)
    }
}

impl Content {
    /// Reads a content that has a name of its own, and is about something that we know. Of two of
    /// one name the first counts.
    fn read(e: ElementRef<'_>, known: &[Self], skipped: &mut Skipped) -> Option<Self> {
        let place = || format!("content[{}]", name_of(e.attribute("name").unwrap_or_default()));
        skipped.inside(place, |skipped| {
            let read = Self::read_parts(e, known, skipped);
            read.map_err(|what| skipped.add(format_args!(": {what}"))).ok()
        })
    }

    fn read_parts(
        e: ElementRef<'_>,
        known: &[Self],
        skipped: &mut Skipped,
    ) -> Result<Self, &'static str> {
        let name = part::required(e, "name", part::word)?;
        if known.iter().any(|other| other.name == name) {
            return Err("name");
        }
        if known.len() >= MAX_CONTENTS {
            return Err("too many");
        }
        let is_transport = |c: &ElementRef<'_>| c.name() == "transport";
        let ice = e.elements().find(|c| is_transport(c) && transport::is_ice(*c));
        let transport = ice.or_else(|| e.elements().find(is_transport));
        let transport = transport.map(|transport| {
            skipped.inside(|| "transport".to_owned(), |s| Transport::read(transport, s))
        });
        let description = e.find("description", ns::RTP).map(|description| {
            skipped.inside(|| "description".to_owned(), |s| Description::read(description, s))
        });
        // A data channel needs no description, whatever it has instead of one.
        let foreign = e.elements().any(|c| c.name() == "description" && c.namespace() != ns::RTP);
        let channel = transport.as_ref().is_some_and(|transport| transport.sctp.is_some());
        if description.is_none() && foreign && !channel {
            return Err("description");
        }
        Ok(Self {
            creator: match e.attribute("creator") {
                Some("responder") => Role::Responder,
                Some("initiator") | None => Role::Initiator,
                Some(_) => {
                    skipped.add(": creator");
                    Role::Initiator
                }
            },
            name: name.to_owned(),
            senders: Senders::read(e, skipped),
            description: description.transpose()?,
            transport,
        })
    }

    fn write(&self) -> Element<'_> {
        Element::new("content", ns::JINGLE)
            .attr("creator", self.creator.as_str())
            .attr("name", &self.name)
            .maybe("senders", self.senders.written())
            .children(self.description.as_ref().map(Description::write))
            .children(self.transport.as_ref().map(Transport::write))
    }
}

impl Group {
    /// A BUNDLE of these contents.
    #[must_use]
    pub fn bundle(contents: impl IntoIterator<Item = String>) -> Self {
        Self { semantics: "BUNDLE".to_owned(), contents: contents.into_iter().collect() }
    }

    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Result<Self, &'static str> {
        let semantics = part::required(e, "semantics", part::word)?.to_owned();
        let mut contents: Vec<String> = Vec::new();
        for content in e.named("content", ns::GROUPING) {
            let name = part::child(e, content, skipped, |content, _| {
                part::required(content, "name", part::word)
            });
            let name = name.filter(|name| contents.iter().all(|known| known != name));
            contents.extend(name.map(str::to_owned));
        }
        Ok(Self { semantics, contents })
    }

    fn write(&self) -> Element<'_> {
        let contents = self.contents.iter();
        Element::new("group", ns::GROUPING)
            .attr("semantics", &self.semantics)
            .children(contents.map(|name| Element::new("content", ns::GROUPING).attr("name", name)))
    }
}

impl SessionInfo {
    fn read(e: ElementRef<'_>) -> Self {
        let known = e.namespace() == ns::RTP_INFO;
        let (creator, name) = (e.owned("creator"), e.owned("name"));
        match e.name() {
            "active" if known => Self::Active,
            "mute" if known => Self::Mute { creator, name },
            "unmute" if known => Self::Unmute { creator, name },
            "hold" if known => Self::Hold,
            "unhold" if known => Self::Unhold,
            "ringing" if known => Self::Ringing,
            "screen-start" if known => Self::ScreenStart,
            "screen-stop" if known => Self::ScreenStop,
            other => Self::Other(other.to_owned()),
        }
    }

    fn write(&self) -> Element<'_> {
        let element = |name| Element::new(name, ns::RTP_INFO);
        let muting = |name: &'static str, creator: &Option<String>, media: &Option<String>| {
            element(name).maybe("creator", creator.as_ref()).maybe("name", media.as_ref())
        };
        match self {
            Self::Active => element("active"),
            Self::Mute { creator, name } => muting("mute", creator, name),
            Self::Unmute { creator, name } => muting("unmute", creator, name),
            Self::Hold => element("hold"),
            Self::Unhold => element("unhold"),
            Self::Ringing => element("ringing"),
            Self::ScreenStart => element("screen-start"),
            Self::ScreenStop => element("screen-stop"),
            Self::Other(name) => element(name),
        }
    }
}
