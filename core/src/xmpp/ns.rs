//! The XML namespaces of wire notes 12.

/// RFC 7395: `open` and `close`.
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// RFC 6120: `stream:features` and `stream:error`.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// RFC 6120 section 4.9.3: stream error conditions.
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// RFC 6120 section 6: SASL.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// RFC 6120 section 7: resource binding.
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// RFC 3921 section 3: session establishment.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// RFC 6120 section 8.3: stanza error conditions.
pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// Stanzas from and to a client.
pub const CLIENT: &str = "jabber:client";
/// XEP-0198: stream management.
pub const STREAM_MANAGEMENT: &str = "urn:xmpp:sm:3";
/// XEP-0199: ping.
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0030: service discovery information.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0092: software version.
pub const VERSION: &str = "jabber:iq:version";
/// XEP-0051: connection transfer.
pub const CONNECTION_TRANSFER: &str = "urn:xmpp:cxfr";
/// XEP-0060: publish-subscribe.
pub const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
/// XEP-0060: events.
pub const PUBSUB_EVENT: &str = "http://jabber.org/protocol/pubsub#event";
/// XEP-0335: JSON containers.
pub const JSON: &str = "urn:xmpp:json:0";
/// XEP-0215, version 1: external services.
pub const EXTERNAL_SERVICES: &str = "urn:xmpp:extdisco:1";
/// XEP-0215, version 2: external services.
pub const EXTERNAL_SERVICES_2: &str = "urn:xmpp:extdisco:2";
/// XEP-0280: carbons.
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// XEP-0297: forwarded stanzas.
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// XEP-0353 in its early form: `propose` and its kin.
pub const JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";
/// XEP-0166: Jingle.
pub const JINGLE: &str = "urn:xmpp:jingle:1";
/// XEP-0166: Jingle's own error conditions.
pub const JINGLE_ERRORS: &str = "urn:xmpp:jingle:errors:1";
/// XEP-0167: RTP sessions.
pub const RTP: &str = "urn:xmpp:jingle:apps:rtp:1";
/// XEP-0167: session-info payloads.
pub const RTP_INFO: &str = "urn:xmpp:jingle:apps:rtp:info:1";
/// XEP-0293: RTCP feedback.
pub const RTCP_FEEDBACK: &str = "urn:xmpp:jingle:apps:rtp:rtcp-fb:0";
/// XEP-0294: RTP header extensions.
pub const HEADER_EXTENSIONS: &str = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0";
/// XEP-0339: source-specific attributes.
pub const SOURCES: &str = "urn:xmpp:jingle:apps:rtp:ssma:0";
/// The `a=msid` of a content.
pub const MSID: &str = "urn:xmpp:jingle:apps:rtp:msid:0";
/// XEP-0338: grouping.
pub const GROUPING: &str = "urn:xmpp:jingle:apps:grouping:0";
/// XEP-0320: DTLS fingerprints.
pub const DTLS: &str = "urn:xmpp:jingle:apps:dtls:0";
/// XEP-0176: ICE over UDP.
pub const ICE_UDP: &str = "urn:xmpp:jingle:transports:ice-udp:1";
/// XEP-0371: ICE.
pub const ICE: &str = "urn:xmpp:jingle:transports:ice:0";
/// XEP-0343: SCTP over DTLS.
pub const SCTP: &str = "urn:xmpp:jingle:transports:dtls-sctp:1";
/// The namespace that the prefix `xml` always stands for.
pub(super) const XML: &str = "http://www.w3.org/XML/1998/namespace";
