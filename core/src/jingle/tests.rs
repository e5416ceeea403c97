//! Jingle as it travels (wire notes 6).

use super::*;
use crate::Secret;
use crate::xmpp::{Element, ElementRef, Extension, Frame, Iq, IqKind, Payload, Skipped, ns};

/// Stanzas with Jingle, and nothing else above XMPP.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Only(Box<Jingle>);

impl Extension for Only {
    fn read(e: ElementRef<'_>, skipped: &mut Skipped) -> Option<Result<Self, String>> {
        let jingle = || Jingle::read(e, skipped).map(|jingle| Self(jingle.into()));
        e.is("jingle", ns::JINGLE).then(jingle)
    }

    fn write(&self) -> Element<'_> {
        self.0.write()
    }
}

/// The session-initiate of wire notes 6.2.
pub(super) const INITIATE: &str = r#"<jingle xmlns="urn:xmpp:jingle:1" action="session-initiate" sid="s1" initiator="+1@gjoll.example/i">
 <content creator="initiator" name="audio" senders="both">
  <description xmlns="urn:xmpp:jingle:apps:rtp:1" media="audio" ssrc="12345">
   <rtcp-mux/>
   <payload-type id="96" name="opus" clockrate="48000" channels="2"><parameter name="minptime" value="10"/><parameter name="useinbandfec" value="1"/><rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="transport-cc"/></payload-type>
   <payload-type id="101" name="telephone-event" clockrate="48000"/>
   <rtp-hdrext xmlns="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0" id="1" uri="urn:ietf:params:rtp-hdrext:ssrc-audio-level"/>
   <source xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" ssrc="12345"><parameter name="cname" value="cnm"/></source>
   <stream xmlns="urn:xmpp:jingle:apps:rtp:msid:0" id="streamId" track="trackId"/>
  </description>
  <transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="u123" pwd="hush-hush-hush-hush-hush">
   <fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="actpass">AB:0E:0A:42:D3:75:82:57:01:D7:F9:49:57:B1:5C:BA:DE:D2:5F:0B:9E:C8:9D:74:E4:D2:6E:B6:83:3B:30:42</fingerprint>
   <candidate component="1" foundation="1" generation="0" id="c1" ip="10.0.0.1" network="0" port="5000" priority="2130706431" protocol="UDP" type="host"/>
  </transport>
 </content>
 <group xmlns="urn:xmpp:jingle:apps:grouping:0" semantics="BUNDLE"><content name="audio"/></group>
</jingle>"#;

fn payload(content: &str) -> Payload<Only> {
    let text = format!(r#"<iq xmlns="jabber:client" id="i" type="set">{content}</iq>"#);
    match Frame::parse(&text) {
        Ok(Frame::Iq(Iq { kind: IqKind::Set(payload), .. })) => payload,
        other => panic!("{other:?}"),
    }
}

pub(super) fn jingle(content: &str) -> Jingle {
    match payload(content) {
        Payload::Extension(Only(jingle)) => *jingle,
        other => panic!("{other:?}"),
    }
}

fn malformed(content: &str) -> String {
    match payload(content) {
        Payload::Malformed { error, .. } => error,
        other => panic!("{other:?}"),
    }
}

/// The text inside the iq that carries this; it must read the same again.
fn written(jingle: &Jingle) -> String {
    let payload = Payload::Extension(Only(jingle.clone().into()));
    let frame = Frame::Iq(Iq::set("i", None, payload));
    let xml = frame.to_xml();
    assert_eq!(Frame::parse(&xml), Ok(frame), "{xml}");
    let inner = xml.split_once("type=\"set\">").expect("a payload").1;
    inner.trim_end_matches("</iq>").to_owned()
}

mod sessions {
    use super::*;

    #[test]
    fn the_session_initiate_of_wire_notes_6_2_reads() {
        let jingle = jingle(INITIATE);
        assert_eq!(jingle.action, Action::SessionInitiate);
        assert_eq!(jingle.groups, [Group::bundle(["audio".to_owned()])]);
        assert_eq!(jingle.transport_namespace(), Some("urn:xmpp:jingle:transports:ice-udp:1"));
        let content = &jingle.contents[0];
        assert_eq!((content.creator, content.senders), (Role::Initiator, Senders::Both));
        let description = content.description.as_ref().expect("a description");
        assert!(description.rtcp_mux && !description.rtcp_reduced_size);
        assert_eq!(description.ssrc, Some(12345));
        let opus = &description.payload_types[0];
        assert_eq!((opus.id, opus.clockrate, opus.channels), (96, Some(48000), Some(2)));
        assert_eq!(opus.parameters.len(), 2);
        assert_eq!(opus.feedback, [Feedback { kind: "transport-cc".to_owned(), subtype: None }]);
        assert_eq!(description.header_extensions.len(), 1);
        let transport = content.transport.as_ref().expect("a transport");
        assert_eq!(transport.pwd, Some(Secret::new("hush-hush-hush-hush-hush")));
        assert_eq!(transport.fingerprints[0].setup.as_deref(), Some("actpass"));
        assert_eq!(transport.candidates[0].protocol, Protocol::Udp);
        assert!(!format!("{jingle:?}").contains("hush"));
        written(&jingle);
    }

    #[test]
    fn feedback_and_extensions_are_written_with_declared_prefixes() {
        let xml = written(&jingle(INITIATE));
        let declared = r#"<description xmlns="urn:xmpp:jingle:apps:rtp:1" xmlns:rtcpf="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" xmlns:rtph="urn:xmpp:jingle:apps:rtp:rtp-hdrext:0" media="audio" ssrc="12345">"#;
        assert!(xml.contains(declared), "{xml}");
        assert!(xml.contains(r#"<rtcpf:rtcp-fb type="transport-cc"/>"#), "{xml}");
        assert!(xml.contains("<rtph:rtp-hdrext "), "{xml}");
    }

    #[test]
    fn video_and_data_contents_read_and_write() {
        let text = r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="session-accept"><content creator="responder" name="v" senders="responder"><description xmlns="urn:xmpp:jingle:apps:rtp:1" media="video"><rtcp-fb-trr-int xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" value="100"/><payload-type id="97" name="rtx" clockrate="90000" channels="1"><parameter name="apt" value="96"/><rtcp-fb xmlns="urn:xmpp:jingle:apps:rtp:rtcp-fb:0" type="nack" subtype="pli"/></payload-type><ssrc-group xmlns="urn:xmpp:jingle:apps:rtp:ssma:0" semantics="FID"><source ssrc="2001"/><source ssrc="2002"/></ssrc-group></description></content><content creator="initiator" name="data"><transport xmlns="urn:xmpp:jingle:transports:ice:0" ufrag="u"><sctpmap xmlns="urn:xmpp:jingle:transports:dtls-sctp:1" number="5000" protocol="webrtc-datachannel" streams="1024"/></transport></content></jingle>"#;
        let jingle = jingle(text);
        let [video, data] = &jingle.contents[..] else { panic!("two contents") };
        let description = video.description.as_ref().expect("a description");
        assert_eq!((video.creator, video.senders), (Role::Responder, Senders::Responder));
        assert_eq!(description.source_groups[0].sources, [2001, 2002]);
        assert_eq!(description.feedback[0].subtype.as_deref(), Some("100"));
        assert!(data.description.is_none());
        let sctp = data.transport.as_ref().and_then(|t| t.sctp.as_ref()).expect("SCTP");
        assert_eq!((sctp.port, sctp.streams), (5000, Some(1024)));
        written(&jingle);
        let udp = jingle.with_transport_namespace("urn:xmpp:jingle:transports:ice-udp:1");
        assert!(written(&udp).contains("ice-udp:1"));
    }

    #[test]
    fn another_transport_keeps_only_its_namespace() {
        let text = r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="transport-replace"><content name="a"><transport xmlns="urn:xmpp:jingle:transports:raw-udp:1" ufrag="u"><candidate/></transport></content></jingle>"#;
        let jingle = jingle(text);
        assert_eq!(jingle.transport_namespace(), Some("urn:xmpp:jingle:transports:raw-udp:1"));
        assert_eq!(jingle.contents[0].transport.as_ref().and_then(|t| t.ufrag.clone()), None);
        written(&jingle);
    }

    #[test]
    fn every_action_and_an_unknown_one_keep_their_names() {
        for name in [
            "content-accept",
            "content-add",
            "content-modify",
            "content-reject",
            "content-remove",
            "description-info",
            "security-info",
            "session-accept",
            "session-info",
            "session-initiate",
            "session-terminate",
            "transport-accept",
            "transport-info",
            "transport-reject",
            "transport-replace",
        ] {
            assert_eq!(Action::from(name).as_str(), name);
            assert!(!matches!(Action::from(name), Action::Other(_)), "{name}");
        }
        let text = r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="source-add"/>"#;
        let jingle = jingle(text);
        assert_eq!(jingle.action, Action::Other("source-add".to_owned()));
        assert_eq!(written(&jingle), text);
    }

    #[test]
    fn what_an_action_lacks_is_named() {
        let ns = "urn:xmpp:jingle:1";
        assert_eq!(malformed(&format!("<jingle xmlns='{ns}' sid='s'/>")), "<jingle> lacks action");
        let sid = format!("<jingle xmlns='{ns}' action='session-info'/>");
        assert_eq!(malformed(&sid), "<jingle> lacks sid");
        let long = format!("<jingle xmlns='{ns}' action='x' sid='{}'/>", "s".repeat(256));
        assert_eq!(malformed(&long), "<jingle> has too long a sid");
    }

    #[test]
    fn what_cannot_be_read_costs_only_itself_and_is_named() {
        let rest = "<payload-type id='0'/></description><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'>";
        let good = "<candidate component='1' foundation='1' ip='192.0.2.1' port='5' priority='1' protocol='udp' type='host'/>";
        for (description, transport, path) in [
            ("<payload-type id='300'/>", "", "description/payload-type[0]: id"),
            ("<payload-type id='128'/>", "", "description/payload-type[0]: id"),
            ("<payload-type/>", "", "description/payload-type[0]: id"),
            ("<payload-type id='111'/>", "", "description/payload-type[0]: name"),
            (
                "<payload-type id='111' name='a/b'/>",
                "",
                "description/payload-type[0]: name; content[a]/description/payload-type[0]: name",
            ),
            (
                "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='0' uri='u'/>",
                "",
                "description/rtp-hdrext[0]: id",
            ),
            (
                "<rtp-hdrext xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0' id='1' uri='u v'/>",
                "",
                "description/rtp-hdrext[0]: uri",
            ),
            (
                "<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>",
                "",
                "description/rtcp-fb[0]: type",
            ),
            (
                "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' name='a0'/>",
                "",
                "description/source[0]: ssrc",
            ),
            (
                "<ssrc-group xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' semantics='FID'><source ssrc='x'/></ssrc-group>",
                "",
                "description/ssrc-group[0]/source[0]: ssrc; content[a]/description/ssrc-group[0]: source",
            ),
            ("<stream xmlns='urn:xmpp:jingle:apps:rtp:msid:0'/>", "", "description/stream[0]: id"),
            (
                "",
                "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0'>AB</fingerprint>",
                "transport/fingerprint[0]: hash",
            ),
            (
                "",
                "<fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256'>AB C</fingerprint>",
                "transport/fingerprint[0]: value",
            ),
            ("", "<candidate component='1'/>", "transport/candidate[0]: address"),
            (
                "",
                "<sctpmap xmlns='urn:xmpp:jingle:transports:dtls-sctp:1' number='x'/>",
                "transport/sctpmap[0]: number",
            ),
        ] {
            let xml = |description: &str, transport: &str| {
                format!(
                    "<iq xmlns='jabber:client' id='i' type='set'><jingle xmlns='urn:xmpp:jingle:1' sid='s' action='session-initiate'><content name='a'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>{description}{rest}{transport}{good}</transport></content></jingle></iq>"
                )
            };
            let (frame, skipped) =
                Frame::<Only>::read(&xml(description, transport)).expect("a frame");
            let shown = skipped.to_string();
            assert_eq!(
                shown,
                format!("session-initiate s: content[a]/{path}")
                    .replace("; content", "; session-initiate s: content")
            );
            assert_eq!(Ok(frame), Frame::parse(&xml("", "")), "{path}");
        }
    }

    #[test]
    fn a_parameter_without_a_name_is_the_bare_value() {
        let content = "<jingle xmlns='urn:xmpp:jingle:1' sid='s' action='x'><content name='a'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'><payload-type id='101' name='telephone-event'><parameter value='0-15'/></payload-type></description></content></jingle>";
        let jingle = jingle(content);
        let codec = &jingle.contents[0].description.as_ref().expect("RTP").payload_types[0];
        assert_eq!(codec.parameters[0].value.as_deref(), Some("0-15"));
        assert_eq!(codec.encoding(), Some(("telephone-event", 8000, 1)));
    }

    #[test]
    fn either_ice_namespace_may_stand_inside_either() {
        let (old, new) =
            ("urn:xmpp:jingle:transports:ice-udp:1", "urn:xmpp:jingle:transports:ice:0");
        for (outer, inner) in [(old, new), (new, old), (old, old), (new, new)] {
            let jingle = jingle(&format!(
                "<jingle xmlns='urn:xmpp:jingle:1' sid='s' action='transport-info'><content name='a'><transport xmlns='{outer}'><candidate xmlns='{inner}' ip='192.0.2.1' port='5' priority='21149780477'/><gathering-complete xmlns='{inner}'/></transport></content></jingle>"
            ));
            let transport = jingle.contents[0].transport.as_ref().expect("a transport");
            assert_eq!(transport.candidates[0].priority, u32::MAX);
            assert!(transport.gathering_complete);
        }
    }

    #[test]
    fn candidates_of_one_element_are_bounded() {
        let candidates: String =
            (1..=100).map(|port| format!("<candidate ip='192.0.2.1' port='{port}'/>")).collect();
        let text = format!(
            "<iq xmlns='jabber:client' id='i' type='set'><jingle xmlns='urn:xmpp:jingle:1' sid='s' action='transport-info'><content name='a'><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'>{candidates}</transport></content></jingle></iq>"
        );
        let (frame, skipped) = Frame::read(&text).expect("a frame");
        let Frame::Iq(Iq { kind: IqKind::Set(Payload::Extension(Only(jingle))), .. }) = frame
        else {
            panic!("{frame:?}")
        };
        let transport = jingle.contents[0].transport.as_ref().expect("a transport");
        assert_eq!((transport.candidates.len(), skipped.len()), (64, 36));
    }
}

mod transport_info {
    //! Wire notes 6.5 and 6.6.

    use super::*;

    #[test]
    fn a_candidate_goes_with_ufrag_but_without_pwd() {
        let line = "candidate:842163049 1 udp 1677729535 52.201.61.100 43275 typ srflx raddr 172.17.0.4 rport 43275";
        let candidate = Candidate::from_line(line).expect("a candidate");
        assert_eq!(
            written(&Jingle::candidate("s", "audio", "F7gI", candidate)),
            r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="transport-info"><content creator="initiator" name="audio"><transport xmlns="urn:xmpp:jingle:transports:ice-udp:1" ufrag="F7gI"><candidate component="1" foundation="842163049" ip="52.201.61.100" port="43275" priority="1677729535" protocol="udp" rel-addr="172.17.0.4" rel-port="43275" type="srflx"/></transport></content></jingle>"#
        );
    }

    #[test]
    fn gathering_complete_and_new_credentials_have_their_shape() {
        let shape = |jingle: &Jingle| {
            let xml = written(jingle);
            xml.split_once("ice-udp:1\"").expect("a transport").1.to_owned()
        };
        assert_eq!(
            shape(&Jingle::gathering_complete("s", "audio", "F7gI")),
            r#" ufrag="F7gI"><gathering-complete/></transport></content></jingle>"#
        );
        let fingerprint = Fingerprint {
            hash: "sha-256".to_owned(),
            setup: Some("active".to_owned()),
            value: "D2:FA".to_owned(),
        };
        let restart =
            Jingle::ice_restart("s", "audio", "F7gI", Secret::new("x9cml"), vec![fingerprint]);
        assert_eq!(
            shape(&restart),
            r#" ufrag="F7gI" pwd="x9cml"><fingerprint xmlns="urn:xmpp:jingle:apps:dtls:0" hash="sha-256" setup="active">D2:FA</fingerprint></transport></content></jingle>"#
        );
    }
}

mod info_and_reasons {
    //! Wire notes 6.7 to 6.9.

    use super::*;

    #[test]
    fn session_infos_have_their_elements() {
        let (creator, name) = (Some("u1".to_owned()), Some("audio".to_owned()));
        let mute = SessionInfo::Mute { creator: creator.clone(), name: name.clone() };
        for (info, element) in [
            (SessionInfo::Active, "active"),
            (mute, "mute"),
            (SessionInfo::Mute { creator: None, name: None }, "mute"),
            (SessionInfo::Unmute { creator, name }, "unmute"),
            (SessionInfo::Hold, "hold"),
            (SessionInfo::Unhold, "unhold"),
            (SessionInfo::Ringing, "ringing"),
            (SessionInfo::ScreenStart, "screen-start"),
            (SessionInfo::ScreenStop, "screen-stop"),
            (SessionInfo::Other("state-dump".to_owned()), "state-dump"),
        ] {
            let xml = written(&Jingle::session_info("s", info));
            let expected = format!(r#"<{element} xmlns="urn:xmpp:jingle:apps:rtp:info:1""#);
            assert!(xml.contains(&expected), "{xml}");
        }
        let foreign = r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="session-info"><active xmlns="u:x"/></jingle>"#;
        assert_eq!(jingle(foreign).info, Some(SessionInfo::Other("active".to_owned())));
    }

    #[test]
    fn a_screen_start_without_id_reads() {
        let text = r#"<iq xmlns="jabber:client" to="a@b/c" from="d@e/f" type="set"><jingle xmlns="urn:xmpp:jingle:1" action="session-info" sid="s"><screen-start xmlns="urn:xmpp:jingle:apps:rtp:info:1"/></jingle></iq>"#;
        let Ok(Frame::Iq(iq)) = Frame::parse(text) else { panic!("an iq") };
        assert_eq!(iq.id, None);
        assert!(matches!(iq.kind, IqKind::Set(Payload::Extension(Only(_)))));
    }

    #[test]
    fn reasons_have_their_shape() {
        assert_eq!(
            written(&Jingle::session_terminate("s", Reason::Decline)),
            r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="session-terminate"><reason><decline/></reason></jingle>"#
        );
        assert_eq!(
            written(&Jingle::content_reject("s")),
            r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="content-reject"><reason><failed-application/><text>content-add is not supported</text></reason></jingle>"#
        );
        assert_eq!(
            written(&Jingle::transport_reject("s")),
            r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="transport-reject"><reason><failed-transport/><text>transport-replace is not supported</text></reason></jingle>"#
        );
        let other = Jingle::session_terminate("s", Reason::Other("tired".to_owned()));
        assert_eq!(jingle(&written(&other)).reason, other.reason);
        let bare = r#"<jingle xmlns="urn:xmpp:jingle:1" sid="s" action="session-terminate"/>"#;
        assert_eq!(jingle(bare).reason, None);
    }
}
