//! Several encodings of one track at once (simulcast, RFC 8853).

use super::{Pictures, RidExtensions};
use crate::machine::Rid;
use crate::sdp::Section;

/// The most encodings of one track; those named later are left out.
pub const MAX_ENCODINGS: usize = 4;
/// The longest name of a section that fits into a header extension of one byte, in bytes (RFC 8285 section 4.2).
const LONGEST_NAME: usize = 16;

/// The encodings of a track that one end takes at once, and by which its packets say which they belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encodings {
    /// Their names, the receiver's first choice first. Empty where there is one, without a name.
    pub rids: Vec<Rid>,
    /// The numbers of header extensions.
    pub extensions: RidExtensions,
}

impl Encodings {
    /// Those that a section asks for. Of alternatives the first that can be used counts, and one that is paused counts
    /// like others. One that has restrictions beside payload types is left out, since nobody here could keep to them
    /// (RFC 8851 section 6.3); all are where packets could not say which they belong to.
    #[must_use]
    pub fn read(section: &Section<'_>, pictures: &Pictures) -> Self {
        let extensions = RidExtensions::read(section);
        let is_told = |mid: &str| extensions.mid.is_some() && mid.len() <= LONGEST_NAME;
        if extensions.rid.is_none() || !section.mid().is_none_or(is_told) {
            return Self::default();
        }
        let usable = |name: &str| {
            let restrictions = section.attributes("rid").find_map(|(_, value)| {
                let mut words = value.split_ascii_whitespace();
                let is_this = words.next() == Some(name) && words.next() == Some("recv");
                is_this.then(|| words.next().unwrap_or_default())
            })?;
            let kept = restrictions.split(';').filter(|one| !one.is_empty()).all(|one| {
                let numbers = one.strip_prefix("pt=").unwrap_or_default();
                numbers.split(',').any(|number| {
                    number.trim().parse().is_ok_and(|number| pictures.codec(number).is_some())
                })
            });
            name.parse::<Rid>().ok().filter(|_| kept)
        };
        let mut rids = Vec::new();
        for stream in asked(section).split(';') {
            let mut alternatives = stream.split(',').map(|name| name.trim_start_matches('~'));
            if let Some(rid) = alternatives.find_map(usable)
                && rids.len() < MAX_ENCODINGS
                && !rids.contains(&rid)
            {
                rids.push(rid);
            }
        }
        if rids.is_empty() { Self::default() } else { Self { rids, extensions } }
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

    /// Says in a section of ours that these are sent.
    pub(super) fn describe(&self, section: &mut Section<'_>) {
        for rid in &self.rids {
            section.push("rid", &format!("{rid} send"));
        }
        let names: Vec<&str> = self.rids.iter().map(Rid::as_str).collect();
        section.push("simulcast", &format!("send {}", names.join(";")));
    }
}

/// The streams that a section wants to receive, as `h;m,n;~l` (RFC 8853 section 5.1).
fn asked<'s>(section: &'s Section<'_>) -> &'s str {
    let value = section.value("simulcast").unwrap_or_default();
    let mut words = value.split_ascii_whitespace().skip_while(|word| *word != "recv");
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
        read_named("1", lines)
    }

    fn read_named(mid: &str, lines: &[&str]) -> Vec<String> {
        let lines: String = lines.iter().map(|line| format!("a={line}\r\n")).collect();
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n\
             a=mid:{mid}\r\na=rtpmap:96 VP8/90000\r\na=extmap:4 {MID_EXTENSION}\r\n\
             a=extmap:10 {RID_EXTENSION}\r\n{lines}"
        );
        let description = Description::read(&text).unwrap();
        let section = description.sections.first().unwrap();
        let pictures = Pictures::read(section, &[VideoCodec::Vp8]).unwrap();
        let encodings = Encodings::read(section, &pictures);
        encodings.rids.iter().map(Rid::to_string).collect()
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
        let named = |mid: &str| read_named(mid, &asks);
        assert_eq!(named("audio-and-video0"), ["h"]);
        assert_eq!(named("audio-and-video-0"), [""; 0]);
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
