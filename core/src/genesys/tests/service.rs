//! What a service of few words says: to a login, and in an offer.

use serde_json::{Value, json};

use super::rig::{BARE, FULL};
use crate::genesys::wire::{Frame, Iq, IqKind, Payload};

pub(super) fn offer_sdp() -> String {
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:ufra\r\na=ice-pwd:0123456789abcdef0123\r\na=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n".to_owned()
}

pub(super) const JINGLE_OFFER: &str = r#"<content creator="initiator" name="0" senders="both"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"><rtcp-mux/><payload-type id="111" name="opus" clockrate="48000" channels="2"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint></transport></content><group xmlns="urn:xmpp:jingle:apps:grouping:0" semantics="BUNDLE"><content name="0"/></group>"#;

/// What the REST side of a login is told.
pub(super) fn login_answer(what: &str) -> Value {
    match what {
        "GET /organizations/me" => json!({"id": "org-1", "name": "Org"}),
        "GET /users/me?expand=station" => json!({
            "id": "user-1", "name": "User", "chat": {"jabberId": BARE},
            "station": {"effectiveStation": {"id": "station-1"}},
        }),
        "POST /notifications/channels?connectionType=streaming" => json!({"id": "channel-1"}),
        "GET /stations/station-1" => json!({
            "id": "station-1", "name": "Phone", "type": "inin_webrtc_softphone",
            "webRtcPersistentEnabled": false, "webRtcCallAppearances": 100,
        }),
        "PUT /notifications/channels/channel-1/subscriptions" => json!({"entities": []}),
        other => panic!("a login does not ask {other}"),
    }
}

/// What the stream side of a login is told, frame by frame.
pub(super) fn stream_answer(frame: &str) -> Vec<String> {
    const FEATURES: &str = r#"<stream:features xmlns:stream="http://etherx.jabber.org/streams">"#;
    let open =
        r#"<open xmlns="urn:ietf:params:xml:ns:xmpp-framing" version="1.0" from="hawk" id="c1"/>"#;
    if frame.starts_with("<auth") {
        return vec![r#"<success xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>"#.to_owned()];
    }
    match Frame::parse(frame).unwrap() {
        // The test tells the two apart by counting: both sets of features do no harm together.
        Frame::Open(_) => vec![
            open.to_owned(),
            format!(
                r#"{FEATURES}<mechanisms xmlns="urn:ietf:params:xml:ns:xmpp-sasl"><mechanism>PLAIN</mechanism></mechanisms><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/><session xmlns="urn:ietf:params:xml:ns:xmpp-session"/></stream:features>"#
            ),
        ],
        Frame::Iq(iq) => {
            let payload = match &iq.kind {
                IqKind::Set(Payload::Bind { .. }) => {
                    Some(Payload::Bind { resource: None, jid: Some(FULL.parse().unwrap()) })
                }
                IqKind::Get(Payload::Services(services)) => {
                    let mut services = services.clone();
                    if services.kind.as_deref() == Some("stun") {
                        services.services = stun_services();
                    }
                    Some(Payload::Services(services))
                }
                _ => None,
            };
            let mut reply = match payload {
                Some(payload) => Iq::result_with(&iq, payload),
                None => Iq::result_to(&iq),
            };
            reply.from = iq.to.clone();
            vec![Frame::Iq(reply).to_xml()]
        }
        _ => Vec::new(),
    }
}

fn stun_services() -> Vec<crate::xmpp::Service> {
    let xml = r#"<iq xmlns="jabber:client" type="result" id="1"><services xmlns="urn:xmpp:extdisco:1"><service type="stun" host="127.0.0.1" port="3478" transport="udp"/></services></iq>"#;
    match Frame::parse(xml) {
        Ok(Frame::Iq(Iq { kind: IqKind::Result(Some(Payload::Services(s))), .. })) => s.services,
        other => panic!("{other:?}"),
    }
}
