//! Reading without loss, within bounds, and editing.

use proptest::prelude::*;

use super::*;

/// A description as gateways write it.
const ODD: &str = "v=0\no=- 20518446744073709551616 2 IN IP4 203.0.113.1\ns= \ni=about\n\
    c=IN IP4 203.0.113.1\nc=IN IP6 ::1\nb=AS:80\nb=TIAS:1\nt=3034423619 3042462419\n\
    r=7d 1h 0 25h\nk=prompt\na=recvonly\na=ice-ufrag:all\na=group:BUNDLE a-1 b\nnonsense\n\
    m=audio 9/2 RTP/SAVP 0 8\na=mid:a-1\na=X-odd\na=rtpmap:0 PCMU/8000/1\n\n\
    m=application 0 TCP/MRCPv2 1\nm=\n";

#[test]
fn nothing_is_lost_in_reading() {
    let description = Description::read(ODD).unwrap();
    let lines = ODD.lines().filter(|line| !line.is_empty());
    assert_eq!(description.to_string(), lines.map(|l| format!("{l}\r\n")).collect::<String>());
    let [audio, other, empty] = &description.sections[..] else { panic!("three sections") };
    assert_eq!((audio.kind(), audio.port(), audio.protocol()), ("audio", Some(9), "RTP/SAVP"));
    assert_eq!(audio.formats().collect::<Vec<_>>(), ["0", "8"]);
    assert_eq!(
        (audio.mid(), audio.has("X-odd"), audio.value("X-odd")),
        (Some("a-1"), true, Some(""))
    );
    assert_eq!((audio.direction(), audio.direction_in(&description)), (None, Direction::RecvOnly));
    assert_eq!(audio.media.number(), 16);
    assert!(!audio.is_off() && other.is_off());
    assert_eq!((empty.kind(), empty.port(), empty.mid()), ("", None, None));
    assert_eq!(description.groups("BUNDLE").next(), Some(vec!["a-1", "b"]));
    assert_eq!(description.ice_credentials(), None, "a password is missing");
}

#[test]
fn rfc_8843_6_a_bundle_only_section_is_on() {
    let text = "m=audio 0 UDP/TLS/RTP/SAVPF 0\na=bundle-only\nm=audio 0 UDP/TLS/RTP/SAVPF 0\n";
    let description = Description::read(text).unwrap();
    assert_eq!(description.sections.iter().map(Section::is_off).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn edits_change_what_they_say_and_nothing_else() {
    let text = "v=0\r\na=fingerprint:sha-256 AA\r\nm=audio 9 RTP/SAVPF 0\r\na=sendonly\r\n\
                a=ice-ufrag:old\r\na=ice-pwd:older\r\na=candidate:1 1 udp 1 ::1 9 typ host\r\n\
                a=end-of-candidates\r\na=mid:x\r\n";
    let mut description = Description::read(text).unwrap();
    assert_eq!(description.take_candidates(), ["candidate:1 1 udp 1 ::1 9 typ host"]);
    description.set_ice_credentials("new", &Secret::new("newer"));
    assert_eq!(description.fingerprints(), ["sha-256 AA"]);
    description.set_fingerprints(&["sha-256 BB".to_owned(), "sha-1 CC".to_owned()]);
    description.sections[0].set_direction(Direction::Inactive);
    description.sections[0].remove("mid");
    let expected = "v=0\r\nm=audio 9 RTP/SAVPF 0\r\na=ice-ufrag:new\r\na=ice-pwd:newer\r\n\
                    a=fingerprint:sha-256 BB\r\na=fingerprint:sha-1 CC\r\na=inactive\r\n";
    assert_eq!(description.to_string(), expected);
    assert_eq!(description.ice_credentials(), Some(("new", "newer")));
}

#[test]
fn bounds_are_refused_by_name() {
    let lines = |n: usize| "a=x\n".repeat(n);
    assert!(Description::read(&lines(MAX_LINES)).is_ok());
    assert_eq!(Description::read(&lines(MAX_LINES + 1)), Err(SdpError::TooManyLines));
    let long = format!("a={}", "x".repeat(MAX_BYTES - 2));
    assert!(Description::read(&long).is_ok());
    assert_eq!(Description::read(&format!("{long}x")), Err(SdpError::TooLong));
    let sections = |n: usize| "m=audio 9 RTP/SAVPF 0\n".repeat(n);
    assert!(Description::read(&sections(MAX_SECTIONS)).is_ok());
    assert_eq!(Description::read(&sections(MAX_SECTIONS + 1)), Err(SdpError::TooManySections));
}

#[test]
fn secrets_are_not_shown_and_no_line_breaks_out() {
    let text = "k=clear:word\na=crypto:1 AES word\nm=audio 9 RTP/SAVPF 0\na=ice-pwd:word\n";
    let description = Description::read(text).unwrap();
    assert!(!format!("{description:?}").contains("word"), "{description:?}");
    let odd = format!("m=audio 9 x{} \u{1b}[2J{}", '\u{85}', "y".repeat(300));
    let odd = Description::read(&odd).unwrap();
    let shown = SdpError::missing(&odd.sections[0], "a=mid").to_string();
    assert!(shown.len() < 160 && !shown.contains(char::is_control), "{shown}");
    let line = Line::attribute_line("mid", "a\r\na=sendonly");
    assert_eq!(line.text().lines().count(), 1);
}

#[test]
fn directions_are_seen_from_both_ends() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (direction, reversed) in
        [(SendRecv, SendRecv), (SendOnly, RecvOnly), (RecvOnly, SendOnly), (Inactive, Inactive)]
    {
        assert_eq!(direction.reversed(), reversed);
        assert_eq!(Direction::from_name(direction.name()), Some(direction));
        assert_eq!(direction.and(SendRecv), direction);
        assert_eq!(
            direction.and(direction.reversed()),
            if direction == SendRecv { SendRecv } else { Inactive }
        );
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_the_same(text in "([a-zA-Z]=?[ -~\u{e9}]{0,30}\r?\n){0,40}") {
        if let Ok(description) = Description::read(&text) {
            let written = description.to_string();
            let again = Description::read(&written).unwrap();
            prop_assert_eq!(&again.to_string(), &written);
            prop_assert_eq!(&again, &description);
            for section in &description.sections {
                let _ = (section.kind(), section.port(), section.protocol(), section.mid());
                let _ = (section.formats().count(), section.direction_in(&description));
            }
        }
    }

    #[test]
    fn lines_are_those_of_the_library(text in "[a\r\n]{0,12}") {
        prop_assert!(line::lines_of(&text).eq(text.lines()), "{:?}", text);
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,200}", name in "\\PC{0,10}", value in "\\PC{0,20}") {
        if let Ok(mut description) = Description::read(&text) {
            description.set_ice_credentials(&name, &Secret::new(&*value));
            description.set_fingerprints(&[value]);
            let _ = (description.take_candidates(), description.first_mid(), description.value(&name));
        }
    }
}
