//! Jingle to SDP and back (wire notes 6.4).

use proptest::prelude::*;

use super::*;
use crate::Secret;
use crate::jingle::tests::{INITIATE, jingle};
use crate::jingle::{
    Action, Candidate, Content, Description, Fingerprint, Group, Jingle, Parameter, PayloadType,
    Role, Senders, Source, Stream, Transport,
};
use crate::sdp::MAX_SECTIONS;

const OFFER: &str = "v=0\r\n\
    o=- 1 2 IN IP4 127.0.0.1\r\n\
    s=-\r\n\
    t=0 0\r\n\
    a=group:BUNDLE audio\r\n\
    a=msid-semantic:WMS *\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 96 101\r\n\
    c=IN IP4 0.0.0.0\r\n\
    a=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=rtpmap:96 opus/48000/2\r\n\
    a=fmtp:96 minptime=10;useinbandfec=1\r\n\
    a=rtcp-fb:96 transport-cc\r\n\
    a=rtpmap:101 telephone-event/48000\r\n\
    a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=sendrecv\r\n\
    a=msid:streamId trackId\r\n\
    a=rtcp-mux\r\n\
    a=ssrc:12345 cname:cnm\r\n\
    a=mid:audio\r\n\
    a=ice-ufrag:u123\r\n\
    a=ice-pwd:hush-hush-hush-hush-hush\r\n\
    a=setup:actpass\r\n\
    a=fingerprint:sha-256 AB:0E:0A:42:D3:75:82:57:01:D7:F9:49:57:B1:5C:BA:DE:D2:5F:0B:9E:C8:9D:74:E4:D2:6E:B6:83:3B:30:42\r\n\
    a=candidate:1 1 udp 2130706431 10.0.0.1 5000 typ host\r\n";

fn offer() -> Jingle {
    jingle(INITIATE)
}

fn description(offer: &mut Jingle) -> &mut Description {
    offer.contents[0].description.as_mut().expect("a description")
}

fn transport(offer: &mut Jingle) -> &mut Transport {
    offer.contents[0].transport.as_mut().expect("a transport")
}

fn write(jingle: &Jingle) -> String {
    to_sdp(jingle, Role::Initiator).expect("an SDP")
}

fn session(contents: Vec<Content>, groups: Vec<Group>) -> Jingle {
    Jingle::session_initiate("s", "i", contents, groups)
}

mod writing {
    use super::*;

    #[test]
    fn the_session_initiate_of_wire_notes_6_2_as_sdp() {
        assert_eq!(write(&offer()), OFFER);
    }

    #[test]
    fn a_bundle_is_always_written() {
        let mut offer = offer();
        offer.groups.clear();
        assert_eq!(write(&offer), OFFER);
    }

    #[test]
    fn a_section_without_credentials_fingerprint_or_codecs_is_rejected() {
        let rejected = |change: fn(&mut Jingle)| {
            let mut offer = offer();
            change(&mut offer);
            let sdp = write(&offer);
            sdp.contains("m=audio 0 ") && sdp.contains("a=group:BUNDLE\r\n")
        };
        assert!(rejected(|offer| transport(offer).pwd = None));
        assert!(rejected(|offer| transport(offer).ufrag = None));
        assert!(rejected(|offer| transport(offer).fingerprints.clear()));
        assert!(rejected(|offer| offer.contents[0].transport = None));
        assert!(rejected(|offer| description(offer).payload_types.clear()));
        assert!(!rejected(|_| {}));
    }

    #[test]
    fn a_source_that_is_only_mentioned_gets_a_name() {
        let mut offer = offer();
        description(&mut offer).sources.clear();
        assert!(write(&offer).contains("a=ssrc:12345 cname:-\r\n"));
        let group = crate::jingle::SourceGroup { semantics: "FID".to_owned(), sources: vec![1, 2] };
        description(&mut offer).ssrc = Some(1);
        description(&mut offer).source_groups.push(group);
        description(&mut offer).sources.push(Source {
            ssrc: 1,
            parameters: vec![Parameter { name: "cname".to_owned(), value: Some("n".to_owned()) }],
        });
        let lines = "a=ssrc-group:FID 1 2\r\na=ssrc:1 cname:n\r\na=ssrc:2 cname:n\r\n";
        assert!(write(&offer).contains(lines));
    }

    /// Found by fuzzing.
    #[test]
    fn a_source_parameter_that_says_nothing_is_not_written() {
        let mut offer = offer();
        let nothing = |value: Option<&str>| Parameter {
            name: String::new(),
            value: value.map(str::to_owned),
        };
        description(&mut offer).sources =
            vec![Source { ssrc: 12345, parameters: vec![nothing(None), nothing(Some(" "))] }];
        let sdp = write(&offer);
        assert_eq!(sdp.matches("a=ssrc:").count(), 1);
        assert!(sdp.contains("a=ssrc:12345 cname:-\r\n"));
        assert!(from_sdp(&sdp, Role::Initiator).is_ok());
    }

    /// Found by fuzzing: each reading cost an equals sign.
    #[test]
    fn a_parameter_without_name_stays_as_it_is() {
        let mut offer = offer();
        let odd = Parameter { name: String::new(), value: Some("==b".to_owned()) };
        description(&mut offer).payload_types[0].parameters = vec![odd];
        let once = write(&offer);
        assert!(once.contains(" ==b\r\n"));
        let (contents, groups) = from_sdp(&once, Role::Initiator).unwrap();
        let again = Jingle { contents, groups, ..offer.clone() };
        assert_eq!(write(&again), once);
    }

    #[test]
    fn a_missing_stream_becomes_legacy() {
        let mut offer = offer();
        description(&mut offer).stream = None;
        assert!(write(&offer).contains("a=msid:legacy audio\r\n"));
    }

    #[test]
    fn a_data_channel_has_its_own_section() {
        let mut offer = offer();
        let mut data = offer.contents[0].clone();
        data.name = "data".to_owned();
        data.description = None;
        let port = crate::jingle::Sctp {
            port: 5000,
            protocol: "webrtc-datachannel".to_owned(),
            streams: None,
        };
        data.transport.as_mut().expect("a transport").sctp = Some(port);
        offer.contents.push(data);
        offer.groups = vec![Group::bundle(["audio".to_owned(), "data".to_owned()])];
        let sdp = write(&offer);
        assert!(sdp.contains("a=group:BUNDLE audio data\r\n"));
        assert!(sdp.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
        assert!(sdp.contains("a=sctp-port:5000\r\n"));
        let (contents, groups) = from_sdp(&sdp, Role::Initiator).expect("contents");
        assert_eq!(
            session(contents, groups),
            Jingle { sid: "s".to_owned(), initiator: Some("i".to_owned()), ..normal(offer) }
        );
    }

    #[test]
    fn what_no_line_can_hold_costs_only_itself() {
        let written = |change: fn(&mut Jingle)| {
            let mut offer = offer();
            change(&mut offer);
            to_sdp(&offer, Role::Initiator)
        };
        let plain = write(&offer());
        type Change = fn(&mut Jingle);
        let gone: [(Change, &str); 6] = [
            (|o| transport(o).candidates[0].ip = "\n".to_owned(), "a=candidate"),
            (
                |o| description(o).payload_types[0].parameters[0].name = "a\nb".to_owned(),
                "minptime=10;",
            ),
            (|o| description(o).header_extensions[0].uri = "a b".to_owned(), "a=extmap"),
            (|o| description(o).payload_types[0].feedback[0].kind = "\r".to_owned(), "a=rtcp-fb"),
            (|o| transport(o).fingerprints[0].setup = Some("a b".to_owned()), "a=setup"),
            (|o| o.groups[0].semantics = "a\nb".to_owned(), "nothing: a group is always written"),
        ];
        for (change, part) in gone {
            let expected: String = match part {
                "minptime=10;" => plain.replace(part, ""),
                _ => plain
                    .lines()
                    .filter(|l| !l.starts_with(part))
                    .map(|l| format!("{l}\r\n"))
                    .collect(),
            };
            assert_eq!(written(change).as_deref(), Ok(&*expected), "{part}");
        }
        let source = written(|o| {
            description(o).sources[0].parameters[0].value = Some("\r".to_owned());
        });
        assert!(source.unwrap().contains("a=ssrc:12345 cname:-\r\n"));
        for name in ["a\nb", "a/8000", ""] {
            let mut offer = offer();
            description(&mut offer).payload_types[0].name = Some(name.to_owned());
            assert!(write(&offer).contains("m=audio 9 UDP/TLS/RTP/SAVPF 101\r\n"), "{name:?}");
        }
        let twice = written(|o| {
            let twice = o.contents[0].clone();
            o.contents.push(twice);
        });
        assert_eq!(twice.as_deref(), Ok(&*plain), "of two with one name the first counts");
    }

    #[test]
    fn a_section_that_lacks_what_it_needs_is_turned_down_and_the_rest_goes_on() {
        for change in [
            (|o| transport(o).ufrag = Some("a b".to_owned())) as fn(&mut Jingle),
            |o| transport(o).pwd = Some(Secret::new("\n")),
            |o| transport(o).fingerprints[0].value = "A\nB".to_owned(),
        ] {
            let mut offer = offer();
            let good = Content { name: "good".to_owned(), ..offer.contents[0].clone() };
            change(&mut offer);
            offer.contents.push(good);
            let sdp = write(&offer);
            assert!(sdp.contains("m=audio 0 ") && sdp.contains("m=audio 9 "), "{sdp}");
            assert!(sdp.lines().all(|line| line != "a=b" && line != "B"));
        }
        for change in [
            (|o| o.contents[0].name = "a\r\na=b".to_owned()) as fn(&mut Jingle),
            |o| o.contents[0].name = String::new(),
            |o| description(o).media = "a\nb".to_owned(),
            |o| o.contents.clear(),
        ] {
            let mut offer = offer();
            change(&mut offer);
            assert_eq!(to_sdp(&offer, Role::Initiator), Err(SdpError::NoAudio));
        }
    }
}

/// A session as SDP reads it back: mono is said, so that equal things compare equal.
fn normal(mut jingle: Jingle) -> Jingle {
    for description in jingle.contents.iter_mut().filter_map(|c| c.description.as_mut()) {
        for codec in &mut description.payload_types {
            codec.channels.get_or_insert(1);
        }
    }
    jingle
}

mod reading {
    use super::*;

    #[test]
    fn what_was_written_reads_the_same() {
        let (contents, groups) = from_sdp(OFFER, Role::Initiator).expect("contents");
        let expected = normal(offer());
        assert_eq!((contents, groups), (expected.contents, expected.groups));
    }

    #[test]
    fn directions_are_relative_to_who_describes_itself() {
        let all = [
            (Role::Initiator, "sendrecv", Senders::Both),
            (Role::Initiator, "sendonly", Senders::Initiator),
            (Role::Initiator, "recvonly", Senders::Responder),
            (Role::Initiator, "inactive", Senders::None),
            (Role::Responder, "sendrecv", Senders::Both),
            (Role::Responder, "sendonly", Senders::Responder),
            (Role::Responder, "recvonly", Senders::Initiator),
            (Role::Responder, "inactive", Senders::None),
        ];
        for (author, direction, senders) in all {
            assert_eq!(Senders::from_direction(direction, author), Some(senders));
            assert_eq!(senders.direction(author), direction);
            let sdp = OFFER
                .replace("a=sendrecv", &format!("a={direction}"))
                .replace("a=extmap:1 ", &format!("a=extmap:1/{direction} "));
            let (contents, groups) = from_sdp(&sdp, author).expect("contents");
            assert_eq!(contents[0].senders, senders);
            let extensions = contents[0].description.as_ref().map(|d| &d.header_extensions);
            assert_eq!(extensions.expect("a description")[0].senders, senders);
            let again = to_sdp(&session(contents, groups), author).expect("an SDP");
            assert_eq!(again, sdp.replace("a=extmap:1/sendrecv ", "a=extmap:1 "));
        }
        assert_eq!(Senders::from_direction("both", Role::Initiator), None);
    }

    #[test]
    fn the_session_speaks_for_its_sections() {
        let credentials = "a=ice-ufrag:u123\r\na=ice-pwd:hush-hush-hush-hush-hush\r\n";
        let moved =
            OFFER.replace(credentials, "").replace("m=audio", &format!("{credentials}m=audio"));
        assert_eq!(from_sdp(&moved, Role::Initiator), from_sdp(OFFER, Role::Initiator));
    }

    #[test]
    fn static_payload_types_need_no_rtpmap_and_bare_words_no_value() {
        let sdp = "v=0\nm=audio 9 RTP/SAVPF 0 8 101\na=mid:0\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=rtcp-fb:* nack pli\na=rtcp-fb:101 trr-int 100\n";
        let (contents, groups) = from_sdp(sdp, Role::Responder).expect("contents");
        let description = contents[0].description.as_ref().expect("a description");
        let names: Vec<_> =
            description.payload_types.iter().filter_map(|codec| codec.name.as_deref()).collect();
        assert_eq!(names, ["PCMU", "PCMA", "telephone-event"]);
        let word = Parameter { name: "0-15".to_owned(), value: None };
        assert_eq!(description.payload_types[2].parameters, [word]);
        let again = to_sdp(&session(contents, groups), Role::Responder).expect("an SDP");
        for line in ["a=fmtp:101 0-15", "a=rtcp-fb:* nack pli", "a=rtcp-fb:101 trr-int 100"] {
            assert!(again.contains(line), "{again}");
        }
    }

    #[test]
    fn a_rejected_section_has_no_senders() {
        let sdp = OFFER.replace("m=audio 9", "m=audio 0");
        let (contents, _) = from_sdp(&sdp, Role::Responder).expect("contents");
        assert_eq!(contents[0].senders, Senders::None);
    }

    #[test]
    fn a_candidate_that_cannot_be_read_does_not_cost_the_others() {
        let sdp = OFFER.replace("a=mid", "a=candidate:nonsense\r\na=mid");
        assert_eq!(from_sdp(&sdp, Role::Initiator), from_sdp(OFFER, Role::Initiator));
    }

    #[test]
    fn media_sections_are_bounded_as_each_repeats_the_session() {
        let sections = |n: usize| -> String {
            (0..n).map(|mid| format!("m=audio 9 RTP 0\r\na=mid:{mid}\r\n")).collect()
        };
        let (most, groups) = from_sdp(&sections(MAX_SECTIONS), Role::Initiator).expect("contents");
        let mut session =
            Jingle { contents: most, groups, ..Jingle::new(Action::SessionInitiate, "s") };
        assert!(to_sdp(&session, Role::Initiator).is_ok());
        assert_eq!(
            from_sdp(&sections(MAX_SECTIONS + 1), Role::Initiator),
            Err(SdpError::TooManySections)
        );
        session.contents.push(Content { name: "more".to_owned(), ..session.contents[0].clone() });
        assert_eq!(to_sdp(&session, Role::Initiator), Err(SdpError::TooManySections));
    }

    #[test]
    fn an_unusable_sdp_says_why() {
        assert_eq!(from_sdp("", Role::Initiator), Err(SdpError::NoAudio));
        let error = from_sdp("v=0\nm=\n", Role::Initiator).expect_err("no kind of media");
        assert_eq!(error.to_string(), "line 2 (\"m=\"): no media section");
    }

    #[test]
    fn sections_without_a_name_or_with_anothers_get_one_of_their_own() {
        let sdp = "m=audio 9 RTP/SAVPF 0\na=mid:\nm=audio 9 RTP/SAVPF 0\nm=video 9 RTP/SAVPF 96\n\
                   a=mid:audio\n";
        let (contents, _) = from_sdp(sdp, Role::Initiator).expect("contents");
        let names: Vec<_> = contents.iter().map(|content| &*content.name).collect();
        assert_eq!(names, ["audio", "audio-1", "audio-2"]);
    }

    #[test]
    fn a_line_that_cannot_be_read_costs_only_itself() {
        for line in [
            "a=rtpmap:0 PCMU",
            "a=fmtp:x y",
            "a=rtcp-fb:0",
            "a=extmap:1",
            "a=ssrc:x cname:y",
            "a=ssrc-group:FID x",
            "a=msid:",
            "a=fingerprint:sha-256",
            "a=sctp-port:x",
            "i=odd",
            "nonsense",
        ] {
            let sdp = OFFER.replace("a=mid:audio\r\n", &format!("{line}\r\na=mid:audio\r\n"));
            assert_eq!(from_sdp(&sdp, Role::Initiator), from_sdp(OFFER, Role::Initiator), "{line}");
        }
        let formats = OFFER.replace("SAVPF 96 101", "SAVPF 96 128 x 101");
        assert_eq!(from_sdp(&formats, Role::Initiator), from_sdp(OFFER, Role::Initiator));
    }

    #[test]
    fn credentials_are_the_first_ones() {
        let pwd = Secret::new("hush-hush-hush-hush-hush");
        assert_eq!(ice_credentials(OFFER), Some(("u123".to_owned(), pwd)));
        assert_eq!(ice_credentials("a=ice-ufrag:x\r\n"), None);
    }
}

/// The engine accepts what is written, and its answer becomes a session-accept.
#[cfg(feature = "str0m")]
mod engine {
    use str0m::Rtc;
    use str0m::change::SdpOffer;

    use super::*;

    #[test]
    fn the_engine_answers_what_is_written() {
        let sdp = write(&offer());
        let mut rtc = Rtc::builder().build(crate::testing::epoch());
        rtc.direct_api().start_dtls(true).expect("an active DTLS role");
        let offer = SdpOffer::from_sdp_string(&sdp).expect("an offer that str0m reads");
        let answer = rtc.sdp_api().accept_offer(offer).expect("an answer").to_sdp_string();

        let (contents, groups) = from_sdp(&answer, Role::Responder).expect("contents");
        assert_eq!(groups, [Group::bundle(["audio".to_owned()])]);
        let content = &contents[0];
        assert_eq!((content.name.as_str(), content.senders), ("audio", Senders::Both));
        let description = content.description.as_ref().expect("a description");
        assert!(description.rtcp_mux);
        assert_eq!(description.payload_types[0].name.as_deref(), Some("opus"));
        let transport = content.transport.as_ref().expect("a transport");
        assert_eq!(transport.fingerprints[0].setup.as_deref(), Some("active"));
        let (ufrag, pwd) = ice_credentials(&answer).expect("credentials");
        assert_eq!((transport.ufrag.as_ref(), transport.pwd.as_ref()), (Some(&ufrag), Some(&pwd)));
        to_sdp(&Jingle::session_accept("s", contents.clone(), groups), Role::Responder)
            .expect("the answer as SDP once more");
    }

    #[test]
    fn every_rarer_part_is_accepted() {
        let mut offer = offer();
        let mut video = offer.contents[0].clone();
        video.name = "v".to_owned();
        let d = video.description.as_mut().expect("a description");
        d.media = "video".to_owned();
        d.payload_types[0].name = Some("VP8".to_owned());
        d.payload_types[0].clockrate = Some(90_000);
        d.payload_types[0].channels = None;
        d.payload_types[0].id = 100;
        d.payload_types.truncate(1);
        d.rtcp_reduced_size = true;
        d.ssrc = Some(1);
        d.sources.clear();
        d.source_groups =
            vec![crate::jingle::SourceGroup { semantics: "FID".to_owned(), sources: vec![1, 2] }];
        d.header_extensions[0].senders = Senders::Initiator;
        offer.contents.push(video);
        offer.groups.clear();
        let mdns = "candidate:2 1 udp 1 abc.local 9 typ host";
        transport(&mut offer).candidates.push(Candidate::from_line(mdns).expect("a candidate"));
        transport(&mut offer).gathering_complete = true;
        let sdp = write(&offer);
        let mut rtc = Rtc::builder().build(crate::testing::epoch());
        let offer = SdpOffer::from_sdp_string(&sdp).expect("an offer that str0m reads");
        rtc.sdp_api().accept_offer(offer).expect("an answer");
    }
}

mod any_input {
    use super::*;

    fn any_codec() -> impl Strategy<Value = PayloadType> {
        let parameter = ("[ -~]{0,6}", prop::option::of("[ -~]{0,6}"))
            .prop_map(|(name, value)| Parameter { name, value });
        (0..=127_u8, prop::option::of("\\PC{0,6}"), prop::option::of(any::<u32>()), parameter)
            .prop_map(|(id, name, clockrate, parameter)| PayloadType {
                id,
                name,
                clockrate,
                parameters: vec![parameter],
                ..PayloadType::default()
            })
    }

    fn any_content() -> impl Strategy<Value = Content> {
        let description = ("[a-z]{0,5}", prop::collection::vec(any_codec(), 0..3), any::<String>())
            .prop_map(|(media, payload_types, id)| Description {
                media,
                payload_types,
                stream: Some(Stream { id, track: String::new() }),
                ..Description::default()
            });
        let transport = (any::<String>(), any::<String>(), "\\PC{0,8}").prop_map(|(u, p, f)| {
            let fingerprint = Fingerprint { hash: f.clone(), setup: None, value: f };
            Transport {
                pwd: Some(Secret::new(p)),
                fingerprints: vec![fingerprint],
                ..Transport::ice(u)
            }
        });
        ("\\PC{0,3}", prop::option::of(description), prop::option::of(transport)).prop_map(
            |(name, description, transport)| Content {
                creator: Role::Initiator,
                name,
                senders: Senders::None,
                description,
                transport,
            },
        )
    }

    proptest! {
        #[test]
        fn any_session_is_an_error_or_an_sdp_that_reads(
            contents in prop::collection::vec(any_content(), 0..3),
        ) {
            let session = Jingle { contents, ..Jingle::new(Action::SessionInitiate, "s") };
            if let Ok(sdp) = to_sdp(&session, Role::Initiator) {
                prop_assert!(sdp.lines().all(|line| line.as_bytes().get(1) == Some(&b'=')), "{}", sdp);
                let (read, _) = from_sdp(&sdp, Role::Initiator).expect("what we wrote reads");
                let names = |contents: &[Content]| -> Vec<String> {
                    contents.iter().map(|content| content.name.clone()).collect()
                };
                // What has no name or kind that a line can hold is left out, as is a name's second.
                let word = |text: &str| {
                    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
                };
                let mut seen = std::collections::BTreeSet::new();
                let mut written = session.contents.clone();
                written.retain(|content| {
                    let described = content.description.as_ref();
                    word(&content.name)
                        && described.is_none_or(|d| word(&d.media))
                        && seen.insert(content.name.clone())
                });
                prop_assert_eq!(names(&read), names(&written));
            }
        }

        #[test]
        fn any_change_of_an_sdp_is_an_error_or_contents(
            at in any::<prop::sample::Index>(),
            remove in 0_usize..30,
            insert in "\\PC{0,4}|[\r\n=:/ a-z0-9]{0,10}",
        ) {
            let at = at.index(OFFER.len());
            let end = OFFER.len().min(at + remove);
            let sdp = format!("{}{insert}{}", &OFFER[..at], &OFFER[end..]);
            if let Ok((contents, groups)) = from_sdp(&sdp, Role::Responder) {
                let _ = to_sdp(&session(contents, groups), Role::Responder);
            }
            let _ = ice_credentials(&sdp);
        }
    }
}
