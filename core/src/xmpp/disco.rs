//! Service discovery (XEP-0030) and software version (XEP-0092), by which a peer asks who we are,
//! wire notes 1.6.

use super::{Element, ElementRef, ns};

/// `disco#info`: empty in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiscoInfo {
    /// Category and type of each identity.
    pub identities: Vec<(String, String)>,
    /// Namespaces of what is supported.
    pub features: Vec<String>,
}

impl DiscoInfo {
    /// A client's answer: `client`, `web`, and what this crate speaks.
    #[must_use]
    pub fn client() -> Self {
        let features = [
            ns::DISCO_INFO,
            ns::PING,
            ns::VERSION,
            ns::JSON,
            ns::JINGLE,
            ns::ICE,
            ns::ICE_UDP,
            ns::SCTP,
            ns::DTLS,
            ns::RTP,
            ns::RTCP_FEEDBACK,
            ns::HEADER_EXTENSIONS,
            "urn:ietf:rfc:5576",
            "urn:ietf:rfc:5888",
            "urn:xmpp:jingle:apps:rtp:audio",
            "urn:xmpp:jingle:apps:rtp:video",
        ];
        Self {
            identities: vec![("client".to_owned(), "web".to_owned())],
            features: features.map(str::to_owned).to_vec(),
        }
    }

    pub(super) fn read(query: ElementRef<'_>) -> Self {
        let children = |name: &'static str| query.named(name, ns::DISCO_INFO);
        Self {
            identities: children("identity")
                .filter_map(|e| Some((e.owned("category")?, e.owned("type")?)))
                .collect(),
            features: children("feature").filter_map(|e| e.owned("var")).collect(),
        }
    }

    pub(super) fn write(&self) -> Element<'_> {
        let identities = self.identities.iter().map(|(category, kind)| {
            Element::new("identity", ns::DISCO_INFO).attr("category", category).attr("type", kind)
        });
        let features = self
            .features
            .iter()
            .map(|var| Element::new("feature", ns::DISCO_INFO).attr("var", var));
        Element::new("query", ns::DISCO_INFO).children(identities).children(features)
    }
}

/// `jabber:iq:version`: empty in a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// The software's name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
}

impl Version {
    /// The version of this crate.
    #[must_use]
    pub fn own() -> Self {
        Self {
            name: Some(env!("CARGO_PKG_NAME").to_owned()),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }
    }

    pub(super) fn read(query: ElementRef<'_>) -> Self {
        let text = |name| query.find(name, ns::VERSION).map(|e| e.content().into_owned());
        Self { name: text("name"), version: text("version") }
    }

    pub(super) fn write(&self) -> Element<'_> {
        let child = |name| Element::new(name, ns::VERSION);
        Element::new("query", ns::VERSION)
            .children(self.name.as_ref().map(|text| child("name").text(text)))
            .children(self.version.as_ref().map(|text| child("version").text(text)))
    }
}
