//! Descriptions of others, after reports (see `core/tests/reported`), and our answers to them.

use proptest::prelude::*;

use super::*;
use crate::media::{AudioCodec, MediaError, MediaKind, VideoCodec};
use crate::sdp::{Description, Direction, SdpError};

const OURS: [AudioCodec; 3] = [AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma];
const PRINT: &str = "A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90:01:12:23:34:45:56:67:78:89:\
                     9A:AB:BC:CD:DE:EF:F0";

macro_rules! reported {
    ($name:literal) => {
        // Line ends as an editor has them.
        &*include_str!(concat!("../../../tests/reported/", $name, ".sdp"))
            .replace("\r\n", "\n")
            .leak()
    };
}

fn read(offer: &str) -> Result<Remote, MediaError> {
    Remote::read(&Description::read(offer)?, &Abilities::telephone(&OURS))
}

fn payloads(offer: &str) -> Payloads {
    read(offer).unwrap().audio().unwrap().1.clone()
}

fn first(offer: &str) -> RemoteSection {
    read(offer).unwrap().audio().unwrap().0.clone()
}

fn transport() -> Transport {
    Transport {
        session: 7,
        version: 1,
        ufrag: "ours".to_owned(),
        pwd: Secret::new("0123456789abcdef012345"),
        fingerprint: Fingerprint::read(&format!("sha-256 {PRINT}")).unwrap(),
        setup: Setup::Active,
        tls_id: "ours-0123456789abcdef".to_owned(),
        candidates: Vec::new(),
    }
}

/// The sections of it that we take, as they come.
fn ours(remote: &Remote) -> Vec<(usize, OurSection)> {
    let take = |section: &RemoteSection| {
        let direction = section.direction.reversed();
        let ours = OurSection::new(section.mid.clone(), section.terms.clone(), direction);
        (section.index, OurSection { source: Some(42), ..ours })
    };
    remote.sections.iter().map(take).collect()
}

/// Kind, port, protocol, formats and name of a section.
type Said = (String, u16, String, String, Option<String>);

fn answered(offer: &str) -> (String, Vec<Said>) {
    let description = Description::read(offer).unwrap();
    let remote = read(offer).unwrap();
    let ours = ours(&remote);
    let text = answer(&description, &remote, &ours, &transport());
    let answer = Description::read(&text).unwrap();
    let sections = answer.sections.iter().map(|s| {
        let formats = s.formats().collect::<Vec<_>>().join(" ");
        let mid = s.mid().map(str::to_owned);
        (s.kind().to_owned(), s.port().unwrap(), s.protocol().to_owned(), formats, mid)
    });
    (text.clone(), sections.collect())
}

fn section(protocol: &str, formats: &str, mid: Option<&str>) -> Said {
    let (kind, protocol, formats) = ("audio".to_owned(), protocol.to_owned(), formats.to_owned());
    (kind, 9, protocol, formats, mid.map(str::to_owned))
}

#[test]
fn rfc_3264_6_an_answer_names_only_what_was_offered() {
    let (text, sections) = answered(reported!("transfer-1-offer"));
    assert_eq!(sections, [section("UDP/TLS/RTP/SAVPF", "111 0 8 101", Some("audio"))]);
    assert!(text.contains("a=group:BUNDLE audio\r\n") && text.contains("a=setup:active\r\n"));
    let (text, sections) = answered(reported!("transfer-2-without-opus"));
    assert_eq!(sections, [section("UDP/TLS/RTP/SAVPF", "0 8 101", Some("audio"))]);
    assert!(!text.contains("opus"), "{text}");
}

#[test]
fn rfc_8829_5_1_2_every_profile_with_a_fingerprint_is_dtls_srtp() {
    let offer = reported!("offer-profile-savpf");
    let (_, sections) = answered(offer);
    assert_eq!(sections, [section("RTP/SAVPF", "111 0 101", Some("audio"))]);
    for profile in ["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "UDP/TLS/RTP/SAVP", "udp/tls/rtp/savpf"] {
        let offer = offer.replace("RTP/SAVPF", profile);
        assert_eq!(answered(&offer).1, [section(profile, "111 0 101", Some("audio"))]);
    }
    let udptl = offer.replace("RTP/SAVPF", "udptl");
    assert!(matches!(read(&udptl), Err(MediaError::Sdp(SdpError::Line { line: 6, .. }))));
}

#[test]
fn rfc_8843_7_1_3_candidates_in_any_section_of_a_bundle_are_of_use() {
    let offer = reported!("offer-mid-with-dash");
    let (head, audio) = offer.split_once("m=audio").unwrap();
    let value = |name| first_value(audio, name);
    let (ufrag, pwd) = (value("a=ice-ufrag:"), value("a=ice-pwd:"));
    let video = format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:v\na=rtcp-mux\na=ice-ufrag:{ufrag}\na=ice-pwd:{pwd}\n\
         a=candidate:1 1 udp 9 192.0.2.8 5008 typ host\n"
    );
    let own: Vec<_> = audio.lines().filter(|line| line.starts_with("a=candidate")).collect();
    let bare = own.iter().fold(audio.to_owned(), |text, line| text.replace(*line, "a=x-none"));
    let head = head.replace("BUNDLE audio-0", "BUNDLE v audio-0");
    let found = read(&format!("{head}{video}m=audio{bare}")).unwrap().candidates;
    assert_eq!(found, ["candidate:1 1 udp 9 192.0.2.8 5008 typ host"]);
    // Another transport's are not.
    let other = video.replace(&ufrag, "other");
    assert!(read(&format!("{head}{other}m=audio{bare}")).unwrap().candidates.is_empty());
}

/// The rest of the first line that begins so.
fn first_value(text: &str, name: &str) -> String {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned()
}

#[test]
fn a_payload_type_that_stands_many_times_is_read_once() {
    let formats = "9 300 -1 128 ".repeat(5000);
    let text = format!("v=0\ns=-\nm=video 9 UDP/TLS/RTP/SAVPF {formats}\na=rtpmap:9 VP8/90000\n");
    let description = Description::read(&text).unwrap();
    let section = &description.sections[0];
    assert_eq!(payloads::payload_types(section), [9]);
    assert_eq!(Pictures::read(section, &[VideoCodec::Vp8]).unwrap().codecs.len(), 1);
}

#[test]
fn rfc_8829_5_10_mid_and_bundle_are_optional() {
    let (text, sections) = answered(reported!("offer-without-mid"));
    assert_eq!(sections, [section("UDP/TLS/RTP/SAVPF", "111 0 101", None)]);
    assert!(!text.contains("a=mid") && !text.contains("BUNDLE"), "{text}");
    // A name without a group has none in the answer, too.
    let unbundled = reported!("offer-mid-with-dash").replace("a=group:BUNDLE audio-0\n", "");
    assert!(!answered(&unbundled).0.contains("BUNDLE"));
}

#[test]
fn mids_come_back_letter_for_letter() {
    for mid in
        ["audio-0", "{5c7f12e5-b4bd-7142-9a06-2885a2d1cb66}", "0", "a.b_c~d!e#f", &"x".repeat(200)]
    {
        let offer = reported!("offer-mid-with-dash").replace("audio-0", mid);
        let (text, sections) = answered(&offer);
        assert_eq!(sections[0].4.as_deref(), Some(mid));
        assert!(text.contains(&format!("a=group:BUNDLE {mid}\r\n")));
    }
}

#[test]
fn rfc_8866_6_7_directions_are_inherited_and_answered() {
    let without = reported!("offer-without-direction");
    assert_eq!(first(without).direction, Direction::SendRecv);
    for (theirs, ours) in
        [("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")]
    {
        for place in ["t=0 0\n", "a=mid:audio\n"] {
            let offer =
                without.replace("\r\n", "\n").replace(place, &format!("{place}a={theirs}\n"));
            let (text, _) = answered(&offer);
            assert!(text.contains(&format!("a={ours}\r\n")), "{theirs} at {place}: {text}");
        }
    }
}

#[test]
fn rfc_8866_lines_that_say_nothing_to_us_are_skipped() {
    let offer = reported!("offer-several-bandwidths");
    assert_eq!(answered(offer).1.len(), 1);
    let odd =
        offer.replace("t=0 0", "t=3034423619 3042462419\nr=7d 1h 0 25h\nz=0\nk=prompt\nx=y\nfoo");
    let odd = odd.replace("o=- 20518", "o=- 18446744073709551616999").replace("s=-", "s= ");
    assert_eq!(answered(&odd).1, answered(offer).1);
}

#[test]
fn rfc_3264_6_as_many_sections_as_were_offered() {
    let off = |kind: &str, protocol: &str, formats: &str, mid: &str| {
        (kind.to_owned(), 0, protocol.to_owned(), formats.to_owned(), Some(mid.to_owned()))
    };
    let (text, sections) = answered(reported!("offer-with-rejected-fax"));
    assert_eq!(sections[1], off("image", "udptl", "t38", "fax"));
    assert!(text.contains("a=group:BUNDLE audio\r\n"), "what is off is in no group");
    let (_, sections) = answered(reported!("offer-with-rejected-video"));
    assert_eq!(sections[1], off("video", "UDP/TLS/RTP/SAVPF", "100", "video"));
    let first = reported!("offer-without-ssrc").replace(
        "m=audio 9",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:data\nm=video 9 UDP/TLS/RTP/SAVPF 100\n\
         a=mid:video\nm=audio 0 UDP/TLS/RTP/SAVPF 0\na=mid:off\nm=audio 9",
    );
    let (_, sections) = answered(&first);
    assert_eq!(sections.len(), 4);
    assert_eq!(sections[0], off("application", "UDP/DTLS/SCTP", "webrtc-datachannel", "data"));
    assert_eq!(
        sections[2],
        off("audio", "UDP/TLS/RTP/SAVPF", "0", "off"),
        "the first that is on counts"
    );
    assert_eq!(sections[3], section("UDP/TLS/RTP/SAVPF", "111 0 101", Some("audio")));
}

#[test]
fn rfc_8866_6_6_one_channel_is_the_default() {
    assert_eq!(payloads(reported!("offer-pcmu-one-channel")).codecs, [(AudioCodec::Pcmu, 0)]);
    let beside = reported!("offer-without-ssrc").replace("PCMU/8000", "pcmu/8000/1");
    let codecs = payloads(&beside).codecs;
    assert_eq!(codecs, [(AudioCodec::Opus, 111), (AudioCodec::Pcmu, 0)]);
    let unmapped = reported!("offer-pcmu-one-channel").replace("a=rtpmap:0 PCMU/8000/1\n", "");
    assert_eq!(payloads(&unmapped).codecs, [(AudioCodec::Pcmu, 0)]);
    let stereo = reported!("offer-pcmu-one-channel").replace("PCMU/8000/1", "PCMU/8000/2");
    assert_eq!(read(&stereo), Err(MediaError::NoCommonCodec));
}

#[test]
fn keys_at_8_khz_go_beside_opus() {
    let read = payloads(reported!("offer-opus-with-8khz-keys"));
    assert_eq!(read.event_type(AudioCodec::Opus), Some((8000, 101)));
    let lists = reported!("offer-opus-with-8khz-keys").replace("101 0-15", "101 0-15,66,70");
    assert_eq!(payloads(&lists).events, [(8000, 101)]);
}

#[test]
fn what_the_session_says_holds_for_its_sections() {
    let offer = reported!("offer-without-ssrc").to_owned();
    let moved = ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint", "a=setup"];
    let is_moved = |line: &&str| moved.iter().any(|name| line.starts_with(name));
    let session: String = offer.lines().filter(is_moved).map(|l| format!("{l}\n")).collect();
    let rest: String = offer.lines().filter(|l| !is_moved(l)).map(|l| format!("{l}\n")).collect();
    let text = rest.replace("t=0 0\n", &format!("t=0 0\na=ice-lite\n{session}"));
    let (moved, plain) = (read(&text).unwrap(), read(&offer).unwrap());
    assert_eq!(moved, Remote { lite: true, ..plain });
}

#[test]
fn rfc_8843_7_1_3_a_bundled_section_shares_the_first_ones_transport() {
    let offer = reported!("offer-without-ssrc").to_owned();
    let (head, audio) = offer.split_at(offer.find("m=audio").unwrap());
    let transport = |line: &&str| line.starts_with("a=ice-") || line.starts_with("a=fing");
    let lines: String = audio.lines().filter(transport).map(|l| format!("{l}\n")).collect();
    let rest: String = audio.lines().filter(|l| !transport(l)).map(|l| format!("{l}\n")).collect();
    let text = format!(
        "{}m=video 9 UDP/TLS/RTP/SAVPF 100\na=mid:video\n{lines}a=rtcp-mux\n{rest}",
        head.replace("BUNDLE audio", "BUNDLE video audio")
    )
    .replace("m=audio 9", "m=audio 0")
    .replace("a=mid:audio", "a=mid:audio\na=bundle-only");
    assert_eq!((first(&text).index, &*read(&text).unwrap().ufrag), (1, "abcd1234"));
}

#[test]
fn rfc_8122_5_of_several_fingerprints_any_may_match() {
    let other = PRINT.replace("A1", "00");
    let offer = reported!("offer-without-ssrc").replace(
        "a=setup",
        &format!(
            "a=fingerprint:sha-1 AA:BB\na=fingerprint:SHA-256 {}\na=setup",
            other.to_lowercase()
        ),
    );
    let fingerprints = read(&offer).unwrap().fingerprints;
    let expected = [PRINT, &other].map(|p| Fingerprint::read(&format!("sha-256 {p}")).unwrap());
    assert_eq!(fingerprints, expected, "of the best hash function, in either case");
}

#[test]
fn the_line_that_is_the_trouble_is_named() {
    let offer = reported!("offer-without-ssrc").to_owned();
    let text = |offer: &str| read(offer).unwrap_err().to_string();
    let without = |what: &str| -> String {
        offer.lines().filter(|l| !l.starts_with(what)).map(|l| format!("{l}\n")).collect()
    };
    assert!(text(&without("a=fingerprint")).contains("line 6 (\"m=audio 9"));
    assert!(text(&without("a=ice-pwd")).contains("a=ice-pwd is missing"));
    assert!(text(&without("a=rtcp-mux")).contains("a=rtcp-mux is missing"));
    assert!(text(&offer.replace("sha-256 A1", "sha-256 ZZ")).contains("line 13"));
    assert!(text(&offer.replace("sha-256", "sha-999")).contains("line 13"));
    assert_eq!(text(""), "unusable session description: no audio section that is on");
    assert_eq!(
        read(&offer.replace("opus", "speex").replace("PCMU", "G729")),
        Err(MediaError::NoCommonCodec)
    );
    let other = offer.replace("audio 9", "audio 0");
    assert_eq!(read(&other), Err(SdpError::NoAudio.into()));
}

#[test]
fn of_several_audio_sections_the_first_that_can_be_used_counts() {
    let offer = reported!("offer-without-ssrc").to_owned();
    let section = offer[offer.find("m=audio").unwrap()..].replace("mid:audio", "mid:second");
    let bad = offer.replace("opus/48000/2", "speex/8000").replace("PCMU", "G729");
    assert_eq!(read(&format!("{bad}{section}")).unwrap().mid(), Some("second"));
    assert_eq!(read(&format!("{offer}{section}")).unwrap().mid(), Some("audio"));
}

#[test]
fn rfc_8842_4_another_certificate_is_another_association() {
    let offer = reported!("offer-without-ssrc");
    let agreed = read(offer).unwrap();
    let change = |text: &str, verified: Option<&Fingerprint>| {
        read(text).unwrap().change(&agreed, verified, Setup::Active)
    };
    assert_eq!(change(offer, None), Renewal::Nothing);
    assert_eq!(change(&offer.replace("sendrecv", "inactive"), None), Renewal::Nothing);
    assert_eq!(change(&offer.replace("abcd1234", "efgh5678"), None), Renewal::IceRestart);
    let other = offer.replace("A1:B2", "00:00");
    assert_eq!(change(&other, None), Renewal::Association);
    let both = offer.replace(
        "a=setup",
        &format!("a=fingerprint:sha-256 {}\na=setup", PRINT.replace("A1", "00")),
    );
    assert_eq!(change(&both, None), Renewal::Nothing, "the one before may still be meant");
    assert_eq!(change(&both, agreed.fingerprints.first()), Renewal::Nothing);
    assert_eq!(change(&other, agreed.fingerprints.first()), Renewal::Association);
}

#[test]
fn rfc_8842_4_other_parts_or_another_tls_id_are_another_association() {
    let offer = reported!("offer-without-ssrc");
    let named = |id: &str| offer.replace("a=setup", &format!("a=tls-id:{id}\na=setup"));
    let change = |before: &str, now: &str, ours: Setup| {
        read(now).unwrap().change(&read(before).unwrap(), None, ours)
    };
    let stated = |setup: &str| offer.replace("a=setup:actpass", &format!("a=setup:{setup}"));
    for ours in [Setup::Active, Setup::Passive, Setup::ActPass] {
        assert_eq!(change(offer, offer, ours), Renewal::Nothing);
        assert_eq!(change(&named("abc"), &named("abc"), ours), Renewal::Nothing);
        assert_eq!(change(&named("abc"), &named("def"), ours), Renewal::Association);
        assert_eq!(change(&named("abc"), offer, ours), Renewal::Nothing, "says nothing of it");
    }
    assert_eq!(change(offer, &stated("active"), Setup::Passive), Renewal::Nothing);
    assert_eq!(change(offer, &stated("active"), Setup::Active), Renewal::Association);
    assert_eq!(change(offer, &stated("passive"), Setup::Passive), Renewal::Association);
    assert!(answered(&named("abc")).0.contains("a=tls-id:ours-0123456789abcdef\r\n"));
    assert!(!answered(offer).0.contains("tls-id"), "only to those who know it");
}

#[test]
fn rfc_4145_4_an_answer_that_says_nothing_of_its_part_waits_for_the_handshake() {
    let answer = reported!("offer-without-ssrc");
    let offered = [OurSection::new(None, Terms::Audio(Payloads::ours(&OURS)), Direction::SendRecv)];
    let setup = |text: &str| {
        Remote::read_answer(&Description::read(text).unwrap(), &offered).unwrap().setup
    };
    let silent = answer.replace("a=setup:actpass\n", "");
    assert_eq!(setup(&silent), Setup::Passive);
    assert_eq!(setup(&silent.replace("m=audio", "a=setup:active\nm=audio")), Setup::Active);
    assert_eq!(read(&silent).unwrap().setup, Setup::ActPass, "an offer leaves the choice");
}

#[test]
fn our_offer_is_read_by_ourselves_and_its_answer_too() {
    let terms = Terms::Audio(Payloads::ours(&OURS));
    let ours = OurSection::new(Some("0".to_owned()), terms, Direction::SendRecv);
    let offered = [OurSection { source: Some(42), ..ours }];
    let text = offer(&offered, &transport());
    let audio = first(&text);
    assert_eq!(payloads(&text), Payloads { noise: Vec::new(), ..Payloads::ours(&OURS) });
    assert_eq!((audio.mid.as_deref(), audio.sources), (Some("0"), vec![42]));
    let (answer, _) = answered(&text);
    let read = |text: &str| Remote::read_answer(&Description::read(text).unwrap(), &offered);
    assert_eq!(read(&answer).unwrap().audio().unwrap().1.codecs, Payloads::ours(&OURS).codecs);
    assert_eq!(read(&answer.replace("m=audio 9", "m=audio 0")), Err(MediaError::NoCommonCodec));
    assert!(matches!(read("v=0\r\n"), Err(MediaError::Sdp(_))));
}

const VIDEO: [VideoCodec; 2] = [VideoCodec::Vp8, VideoCodec::H264];
const ALL: Abilities<'static> = Abilities { audio: &OURS, video: &VIDEO, channels: true };

/// An offer as browsers make it: audio, a camera, somebody else's screen, data.
fn meeting() -> String {
    let audio =
        reported!("offer-without-ssrc").replace("BUNDLE audio", "BUNDLE audio cam screen data");
    let pictures = |mid: &str, direction: &str, source: u32| {
        format!(
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97 107 108 103 104 109 114 98\na=mid:{mid}\na={direction}\n\
             a=extmap:4/sendonly urn:ietf:params:rtp-hdrext:sdes:mid\na=rtcp-mux\n\
             a=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n\
             a=rtpmap:107 H264/90000\na=fmtp:107 packetization-mode=0;profile-level-id=42e01f\n\
             a=rtpmap:108 rtx/90000\na=fmtp:108 apt=107\n\
             a=rtpmap:103 H264/90000\na=fmtp:103 packetization-mode=1;profile-level-id=42001f\n\
             a=rtpmap:104 rtx/90000\na=fmtp:104 apt=103\n\
             a=rtpmap:109 H264/90000\na=fmtp:109 packetization-mode=1;profile-level-id=42e01f\n\
             a=rtpmap:114 rtx/90000\na=fmtp:114 apt=109\na=rtpmap:98 VP9/90000\n\
             a=ssrc-group:FID {source} {}\na=ssrc:{source} cname:x\na=ssrc:{} cname:x\n",
            source + 1,
            source + 1
        )
    };
    format!(
        "{audio}{}{}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:data\na=sctp-port:5000\n\
         a=max-message-size:262144\n",
        pictures("cam", "sendrecv", 100),
        pictures("screen", "sendonly", 200)
    )
}

fn read_all(offer: &str) -> Result<Remote, MediaError> {
    Remote::read(&Description::read(offer).unwrap(), &ALL)
}

#[test]
fn a_meeting_has_each_section_that_both_can_do() {
    let remote = read_all(&meeting()).unwrap();
    let kinds: Vec<_> = remote.sections.iter().map(RemoteSection::kind).collect();
    let (audio, video) = (Some(MediaKind::Audio), Some(MediaKind::Video));
    assert_eq!(kinds, [audio, video, video, None]);
    assert_eq!((remote.anchor, remote.mid()), (0, Some("audio")));
    let Terms::Video(pictures) = &remote.sections[1].terms else { panic!("pictures") };
    let numbers: Vec<_> = pictures.codecs.iter().map(|p| (p.codec, p.number, p.repair)).collect();
    let constrained = (VideoCodec::H264, 109, Some(114));
    assert_eq!(numbers, [(VideoCodec::Vp8, 96, Some(97)), constrained]);
    assert_eq!(remote.sections[1].sources, [100]);
    assert_eq!(remote.sections[1].repairs, [(100, 101)]);
    assert_eq!(remote.sections[1].mid_extension, Some(4));
    assert_eq!(remote.sections[2].direction, Direction::SendOnly);
    assert_eq!(remote.sections[3].terms, Terms::Channels { longest: 262_144 });
}

#[test]
fn rfc_3264_6_its_answer_has_as_many_sections_and_only_what_is_common() {
    let (text, remote) = (meeting(), read_all(&meeting()).unwrap());
    let offer = Description::read(&text).unwrap();
    let answer = answer(&offer, &remote, &ours(&remote), &transport());
    assert!(answer.contains("a=group:BUNDLE audio cam screen data\r\n"), "{answer}");
    let said: Vec<_> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(
        said[1..],
        [
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97 109 114",
            "m=video 9 UDP/TLS/RTP/SAVPF 96 97 109 114",
            "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        ]
    );
    for line in [
        "a=rtcp-fb:96 nack pli",
        "a=fmtp:97 apt=96",
        "a=fmtp:109 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        "a=sctp-port:5000",
    ] {
        assert!(answer.contains(&format!("{line}\r\n")), "{line}: {answer}");
    }
    let offered: Vec<_> = ours(&remote).into_iter().map(|(_, ours)| ours).collect();
    let read = Remote::read_answer(&Description::read(&answer).unwrap(), &offered).unwrap();
    assert_eq!(read.sections.len(), 4, "and the other side reads it");
    let off = answer.replacen("m=video 9", "m=video 0", 1);
    let read = Remote::read_answer(&Description::read(&off).unwrap(), &offered).unwrap();
    assert_eq!(read.sections.iter().map(|s| s.index).collect::<Vec<_>>(), [0, 2, 3]);
}

#[test]
fn a_telephone_turns_all_else_down() {
    let (_, sections) = answered(&meeting());
    assert_eq!(sections.iter().map(|s| s.1).collect::<Vec<_>>(), [9, 0, 0, 0]);
}

#[test]
fn rfc_8843_7_1_3_what_is_not_bundled_has_no_transport_here() {
    let alone = meeting().replace("BUNDLE audio cam screen data", "BUNDLE audio screen");
    let kept: Vec<_> = read_all(&alone).unwrap().sections.iter().map(|s| s.index).collect();
    assert_eq!(kept, [0, 2]);
}

#[test]
fn rfc_8843_9_1_a_number_that_audio_has_is_none_of_pictures() {
    let clash = meeting().replace("96 97", "111 97").replace("rtpmap:96", "rtpmap:111");
    let remote = read_all(&clash).unwrap();
    let Terms::Video(pictures) = &remote.sections[1].terms else { panic!("pictures") };
    assert_eq!(pictures.codecs.iter().map(|p| p.number).collect::<Vec<_>>(), [109]);
}

#[test]
fn pictures_alone_are_a_session_too() {
    let audio_off = meeting().replace("m=audio 9", "m=audio 0");
    // Its transport is the group's.
    let lines = ["a=ice-ufrag:abcd1234", "a=ice-pwd:0123456789abcdef012345"];
    let print = format!("a=fingerprint:sha-256 {PRINT}");
    let with = audio_off
        .replace("a=mid:cam\n", &format!("a=mid:cam\n{}\n{}\n{print}\n", lines[0], lines[1]));
    let remote = read_all(&with).unwrap();
    assert_eq!((remote.mid(), remote.audio().is_none()), (Some("cam"), true));
    assert_eq!(remote.sections.len(), 3);
}

proptest! {
    /// Whatever else stands in an offer, its answer fits it.
    #[test]
    fn an_answer_fits_its_offer(
        noise in prop::collection::vec("[a-z]=[ -~]{0,40}|a=[a-z-]{1,12}(:[ -~]{0,40})?", 0..12),
        at in prop::collection::vec(0..20_usize, 0..12),
        sections in prop::collection::vec("m=[a-z]{1,8} (0|9) [A-Z/]{1,12} [a-z0-9]{1,4}", 0..4),
    ) {
        let plain = reported!("offer-mid-with-dash");
        let mut lines: Vec<String> = plain.lines().map(str::to_owned).collect();
        for (line, at) in noise.into_iter().zip(at) {
            // What means something else would be another offer.
            let telling = ["a=ice-", "a=rtpmap", "a=fingerprint", "a=setup", "a=mid", "a=bundle",
                "a=inactive", "a=sendonly", "a=recvonly", "a=group", "a=candidate", "m="];
            if !telling.iter().any(|name| line.starts_with(name)) {
                lines.insert(4 + at.min(lines.len() - 4), line);
            }
        }
        lines.extend(sections.iter().cloned());
        let offer = lines.join("\r\n");
        let (text, answer) = answered(&offer);
        prop_assert_eq!(answer.len(), 1 + sections.len());
        prop_assert_eq!(&answer[0].3, "111 0 101");
        prop_assert_eq!(answer[0].4.as_deref(), Some("audio-0"));
        prop_assert!(answer[1..].iter().all(|section| section.1 == 0));
        prop_assert!(text.ends_with("\r\n"));
    }

    #[test]
    fn nothing_panics(text in "([a-z]=[ -~]{0,60}\n){0,30}") {
        let _ = read(&text);
        let _ = Fingerprint::read(&text);
    }
}

#[test]
fn rfc_7587_6_1_each_end_says_what_it_wants_of_the_opus_that_it_is_sent() {
    let terms = Terms::Audio(Payloads::ours(&OURS));
    let plain = OurSection::new(Some("0".to_owned()), terms, Direction::SendRecv);
    let asking = OurSection { dtx: true, ..plain.clone() };
    let said = |ours: &OurSection| offer(std::slice::from_ref(ours), &transport());
    assert!(said(&plain).contains("a=fmtp:111 minptime=10;useinbandfec=1\r\n"));
    assert!(said(&asking).contains("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n"));
    for (parameters, fec, dtx) in [
        ("useinbandfec=1;usedtx=1", true, true),
        ("minptime=10; useinbandfec=1", true, false),
        ("minptime=10;UseInbandFec=1;usedtx=0", true, false),
        ("useinbandfec=0; usedtx=1", false, true),
        ("maxplaybackrate=16000", false, false),
    ] {
        let theirs = said(&plain).replace("minptime=10;useinbandfec=1", parameters);
        assert_eq!(payloads(&theirs).opus, OpusWishes { fec, dtx }, "{parameters}");
        // What we want does not depend on it.
        let (answer, _) = answered(&theirs);
        assert!(answer.contains("a=fmtp:111 minptime=10;useinbandfec=1\r\n"), "{answer}");
    }
    let silent = said(&plain).replace("a=fmtp:111 minptime=10;useinbandfec=1\r\n", "");
    assert_eq!(payloads(&silent).opus, OpusWishes::default(), "without a word neither");
}
