//! The words of a service of few words: to a login, and in an offer.

use serde_json::Value;

use super::rig::{BARE, LA100};
use crate::genesys::testing::{FewWords, ice_server};
use crate::genesys::wire::Frame;
use crate::media::testing::FakeMedia;

pub(super) fn offer_sdp() -> String {
    "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=ice-ufrag:ufra\r\na=ice-pwd:0123456789abcdef0123\r\na=fingerprint:sha-256 AB:CD\r\na=setup:actpass\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n".to_owned()
}

pub(super) const JINGLE_OFFER: &str = r#"<content creator="initiator" name="0" senders="both"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio"><rtcp-mux/><payload-type id="111" name="opus" clockrate="48000" channels="2"/></description><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="ufra" pwd="0123456789abcdef0123"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:CD</fingerprint></transport></content><group xmlns="urn:xmpp:jingle:apps:grouping:0" semantics="BUNDLE"><content name="0"/></group>"#;

/// The service that a login meets here.
fn words() -> FewWords {
    FewWords {
        user: "user-1",
        name: "User",
        bare: BARE,
        resource: "res-a",
        station: LA100,
        ice: vec![ice_server("127.0.0.1", None)],
    }
}

/// The answer to the REST side of a login.
pub(super) fn login_answer(what: &str) -> Value {
    let (method, path) = what.split_once(' ').unwrap();
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    words().rest(method, path).unwrap_or_else(|| panic!("a login does not ask {what}"))
}

/// The answer to the stream side of a login, frame by frame.
pub(super) fn stream_answer(frame: &str) -> Vec<String> {
    assert!(frame.starts_with("<auth") || Frame::parse(frame).is_ok(), "{frame}");
    words().stream(frame)
}

/// Media that does what datagrams tell it.
pub(super) fn fake_media() -> FakeMedia {
    FakeMedia { counts_candidates: true, ..FakeMedia::new("0123456789abcdef0123") }
}
