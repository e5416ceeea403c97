//! Descriptions on their way: each rule of w5.7, and what an offer changes (w4.10).

use std::borrow::Cow;
use std::sync::Arc;

use proptest::prelude::*;

use crate::machine::Seed;
use crate::ribbon::pipeline::{
    Arrival, Origin, Pipeline, RemoteChange, compare, id_of, is_flowing, remove_trickle,
};
use crate::ribbon::{
    Bandwidth, CallCode, CallId, CodecKeeper, CodecRemover, CodecSelector, Collected, Error,
    HoldState, SdpContext, SdpEndpoint, SdpHandler, SdpKind, SdpStep,
};
use crate::sdp::candidate::Candidate;
use crate::sdp::{Description, Line};

const OFFER: &str = "v=0\r\no=- 7 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
    a=ice-options:trickle renomination\r\na=fingerprint:sha-256 AA\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 0 126\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=setup:actpass\r\n\
    a=rtpmap:111 opus/48000/2\r\na=rtpmap:126 telephone-event/8000\r\na=fmtp:111 useinbandfec=1\r\n\
    a=crypto:1 AES x\r\na=ice-options:trickle\r\na=sendrecv\r\n\
    m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:1\r\na=setup:actpass\r\na=rtpmap:96 VP8/90000\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\n\
    a=fmtp:98 profile-level-id=42e01f;packetization-mode=1\r\na=rtcp-fb:98 nack pli\r\n\
    a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=sendrecv\r\n";

fn call() -> CallId {
    "c".into()
}

fn origin() -> Origin {
    Origin::new(&mut Seed::from(1).rng())
}

fn outgoing(pipeline: &Pipeline, text: &str, origin: &mut Origin) -> String {
    pipeline.outgoing(&call(), SdpKind::Offer, text, &[], origin).unwrap()
}

fn incoming(kind: SdpKind, text: &str, arrival: Arrival) -> String {
    Pipeline::default().incoming(&call(), kind, text, arrival).unwrap().into_owned()
}

fn handled(handler: impl SdpHandler + 'static, text: &str) -> Result<String, Error> {
    let pipeline = Pipeline { handlers: vec![Arc::new(handler)], ..Pipeline::default() };
    pipeline.incoming(&call(), SdpKind::Offer, text, Arrival::default()).map(Cow::into_owned)
}

fn formats(text: &str) -> Vec<String> {
    let sdp = Description::read(text).unwrap();
    sdp.sections.iter().map(|section| section.formats().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn ra_042_rt_017_rt_018_handlers_stand_in_a_row_and_see_the_original() {
    fn first(sdp: &mut Description<'_>, context: &SdpContext<'_>, original: &Description<'_>) {
        assert_eq!(*sdp, *original);
        assert_eq!((context.endpoint, context.kind), (SdpEndpoint::Local, SdpKind::Offer));
        sdp.session.push(Line::attribute_line("x", context.step.as_str()));
    }
    fn second(sdp: &mut Description<'_>, context: &SdpContext<'_>, original: &Description<'_>) {
        assert_eq!(sdp.session.len(), original.session.len() + 1);
        assert_eq!(original.value("x").is_some(), context.step == SdpStep::Send);
    }
    let handlers: Vec<Arc<dyn SdpHandler>> = vec![Arc::new(first), Arc::new(second)];
    let pipeline = Pipeline { handlers, ..Pipeline::default() };
    let sent = outgoing(&pipeline, OFFER, &mut origin());
    assert!(sent.contains("a=x:set\r\na=x:send\r\n"));
}

#[test]
fn ra_042_a_handler_that_panics_or_leaves_no_description_is_told() {
    fn panics(_: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {
        panic!("a mistake of the application's");
    }
    fn two_lines(sdp: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {
        sdp.session.push(Line::new("a=x\r\nm=audio 9 RTP/AVP 0"));
    }
    fn endless(sdp: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {
        sdp.session.extend((0..70_000).map(|_| Line::new("a=x")));
    }
    for result in [handled(panics, OFFER), handled(two_lines, OFFER), handled(endless, OFFER)] {
        assert_eq!(result.unwrap_err().code, CallCode::InvalidParam.into());
    }
    let long = format!("v=0\r\na={}\r\n", "x".repeat(64 * 1024));
    let unread = Pipeline::default().incoming(&call(), SdpKind::Offer, &long, Arrival::default());
    assert_eq!(unread.unwrap_err().code, CallCode::InvalidOffer.into());
}

#[test]
fn ra_097_rt_032_codecs_are_removed_by_name_and_parameters_and_what_repairs_them_goes_too() {
    let remover = |selectors: &[&str]| CodecRemover::new(selectors.iter().copied()).unwrap();
    let without = handled(remover(&["H264", "PCMU"]), OFFER).unwrap();
    assert_eq!(formats(&without), ["111 126", "96 97"]);
    assert!(!without.contains(":98 ") && !without.contains(":99 ") && without.contains(":97 "));
    assert_eq!(formats(&handled(remover(&["h264", "pcmu"]), OFFER).unwrap()), formats(OFFER));
    let h264 = |fmtp: &[&str]| {
        let selector = CodecSelector::new("H264").fmtp(fmtp.iter().copied());
        formats(&handled(CodecRemover::new([selector]).unwrap(), OFFER).unwrap())[1].clone()
    };
    assert_eq!(h264(&["packetization-mode=1", "profile-level-id=42e01f"]), "96 97");
    assert_eq!(h264(&["packetization-mode=0"]), "96 97 98 99");
    let all = remover(&["opus", "PCMU", "telephone-event", "VP8", "H264", "rtx"]);
    assert_eq!(formats(&handled(all, OFFER).unwrap()), ["126", "99"], "never empty");
    let keeper = CodecKeeper::new(["opus", "VP8", "rtx"]).unwrap();
    assert_eq!(formats(&handled(keeper, OFFER).unwrap()), ["111", "96 97"]);
    assert!(CodecRemover::new(vec!["x"; 64]).is_ok());
    assert_eq!(CodecRemover::new(vec!["x"; 65]).unwrap_err().code, CallCode::InvalidParam.into());
}

#[test]
fn rt_010_what_the_far_side_may_send_is_said_at_the_session_and_at_its_media() {
    let bandwidth = Bandwidth::default().call(500).audio(32);
    let pipeline = Pipeline { bandwidth, ..Pipeline::default() };
    let mut origin = origin();
    let sent = outgoing(&pipeline, OFFER, &mut origin);
    assert!(sent.contains("s=-\r\nb=AS:500\r\nb=TIAS:500000\r\nt=0 0\r\n"), "{sent}");
    assert!(sent.contains("c=IN IP4 0.0.0.0\r\nb=AS:32\r\nb=TIAS:32000\r\na=mid:0\r\n"), "{sent}");
    let again = outgoing(&pipeline, &sent, &mut origin);
    assert_eq!((again.matches("b=AS").count(), again.matches("b=TIAS").count()), (2, 2));
    let more = bandwidth.changed_by(Bandwidth::default().video(900).call(1));
    assert_eq!((more.call, more.audio, more.video), (Some(1), Some(32), Some(900)));
}

#[test]
fn rc_042_bundling_is_removed_from_what_is_sent_and_put_back_for_the_engine() {
    let pipeline = Pipeline { remove_bundling: true, ..Pipeline::default() };
    let sent = outgoing(&pipeline, OFFER, &mut origin());
    assert!(!sent.contains("a=group"));
    let back = incoming(SdpKind::Answer, &sent, Arrival::default());
    assert!(back.contains("a=group:BUNDLE 0 1\r\n"));
    assert_eq!(incoming(SdpKind::Offer, OFFER, Arrival::default()).matches("a=group").count(), 1);
    let off = sent.replace("m=video 9", "m=video 0");
    let back = incoming(SdpKind::Answer, &off, Arrival::default());
    assert!(back.contains("a=group:BUNDLE 0\r\n"));
}

#[test]
fn w5_7_no_trickle_no_keys_in_the_clear() {
    let sent = outgoing(&Pipeline::default(), OFFER, &mut origin());
    assert!(!sent.contains("trickle") && sent.contains("a=ice-options:renomination\r\n"));
    assert!(!sent.contains("a=crypto"));
    let bare = OFFER.replace("a=fingerprint:sha-256 AA\r\n", "");
    let arrived = incoming(SdpKind::Offer, &bare, Arrival::default());
    assert!(arrived.contains("a=crypto"), "they are all there is");
}

#[test]
fn w5_7_w4_10_roles_are_settled_in_answers_and_left_open_in_offers_for_a_new_connection() {
    let caller = Arrival { caller: true, ..Arrival::default() };
    let answer = |arrival| incoming(SdpKind::Answer, OFFER, arrival);
    assert_eq!(answer(caller).matches("a=setup:passive\r\n").count(), 2);
    assert_eq!(answer(Arrival::default()).matches("a=setup:active\r\n").count(), 2);
    let told = OFFER.replace("actpass", "active");
    assert!(incoming(SdpKind::Answer, &told, caller).contains("a=setup:active"));
    let rebuilt = Arrival { rebuilt: true, ..Arrival::default() };
    assert!(incoming(SdpKind::Offer, &told, rebuilt).contains("a=setup:actpass"));
    assert!(incoming(SdpKind::Offer, &told, caller).contains("a=setup:active"));
}

#[test]
fn w4_10_while_we_hold_nothing_flows_whatever_is_offered() {
    let held = Arrival { held: true, ..Arrival::default() };
    let off = OFFER.replace("m=video 9", "m=video 0");
    let arrived = incoming(SdpKind::Offer, &off, held);
    assert_eq!(
        (arrived.matches("a=inactive").count(), arrived.matches("a=sendrecv").count()),
        (1, 1)
    );
}

#[test]
fn w5_7_the_origin_has_one_id_and_a_version_for_each_description_that_differs() {
    let (mut origin, pipeline) = (origin(), Pipeline::default());
    let versions: Vec<_> = [OFFER, OFFER, &OFFER.replace("sendrecv", "inactive"), OFFER]
        .into_iter()
        .map(|text| {
            let sent = outgoing(&pipeline, text, &mut origin);
            let line = sent.lines().find(|line| line.starts_with("o=")).unwrap().to_owned();
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            (words[1].clone(), words[2].clone())
        })
        .collect();
    assert!(versions.iter().all(|(id, _)| *id == versions[0].0 && id != "7"));
    assert_eq!(
        versions.iter().map(|(_, version)| &**version).collect::<Vec<_>>(),
        ["1", "1", "2", "3"]
    );
    let mut bare = Description::read("v=0\r\ns=-\r\n").unwrap();
    origin.stamp(&mut bare);
    assert!(bare.to_string().starts_with("v=0\r\no=- "));
}

#[test]
fn w5_6_candidates_go_to_their_sections_once() {
    let candidate = |mid: Option<&str>, port: u16| {
        let line = format!("candidate:1 1 udp 1 192.0.2.1 {port} typ host");
        Collected::new(mid.map(str::to_owned), Candidate::from_line(&line).unwrap())
    };
    let found = [
        candidate(Some("0"), 1),
        candidate(Some("1"), 2),
        candidate(None, 3),
        candidate(Some("9"), 4),
    ];
    let sent = Pipeline::default()
        .outgoing(&call(), SdpKind::Offer, OFFER, &found, &mut origin())
        .unwrap();
    let sdp = Description::read(&sent).unwrap();
    let ports: Vec<Vec<_>> = sdp
        .sections
        .iter()
        .map(|section| {
            assert!(section.has("end-of-candidates"));
            let lines = section.attributes("candidate");
            lines.map(|(_, value)| value.split(' ').nth(5).unwrap().to_owned()).collect()
        })
        .collect();
    assert_eq!(ports, [["1", "3"], ["2", "3"]]);
    let again = Pipeline::default()
        .outgoing(&call(), SdpKind::Offer, &sent, &found, &mut origin())
        .unwrap();
    assert_eq!(again.matches("a=candidate").count(), 4);
}

fn sdp(sections: &[(&str, &str)]) -> String {
    let head = "v=0\r\no=- 1 1 IN IP4 x\r\n".to_owned();
    sections.iter().enumerate().fold(head, |text, (n, (kind, direction))| {
        let port = if *direction == "off" { 0 } else { 9 };
        let direction = if *direction == "off" { "sendrecv" } else { direction };
        text + &format!("m={kind} {port} UDP/TLS/RTP/SAVPF 0\r\na=mid:{n}\r\na={direction}\r\n")
    })
}

fn change(old: &[(&str, &str)], new: &[(&str, &str)], held: HoldState) -> RemoteChange {
    let (old, new) = (sdp(old), sdp(new));
    compare(&Description::read(&old).unwrap(), &Description::read(&new).unwrap(), held).change
}

#[test]
fn w4_10_what_an_offer_of_the_far_side_changes() {
    use HoldState::{Connected, DualHold, LocalHold, RemoteHold};
    use RemoteChange::{AddMedia, Generic, Hold, RemoveMedia, StartMusic, StopMusic, Unhold};
    let both = &[("audio", "sendrecv"), ("video", "sendrecv")][..];
    let audio = |direction| [("audio", direction)];
    for (old, new, held, expected) in [
        (&audio("sendrecv")[..], &audio("inactive")[..], Connected, Hold),
        (&audio("sendrecv"), &audio("sendonly"), Connected, Hold),
        (both, &[("audio", "sendonly"), ("video", "inactive")], Connected, Hold),
        (both, &[("audio", "inactive"), ("video", "off")], Connected, Hold),
        (&audio("inactive"), &audio("sendrecv"), RemoteHold, Unhold),
        (&audio("sendonly"), &audio("sendrecv"), DualHold, Unhold),
        (&audio("inactive"), &audio("sendonly"), RemoteHold, StartMusic),
        (&audio("sendonly"), &audio("inactive"), RemoteHold, StopMusic),
        (&audio("sendrecv"), both, Connected, AddMedia),
        (&[("audio", "sendrecv"), ("video", "recvonly")], both, Connected, AddMedia),
        (&[("audio", "sendrecv"), ("video", "off")], both, Connected, AddMedia),
        (both, &[("audio", "sendrecv"), ("video", "recvonly")], Connected, RemoveMedia),
        (both, &[("audio", "sendrecv"), ("video", "off")], Connected, RemoveMedia),
        (both, both, Connected, Generic),
        (both, both, RemoteHold, Unhold),
        (&audio("inactive"), &audio("inactive"), LocalHold, Hold),
        (&audio("inactive"), &audio("inactive"), DualHold, Generic),
        (&audio("inactive"), &audio("inactive"), RemoteHold, Generic),
    ] {
        assert_eq!(change(old, new, held), expected, "{old:?} -> {new:?} {held}");
    }
}

#[test]
fn w4_10_sections_are_known_by_name_else_by_stream_else_by_place_and_the_end_by_its_id() {
    let one = "v=0\r\no=- 1 1 IN IP4 x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
    let moved = "v=0\r\no=- 2 1 IN IP4 x\r\nm=video 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:v\r\na=sendonly\r\n\
                 m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n";
    let named = "v=0\r\no=- 1 1 IN IP4 x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:a\r\n";
    let of = |old: &str, new: &str| {
        let (old, new) = (Description::read(old).unwrap(), Description::read(new).unwrap());
        let update = compare(&old, &new, HoldState::Connected);
        (update.added, update.removed, update.new_peer)
    };
    assert_eq!(of(named, moved), (vec![0], vec![], true));
    assert_eq!(of(one, one), (vec![], vec![], false));
    let stream = |at: &str| format!("{at}a=msid:s t\r\n");
    let renamed = "v=0\r\no=- 1 2 IN IP4 x\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:z\r\n";
    assert_eq!(of(&stream(one), &stream(renamed)), (vec![], vec![], false));
    let origin = Description::read(moved).unwrap();
    assert_eq!((id_of(&origin), id_of(&Description::default())), (Some("2"), None));
}

#[test]
fn w4_10_flowing() {
    let flows = |sections: &[(&str, &str)]| {
        let text = sdp(sections);
        is_flowing(&Description::read(&text).unwrap())
    };
    for direction in ["sendrecv", "recvonly"] {
        assert!(flows(&[("audio", direction)]));
    }
    for direction in ["sendonly", "inactive", "off"] {
        assert!(!flows(&[("audio", direction)]));
    }
    assert!(flows(&[("audio", "inactive"), ("video", "sendonly")]));
    assert!(!flows(&[("audio", "sendonly"), ("video", "inactive"), ("application", "sendrecv")]));
    assert!(!flows(&[]));
}

proptest! {
    #[test]
    fn whatever_is_described_nothing_panics_and_what_passed_passes_again(
        text in "((v=0|o=- 1 2 x|m=audio 9 RTP/SAVPF 0 8 96|m=|a=mid:[ab]|a=rtpmap:96 [a-z]{1,3}/8|\
                 a=fmtp:96 apt=0|a=setup:actpass|a=[a-z]{1,9}|a=ice-options:trickle|[a-z]=[ -~]{0,9})\r?\n){0,14}",
        held in any::<bool>(), rebuilt in any::<bool>(),
    ) {
        let arrival = Arrival { held, rebuilt, caller: held };
        let remover: Arc<dyn SdpHandler> = Arc::new(CodecRemover::new(["PCMU"]).unwrap());
        let bandwidth = Bandwidth::default().call(1).audio(2);
        let pipeline = Pipeline { handlers: vec![remover], bandwidth, remove_bundling: held };
        let mut origin = origin();
        let sent = pipeline.outgoing(&call(), SdpKind::Offer, &text, &[], &mut origin).unwrap();
        let arrived = pipeline.incoming(&call(), SdpKind::Offer, &sent, arrival).unwrap();
        let (sent, arrived) = (Description::read(&sent).unwrap(), Description::read(&arrived).unwrap());
        prop_assert_eq!(sent.sections.len(), arrived.sections.len());
        let _ = compare(&sent, &arrived, HoldState::new(held, rebuilt));
        let mut again = sent.clone();
        remove_trickle(&mut again);
        prop_assert_eq!(again, sent);
    }
}
