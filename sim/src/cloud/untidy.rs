//! Untidiness of far ends and the service: the descriptions and notifications of the world that
//! differ from ours, drawn by lot and counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use offhook::Seed;
use offhook::media::LocalCandidate;
use offhook::sdp::{Description, Direction, Line, Section};
use serde_json::{Value, json};

use super::signaling::Signaling;
use crate::dice::Dice;
use crate::names::names;
use crate::service::{RtpManner, TIDY};

names! {
    /// A difference from our own way.
    pub enum Habit {
        /// Announces no source (`a=ssrc`).
        NoSource "untidy: no ssrc",
        /// Announces other sources than it has.
        OtherSource "untidy: another ssrc",
        /// Has other payload types than those before.
        Renumbered "untidy: renumbered",
        /// Has one codec only, and keys.
        FewCodecs "untidy: one codec",
        /// Names codecs that nobody has.
        UnknownCodecs "untidy: unknown codecs",
        /// Lists more events than keys (`0-15,66,70`).
        EventList "untidy: event list",
        /// Has frames of another length than 20 ms.
        Ptime "untidy: ptime",
        /// Says nothing for the length of a frame, again and again, without a word about it.
        Pauses "untidy: dtx",
        /// Says `RTP/SAVPF`.
        Profile "untidy: profile",
        /// Names no section and groups none.
        NoMid "untidy: no mid",
        /// Groups nothing (`BUNDLE`).
        NoBundle "untidy: no bundle",
        /// Says no direction, which is both ways.
        NoDirection "untidy: no direction",
        /// Says its direction for the session.
        SessionDirection "untidy: session direction",
        /// Says ICE and DTLS for the session.
        SessionTransport "untidy: session transport",
        /// Has a second fingerprint that is nobody's.
        Fingerprints "untidy: fingerprints",
        /// Has lines that nobody knows, and line ends without carriage return.
        OddLines "untidy: odd lines",
        /// Has candidates by TCP, names, and such as nobody can read.
        OddCandidates "untidy: odd candidates",
        /// Has sections of unknown kinds, on and off, before and after that for audio.
        UnknownSections "untidy: unknown sections",
        /// Has a section with a name as long and as odd as it may be.
        OddMid "untidy: odd mid",
        /// Says how loud its pauses are (RFC 3389).
        ComfortNoise "untidy: comfort noise",
        /// Presses keys whose ends are lost (RFC 4733).
        EndlessKeys "untidy: key ends lost",
        /// Presses keys for longer than a report can say.
        LongKeys "untidy: long keys",
        /// Becomes another source in the middle of a word, and is overtaken by itself.
        Sources "untidy: source changes",
        /// Has no codec that anybody else has.
        Useless "untidy: no codec of ours",
        /// Numbers its re-invites, and after some minutes begins anew.
        CountedIds "untidy: counted ids",
        /// Has a participant whose legs and names are odd.
        OddParticipant "untidy: odd participant",
        /// Tells an item twice in one event.
        DoubledItem "untidy: doubled item",
        /// Tells something else before an item, in the same event.
        OtherItem "untidy: another item before",
        /// Tells what nobody knows of.
        UnknownFields "untidy: unknown fields",
    }
}

impl Habit {
    /// True if a description has it, and a signaling can carry it.
    fn is_of(self, signaling: Signaling) -> bool {
        match self {
            Self::NoSource
            | Self::OtherSource
            | Self::Renumbered
            | Self::FewCodecs
            | Self::UnknownCodecs
            | Self::Ptime
            | Self::Pauses
            | Self::OddMid => true,
            Self::EventList
            | Self::Profile
            | Self::NoMid
            | Self::NoBundle
            | Self::NoDirection
            | Self::SessionDirection
            | Self::SessionTransport
            | Self::Fingerprints
            | Self::OddLines
            | Self::OddCandidates
            | Self::UnknownSections => signaling == Signaling::Sdp,
            Self::ComfortNoise | Self::EndlessKeys | Self::LongKeys | Self::Sources => false,
            Self::Useless
            | Self::CountedIds
            | Self::OddParticipant
            | Self::DoubledItem
            | Self::OtherItem
            | Self::UnknownFields => false,
        }
    }

    /// True if it is one of RTP, which the model of the media does not have.
    #[must_use]
    pub fn is_of_rtp(self) -> bool {
        matches!(self, Self::ComfortNoise | Self::EndlessKeys | Self::LongKeys | Self::Sources)
    }
}

/// The company in which an item is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    Alone,
    /// Told twice.
    Itself,
    /// Something else comes before it.
    Another,
}

/// The lots that are drawn, and what they brought.
pub(super) struct Lots {
    /// The share of far ends with each habit, from 0 to 1.
    pub(super) share: f64,
    dice: Dice,
    /// The dice of habits that were added later, so that earlier ones are as they were for each
    /// seed.
    later: Dice,
    pub(super) drawn: BTreeMap<Habit, u64>,
    /// True if the service counts its re-invites, and when a user's was the first.
    counts: bool,
    counted: BTreeMap<String, Instant>,
}

/// A service that numbers its re-invites begins anew after this: one is repeated for three minutes,
/// and remembered for as long (wire notes 6.14).
const COUNTED: Duration = Duration::from_secs(370);

impl Lots {
    pub(super) fn new(seed: &Seed) -> Self {
        let (dice, mut later) = (Dice::new(seed, "untidy"), Dice::new(seed, "untidy, later"));
        let counts = later.chance(0.5);
        let (drawn, counted) = (BTreeMap::new(), BTreeMap::new());
        Self { share: 0.0, dice, later, drawn, counts, counted }
    }

    /// The number of a re-invite to a user, where somebody counts them: one that nobody remembers.
    pub(super) fn counted_id(&mut self, user: &str, now: Instant) -> Option<String> {
        let before = self.counted.get(user);
        let free = before.is_none_or(|before| *before + COUNTED <= now);
        if self.share == 0.0 || !self.counts || !free {
            return None;
        }
        *self.drawn.entry(Habit::CountedIds).or_default() += 1;
        self.counted.insert(user.to_owned(), now);
        Some("1".to_owned())
    }

    fn draw(&mut self, habit: Habit) -> bool {
        let later =
            matches!(habit, Habit::OddMid | Habit::Useless | Habit::OtherItem) || habit.is_of_rtp();
        let dice = if later { &mut self.later } else { &mut self.dice };
        // Such a call is over before it begins.
        let share = if habit == Habit::Useless { self.share / 10.0 } else { self.share };
        let drawn = dice.chance(share);
        if drawn {
            *self.drawn.entry(habit).or_default() += 1;
        }
        drawn
    }

    /// One far end.
    pub(super) fn far_end(&mut self, signaling: Signaling) -> Untidy {
        let mut untidy = Untidy::default();
        if self.share == 0.0 {
            return untidy;
        }
        for habit in Habit::ALL.iter().filter(|habit| habit.is_of(signaling)) {
            if self.draw(*habit) {
                untidy.habits.insert(*habit);
            }
        }
        if untidy.has(Habit::Ptime) {
            untidy.ptime = *self.dice.pick(&[10, 30, 40, 60]).unwrap_or(&TIDY);
        }
        untidy.codec = self.dice.below(3);
        untidy.pauses = untidy.has(Habit::Pauses);
        untidy
    }

    /// A far end whose offer may be unusable.
    pub(super) fn first_far_end(&mut self, signaling: Signaling) -> Untidy {
        let mut untidy = self.far_end(signaling);
        if self.share > 0.0 && self.draw(Habit::Useless) {
            untidy.habits.insert(Habit::Useless);
        }
        untidy
    }

    /// The manner in which one sends its RTP.
    pub(super) fn manner(&mut self) -> RtpManner {
        if self.share == 0.0 {
            return RtpManner::default();
        }
        RtpManner {
            noise: self.draw(Habit::ComfortNoise),
            endless_keys: self.draw(Habit::EndlessKeys),
            long_keys: self.draw(Habit::LongKeys),
            sources: self.draw(Habit::Sources),
        }
    }

    /// A notification as somebody untidy tells it, and whether it is told twice at once.
    pub(super) fn notification(&mut self, topic: &str, body: &Value) -> (Option<Value>, Company) {
        if self.share == 0.0 || !topic.ends_with(".conversations") {
            return (None, Company::Alone);
        }
        let mut told = None;
        if self.draw(Habit::OddParticipant) {
            let body = told.get_or_insert_with(|| body.clone());
            if let Some(participants) = body["participants"].as_array_mut() {
                let odd = json!({
                    "name": null, "purpose": "acd", "address": 17,
                    "calls": [{"state": "connected", "direction": "sideways"}, null],
                    "chats": [{}],
                });
                participants.insert(0, odd);
            }
        }
        if self.draw(Habit::UnknownFields) {
            let body = told.get_or_insert_with(|| body.clone());
            body["nobodyKnows"] = json!({"of": ["this", null, 1.5]});
        }
        let company = match (self.draw(Habit::DoubledItem), self.draw(Habit::OtherItem)) {
            (true, _) => Company::Itself,
            (false, true) => Company::Another,
            (false, false) => Company::Alone,
        };
        (told, company)
    }
}

/// One far end's habits.
#[derive(Clone, Debug)]
pub(super) struct Untidy {
    habits: BTreeSet<Habit>,
    /// Milliseconds of a frame that it says.
    pub(super) ptime: u32,
    /// True if it leaves frames out, as those that send nothing for silence (DTX).
    pub(super) pauses: bool,
    /// The index of the codec that is left where there is one.
    codec: usize,
}

impl Default for Untidy {
    fn default() -> Self {
        Self { habits: BTreeSet::new(), ptime: TIDY, pauses: false, codec: 0 }
    }
}

impl Untidy {
    fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    /// True if its offer cannot be used.
    pub(super) fn is_useless(&self) -> bool {
        self.has(Habit::Useless)
    }

    /// Candidates as this far end trickles them: such as nobody can use come first.
    pub(super) fn trickled(&self, candidates: Vec<LocalCandidate>) -> Vec<LocalCandidate> {
        let Some(first) = candidates.first().filter(|_| self.has(Habit::OddCandidates)) else {
            return candidates;
        };
        let odd = |line: &&str| LocalCandidate {
            candidate: format!("candidate:{line}"),
            ..first.clone()
        };
        let odd: Vec<_> = ODD_CANDIDATES.iter().map(odd).collect();
        odd.into_iter().chain(candidates).collect()
    }

    /// A tidy offer of one section as this far end says it.
    pub(super) fn describe(&self, offer: &str) -> String {
        if self.habits.is_empty() {
            return offer.to_owned();
        }
        let Ok(mut offer) = Description::read(offer) else { return offer.to_owned() };
        let Some(mut audio) = offer.sections.pop() else { return offer.to_string() };
        self.describe_codecs(&mut audio);
        self.describe_sources(&mut audio);
        self.describe_transport(&mut audio, &mut offer.session);
        if self.has(Habit::OddCandidates) {
            for odd in ODD_CANDIDATES {
                audio.push("candidate", odd);
            }
        }
        if self.has(Habit::NoMid) {
            audio.remove("mid");
        } else if self.has(Habit::OddMid) {
            audio.remove("mid");
            audio.push("mid", ODD_MID);
            for line in &mut offer.session {
                if line.attribute().is_some_and(|(name, _)| name == "group") {
                    *line = Line::attribute_line("group", &format!("BUNDLE {ODD_MID}"));
                }
            }
        }
        if self.has(Habit::NoMid) || self.has(Habit::NoBundle) {
            remove(&mut offer.session, "group");
        }
        if self.has(Habit::OddLines) {
            let odd = ["i=a gateway", "b=AS:64", "b=TIAS:64000", "a=x-nobody: knows", "y=0"];
            audio.lines.extend(odd.map(Line::new));
        }
        if self.has(Habit::UnknownSections) {
            let odd = |media| Section::new(Line::new(media));
            let mut data = odd("m=application 9 UDP/BFCP *");
            data.lines.push(Line::new("c=IN IP4 0.0.0.0"));
            offer.sections =
                vec![odd("m=image 0 udptl t38"), audio, odd("m=video 0 RTP/SAVPF 96"), data];
        } else {
            offer.sections.push(audio);
        }
        let text = offer.to_string();
        if self.has(Habit::OddLines) { text.replace("\r\n", "\n") } else { text }
    }

    fn describe_codecs(&self, audio: &mut Section<'_>) {
        let mut formats: Vec<_> = audio.formats().map(str::to_owned).collect();
        if self.has(Habit::FewCodecs) {
            let codecs: Vec<_> =
                formats.iter().filter(|pt| !is_event(audio, pt)).cloned().collect();
            let left = codecs.get(self.codec % codecs.len().max(1)).cloned();
            formats.retain(|pt| Some(pt) == left.as_ref() || !codecs.contains(pt));
        }
        audio.lines.retain(|line| {
            let of = payload_type(line);
            of.is_none_or(|of| formats.iter().any(|format| format == of))
        });
        if self.has(Habit::Renumbered) {
            for format in &mut formats {
                *format = renumbered(format);
            }
            for line in &mut audio.lines {
                let Some(of) = payload_type(line) else { continue };
                let (new, old) = (renumbered(of), format!(":{of} "));
                *line = Line::new(line.text().replacen(&old, &format!(":{new} "), 1));
            }
        }
        if self.has(Habit::EventList) {
            for line in &mut audio.lines {
                if line.text().starts_with("a=fmtp:") && line.text().ends_with(" 0-15") {
                    *line = Line::new(format!("{},66,70", line.text()));
                }
            }
        }
        if self.has(Habit::UnknownCodecs) {
            let free = (96..128).rev().map(|pt: u8| pt.to_string());
            if let Some(free) = free.into_iter().find(|pt| !formats.contains(pt)) {
                audio.push("rtpmap", &format!("{free} iLBC/8000"));
                formats.insert(0, free);
            }
            formats.extend(["9".to_owned(), "18".to_owned()]);
        }
        if self.has(Habit::Useless) {
            audio.lines.retain(|line| payload_type(line).is_none());
            formats = vec!["9".to_owned(), "18".to_owned()];
        }
        if self.has(Habit::Ptime) {
            audio.push("ptime", &self.ptime.to_string());
            audio.push("maxptime", "60");
        }
        let protocol = if self.has(Habit::Profile) { "RTP/SAVPF" } else { audio.protocol() };
        let port = audio.port().unwrap_or(9);
        audio.media = Line::new(format!("m=audio {port} {protocol} {}", formats.join(" ")));
    }

    fn describe_sources(&self, audio: &mut Section<'_>) {
        if self.has(Habit::NoSource) {
            audio.remove("ssrc");
            audio.remove("msid");
        } else if self.has(Habit::OtherSource) {
            audio.remove("ssrc");
            audio.push("ssrc", "4711 cname:somebody");
        }
    }

    fn describe_transport<'a>(&self, audio: &mut Section<'a>, session: &mut Vec<Line<'a>>) {
        let both_ways = audio.direction().unwrap_or_default() == Direction::SendRecv;
        let is_direction =
            |line: &Line<'_>| line.attribute().is_some_and(|(name, _)| is_direction(name));
        if self.has(Habit::SessionDirection) {
            move_lines(&mut audio.lines, session, is_direction);
        } else if self.has(Habit::NoDirection) && both_ways {
            audio.lines.retain(|line| !is_direction(line));
        }
        if self.has(Habit::Fingerprints) {
            let nobody = format!("sha-256 {}", ["AB"; 32].join(":"));
            let lines = ["fingerprint"].map(|name| Line::attribute_line(name, &nobody));
            audio.lines.extend(lines);
        }
        if self.has(Habit::SessionTransport) {
            let names = ["ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup"];
            move_lines(&mut audio.lines, session, |line| {
                line.attribute().is_some_and(|(name, _)| names.contains(&name))
            });
        }
    }

    /// The answer to such an offer, as the tidy engine below wants it: the section for audio alone.
    pub(super) fn understand(&self, answer: &str) -> String {
        match Description::read(answer) {
            Ok(mut read) if self.has(Habit::UnknownSections) => {
                read.sections.retain(|section| section.kind() == "audio");
                read.to_string()
            }
            _ => answer.to_owned(),
        }
    }
}

/// A name of token characters (RFC 5888 section 4), of which gateways use any.
const ODD_MID: &str = "audio!#$%&'*+-.^_`{|}~0123456789-of-a-gateway-that-likes-long-names";
/// Candidates that nobody can use, as gateways send them.
const ODD_CANDIDATES: [&str; 5] = [
    "1 1 tcp 1518280447 192.0.2.77 9 typ host tcptype active",
    "2 1 udp 2122260223 4f1b7a52-0000-4000-8000-000000000000.local 50000 typ host",
    "3 1 udp 99999999999 192.0.2.78 70000 typ host",
    "4 1 udp 1 192.0.2.79 9 typ srflx raddr gateway.invalid rport 0",
    "what is this",
];

fn is_direction(name: &str) -> bool {
    Direction::from_name(name).is_some()
}

fn remove(lines: &mut Vec<Line<'_>>, name: &str) {
    lines.retain(|line| line.attribute().is_none_or(|(own, _)| own != name));
}

fn move_lines<'a>(
    from: &mut Vec<Line<'a>>,
    to: &mut Vec<Line<'a>>,
    which: impl Fn(&Line<'_>) -> bool,
) {
    let (moved, kept) = std::mem::take(from).into_iter().partition(which);
    *from = kept;
    to.extend::<Vec<_>>(moved);
}

/// The payload type that a line is about.
fn payload_type<'l>(line: &'l Line<'_>) -> Option<&'l str> {
    let (name, value) = line.attribute()?;
    matches!(name, "rtpmap" | "fmtp" | "rtcp-fb").then(|| value.split(' ').next()).flatten()
}

fn is_event(audio: &Section<'_>, pt: &str) -> bool {
    audio.attributes("rtpmap").any(|(_, value)| {
        value.split_once(' ').is_some_and(|(own, name)| {
            own == pt && name.to_ascii_lowercase().starts_with("telephone-event")
        })
    })
}

/// Another dynamic payload type for one; each has its own.
fn renumbered(pt: &str) -> String {
    match pt.parse::<u8>() {
        Ok(number @ 96..=127) => (96 + (number - 96 + 7) % 32).to_string(),
        _ => pt.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use offhook::media::AudioCodec;
    use offhook::media::negotiation::{Abilities, Remote};

    use super::*;

    const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111 0 110\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\n\
        a=rtcp-mux\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
        a=fingerprint:sha-256 00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:\
        00:00:00:00:00:00:00:00:00\r\na=setup:actpass\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=10\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
        a=fmtp:110 0-15\r\na=ssrc:1 cname:x\r\n";

    #[test]
    fn every_habit_shows_and_the_offer_says_the_same() {
        let codecs = Abilities::telephone(&[AudioCodec::Opus, AudioCodec::Pcmu]);
        let tidy = Remote::read(&Description::read(OFFER).unwrap(), &codecs).unwrap();
        for habit in Habit::ALL.iter().filter(|habit| habit.is_of(Signaling::Sdp)) {
            let untidy = Untidy { habits: [*habit].into(), ..Untidy::default() };
            let offer = untidy.describe(OFFER);
            // One pauses when it speaks, and there is only the direction that is said.
            let unseen = matches!(habit, Habit::Pauses | Habit::NoDirection);
            assert_eq!(offer == OFFER, unseen, "{habit:?}\n{offer}");
            let read = Remote::read(&Description::read(&offer).unwrap(), &codecs).unwrap();
            let (audio, payloads) = read.audio().unwrap();
            assert_eq!(audio.direction, Direction::SendOnly, "{habit:?}");
            assert_eq!(read.ufrag, tidy.ufrag, "{habit:?}");
            let pt = payloads.payload_type(AudioCodec::Opus);
            assert_eq!(pt == Some(111), *habit != Habit::Renumbered, "{habit:?}");
            assert_eq!(payloads.codecs.len() == 2, *habit != Habit::FewCodecs, "{habit:?}");
        }
    }

    #[test]
    fn one_without_a_codec_of_ours_is_of_no_use() {
        let untidy = Untidy { habits: [Habit::Useless].into(), ..Untidy::default() };
        let offer = untidy.describe(OFFER);
        let codecs = Abilities::telephone(&[AudioCodec::Opus, AudioCodec::Pcmu]);
        let read = Remote::read(&Description::read(&offer).unwrap(), &codecs);
        assert_eq!(read, Err(offhook::media::MediaError::NoCommonCodec));
    }

    #[test]
    fn tidy_ones_draw_nothing() {
        let mut lots = Lots::new(&Seed::from(1));
        assert_eq!(lots.far_end(Signaling::Sdp).describe(OFFER), OFFER);
        assert_eq!(
            lots.notification("v2.users.u.conversations", &json!({})),
            (None, Company::Alone)
        );
        assert!(lots.drawn.is_empty());
    }
}
