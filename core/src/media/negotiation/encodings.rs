//! Several encodings of one track at once (simulcast, RFC 8853).

use std::collections::BTreeMap;

use super::{Pictures, RidExtensions};
use crate::machine::Rid;
use crate::media::rtp::Header;
use crate::sdp::Section;

/// The most encodings of one track; those named later are left out.
pub const MAX_ENCODINGS: usize = 4;
/// The longest name of a section that fits into a header extension of one byte, in bytes (RFC 8285 section 4.2).
const LONGEST_NAME: usize = 16;

/// Restrictions that whoever sends an encoding promises to keep to, and that need nothing of whoever receives it
/// (RFC 8851 section 5).
const PROMISES: [&str; 7] =
    ["max-width", "max-height", "max-fps", "max-fs", "max-br", "max-pps", "max-bpp"];

/// The way that encodings go, seen from the end that describes it (RFC 8851 section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It sends them.
    Send,
    /// It receives them.
    Recv,
}

impl Way {
    /// Its word in descriptions.
    const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Recv => "recv",
        }
    }
}

/// The encoding that a packet names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// None: it does not say.
    Nothing,
    /// One of those that were agreed on.
    Known(Rid),
    /// Another one.
    Unknown,
}

/// The encodings of a track that go one way at once, and by which its packets say which they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encodings {
    /// Their names, the first choice first. Empty where there is one, without a name.
    pub rids: Vec<Rid>,
    /// The restrictions of those that have some, as the answer repeats them.
    restrictions: BTreeMap<Rid, String>,
    /// The numbers of header extensions.
    pub extensions: RidExtensions,
}

impl Encodings {
    /// Those of a section that go that way. Of alternatives the first that can be used counts, and one that is paused
    /// counts like others. One that has other restrictions than payload types is left out where we would have to keep
    /// to them, since nobody here could, and one that has unknown ones always (RFC 8851 section 6.3); all are where
    /// packets could not say which they belong to.
    #[must_use]
    pub fn read(section: &Section<'_>, pictures: &Pictures, way: Way) -> Self {
        let extensions = RidExtensions::read(section);
        let is_told = |mid: &str| extensions.mid.is_some() && mid.len() <= LONGEST_NAME;
        if extensions.rid.is_none() || !section.mid().is_none_or(is_told) {
            return Self::default();
        }
        let kept = |restriction: &str| match restriction.split_once('=') {
            Some(("pt", numbers)) => known_numbers(numbers, pictures),
            Some((name, _)) if way == Way::Send && PROMISES.contains(&name) => {
                Some(restriction.to_owned())
            }
            Some(_) | None => None,
        };
        let usable = |name: &str| {
            let restrictions = section.attributes("rid").find_map(|(_, value)| {
                let mut words = value.split_ascii_whitespace();
                let is_this = words.next() == Some(name) && words.next() == Some(way.name());
                is_this.then(|| words.next().unwrap_or_default())
            })?;
            let all = restrictions.split(';').filter(|one| !one.is_empty());
            let all: Vec<String> = all.map(kept).collect::<Option<_>>()?;
            Some((name.parse::<Rid>().ok()?, all.join(";")))
        };
        let mut encodings = Self { extensions, ..Self::default() };
        for stream in streams(section, way).split(';') {
            let mut alternatives = stream.split(',').map(|name| name.trim_start_matches('~'));
            if let Some((rid, restrictions)) = alternatives.find_map(usable)
                && encodings.rids.len() < MAX_ENCODINGS
                && !encodings.rids.contains(&rid)
            {
                encodings.rids.push(rid);
                if !restrictions.is_empty() {
                    encodings.restrictions.insert(rid, restrictions);
                }
            }
        }
        if encodings.is_empty() { Self::default() } else { encodings }
    }

    /// The one that a packet names by the header extension of that number (RFC 8852 sections 4.1 and 4.2).
    #[must_use]
    pub fn named(&self, header: &Header, datagram: &[u8], number: Option<u8>) -> Named {
        let Some(name) = number.and_then(|number| header.extension(datagram, number)) else {
            return Named::Nothing;
        };
        let known = self.rids.iter().find(|rid| rid.as_str().as_bytes() == name);
        known.map_or(Named::Unknown, |rid| Named::Known(*rid))
    }

    /// The header extensions of the first track that has several, which all of one transport share (RFC 8843 section 9.1).
    #[must_use]
    pub fn extensions_of<'e>(mut all: impl Iterator<Item = &'e Self>) -> RidExtensions {
        all.find(|encodings| !encodings.is_empty()).map(|all| all.extensions).unwrap_or_default()
    }

    /// True where there is but one.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rids.is_empty()
    }

    /// Only those that are among others: what an answer makes of what was offered.
    #[must_use]
    pub fn among(mut self, offered: &Self) -> Self {
        self.rids.retain(|rid| offered.rids.contains(rid));
        if self.rids.is_empty() { Self::default() } else { self }
    }

    /// Says in a section of ours that these go those ways.
    pub(super) fn describe(section: &mut Section<'_>, ways: &[(Way, &Self)]) {
        let mut all = Vec::new();
        for (way, encodings) in ways {
            let way = way.name();
            for rid in &encodings.rids {
                let kept = encodings.restrictions.get(rid);
                let kept = kept.map(|kept| format!(" {kept}")).unwrap_or_default();
                section.push("rid", &format!("{rid} {way}{kept}"));
            }
            let names: Vec<&str> = encodings.rids.iter().map(Rid::as_str).collect();
            all.push(format!("{way} {}", names.join(";")));
        }
        if !all.is_empty() {
            section.push("simulcast", &all.join(" "));
        }
    }
}

/// Those of some payload types that mean something here, if any do.
fn known_numbers(numbers: &str, pictures: &Pictures) -> Option<String> {
    let known = |number: &&str| number.parse().is_ok_and(|n| pictures.codec(n).is_some());
    let known: Vec<&str> = numbers.split(',').map(str::trim).filter(known).collect();
    (!known.is_empty()).then(|| format!("pt={}", known.join(",")))
}

/// The streams of a section that go that way, as `h;m,n;~l` (RFC 8853 section 5.1).
fn streams<'s>(section: &'s Section<'_>, way: Way) -> &'s str {
    let value = section.value("simulcast").unwrap_or_default();
    let mut words = value.split_ascii_whitespace().skip_while(|word| *word != way.name());
    words.nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::extensions::{MID_EXTENSION, RID_EXTENSION};
    use super::*;
    use crate::media::VideoCodec;
    use crate::sdp::Description;

    /// The names that a section with these lines asks for.
    fn read(lines: &[&str]) -> Vec<String> {
        names(&read_named("1", lines, Way::Recv))
    }

    fn names(encodings: &Encodings) -> Vec<String> {
        encodings.rids.iter().map(Rid::to_string).collect()
    }

    fn read_named(mid: &str, lines: &[&str], way: Way) -> Encodings {
        let lines: String = lines.iter().map(|line| format!("a={line}\r\n")).collect();
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
             a=mid:{mid}\r\na=rtpmap:96 VP8/90000\r\na=extmap:4 {MID_EXTENSION}\r\n\
             a=extmap:10 {RID_EXTENSION}\r\n{lines}"
        );
        let description = Description::read(&text).unwrap();
        let section = description.sections.first().unwrap();
        let pictures = Pictures::read(section, &[VideoCodec::Vp8]).unwrap();
        Encodings::read(section, &pictures, way)
    }

    #[test]
    fn rfc_8853_5_1_what_is_asked_for_is_read() {
        let rids = ["rid:h recv", "rid:m recv", "rid:l recv"];
        let with = |line| read(&[&rids[..], &[line]].concat());
        assert_eq!(with("simulcast:recv h;m;l"), ["h", "m", "l"]);
        assert_eq!(with("simulcast:send a;b recv m;~l"), ["m", "l"], "also beside what it sends");
        assert_eq!(with("simulcast:recv x,l;h"), ["l", "h"], "the first alternative that there is");
        assert_eq!(with("simulcast:recv h;h;h"), ["h"]);
        for nothing in
            ["simulcast:send h;m;l", "simulcast:recv", "simulcast:recv ;;,~", "simulcast"]
        {
            assert_eq!(with(nothing), [""; 0], "{nothing}");
        }
    }

    #[test]
    fn rfc_8851_6_3_restrictions_that_nobody_keeps_to_leave_an_encoding_out() {
        let rids =
            ["rid:a recv pt=96", "rid:b recv pt=97", "rid:c recv max-width=640", "rid:d send"];
        assert_eq!(read(&[&rids[..], &["simulcast:recv a;b;c;d"]].concat()), ["a"]);
    }

    #[test]
    fn rfc_8285_4_2_a_section_whose_name_packets_cannot_tell_has_one_encoding() {
        let asks = ["rid:h recv", "simulcast:recv h"];
        let named = |mid: &str| names(&read_named(mid, &asks, Way::Recv));
        assert_eq!(named("audio-and-video0"), ["h"]);
        assert_eq!(named("audio-and-video-0"), [""; 0]);
    }

    #[test]
    fn rfc_8851_6_3_what_is_sent_keeps_its_promises_in_the_answer() {
        let lines = [
            "rid:q send pt=96,97;max-width=320",
            "rid:h send",
            "rid:f send depend=q",
            "rid:x send pt=97",
            "rid:l recv",
            "simulcast:send q;~h;f;x recv l",
        ];
        let sent = read_named("1", &lines, Way::Send);
        assert_eq!(names(&sent), ["q", "h"]);
        let received = read_named("1", &lines, Way::Recv);
        assert_eq!(names(&received), ["l"]);
        let mut answer = Section::new(crate::sdp::Line::new("m=video 9 UDP/TLS/RTP/SAVPF 96"));
        Encodings::describe(&mut answer, &[(Way::Send, &received), (Way::Recv, &sent)]);
        let values = |name: &'static str| -> Vec<String> {
            answer.attributes(name).map(|(_, value)| value.to_owned()).collect()
        };
        assert_eq!(values("rid"), ["l send", "q recv pt=96;max-width=320", "h recv"]);
        assert_eq!(values("simulcast"), ["send l recv q;h"]);
    }

    #[test]
    fn encodings_are_bounded() {
        let names: Vec<String> = (0..100).map(|n| format!("r{n}")).collect();
        let mut lines: Vec<String> = names.iter().map(|name| format!("rid:{name} recv")).collect();
        lines.push(format!("simulcast:recv {}", names.join(";")));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        assert_eq!(read(&lines).len(), MAX_ENCODINGS);
    }
}
