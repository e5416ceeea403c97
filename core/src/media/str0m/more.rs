//! Tracks beside the first of audio, and data channels: all that a telephone lacks.

use std::collections::BTreeMap;
use std::time::Instant;

use str0m::media::Mid;

use super::association::Association;
use super::audio::AudioTrack;
use super::channels::Channels;
use super::encoding::Encoding;
use super::video::VideoTrack;
use crate::machine::Rid;
use crate::media::negotiation::{OurSection, Remote, RemoteSection, Terms};
use crate::media::rtp::{Format, Header};
use crate::media::{EngineConfig, EngineEvent, MediaKind, Track, TrackInfo};
use crate::sdp::Direction;

/// Sources of these tracks that are known at a time; packets of more are not read.
const MAX_SOURCES: usize = 128;

/// The track that packets of a source belong to, and its encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) track: Track,
    /// The encoding, among several of pictures.
    pub(super) rid: Option<Rid>,
}

impl From<Track> for Owner {
    fn from(track: Track) -> Self {
        Self { track, rid: None }
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct More {
    /// Tracks of audio, by their numbers, from 1 on.
    pub(super) audio: BTreeMap<u8, AudioTrack>,
    /// Tracks of pictures, by their numbers.
    pub(super) video: BTreeMap<u8, VideoTrack>,
    pub(super) channels: Channels,
    /// The owners of the sources that str0m expects.
    sources: BTreeMap<u32, Owner>,
    /// The news told of the tracks beside the first of audio.
    told: Vec<TrackInfo>,
    /// The number of times that sources of ours were drawn.
    drawn: u32,
}

impl More {
    /// Sources for a track of ours: its own, and the one that sends its packets again.
    pub(super) fn draw_sources(&mut self, config: &EngineConfig) -> (u32, u32) {
        self.drawn += 1;
        let mut rng = config.seed.child(&format!("sources {}", self.drawn)).rng();
        // Zero is that of probes.
        let first = (rng.next_u64() as u32).max(1);
        (first, (rng.next_u64() as u32).max(1))
    }

    /// No track is anywhere, for now.
    pub(super) fn leave(&mut self) {
        self.audio.values_mut().for_each(|audio| audio.place = None);
        self.video.values_mut().for_each(|video| video.place = None);
    }

    /// Puts a track in its place, and makes it if it is new: as it was offered, if it was.
    pub(super) fn put(
        &mut self,
        track: Track,
        place: usize,
        ours: Option<&OurSection>,
        config: &EngineConfig,
    ) {
        let place = Some(place);
        let known = match track.kind {
            MediaKind::Audio => self.audio.get_mut(&track.number).map(|audio| audio.place = place),
            MediaKind::Video => self.video.get_mut(&track.number).map(|video| video.place = place),
        };
        if known.is_some() {
            return;
        }
        let drawn = self.draw_sources(config);
        let source = ours.and_then(|ours| ours.source).unwrap_or(drawn.0);
        let repair = ours.and_then(|ours| ours.repair).unwrap_or(drawn.1);
        let wanted = ours.map_or(Direction::SendRecv, |ours| ours.direction);
        let Track { kind, number } = track;
        let mut rng = config.seed.child(&format!("{} {number}", kind.name())).rng();
        let name = kind.name().get(..1).unwrap_or_default();
        let mid = Mid::from(&*format!("{name}{number}"));
        match kind {
            MediaKind::Audio => {
                let mut audio = AudioTrack::new(config, mid, Some(source), &mut rng);
                (audio.place, audio.wanted) = (place, wanted);
                self.audio.insert(number, audio);
            }
            MediaKind::Video => {
                let mut video = VideoTrack::new(mid, (source, repair), &mut rng);
                (video.place, video.wanted) = (place, wanted);
                self.video.insert(number, video);
            }
        }
    }

    /// Sends each track of pictures in the encodings that the far side takes. Returns the sources of those that it
    /// takes no more.
    pub(super) fn encode(&mut self, remote: &Remote, config: &EngineConfig) -> Vec<u32> {
        let mut gone = Vec::new();
        let numbers: Vec<u8> = self.video.keys().copied().collect();
        for number in numbers {
            let place = self.video.get(&number).and_then(|video| video.place);
            let Some(section) = place.and_then(|place| remote.sections.get(place)) else {
                continue;
            };
            let rids = &section.encodings.rids;
            let mut drawn: Vec<_> = rids.iter().map(|_| self.draw_sources(config)).collect();
            let mut rng = config.seed.child(&format!("encodings {}", self.drawn)).rng();
            let Some(video) = self.video.get_mut(&number) else { continue };
            gone.extend(video.encode(rids, &mut rng, || drawn.pop().unwrap_or_default()));
        }
        gone
    }

    /// Sees each track of pictures in the encodings that the far side sends.
    pub(super) fn look(&mut self, remote: &Remote) {
        for video in self.video.values_mut() {
            let section = video.place.and_then(|place| remote.sections.get(place));
            if let Some(section) = section {
                video.look(&section.sent.rids);
            }
        }
    }

    /// Forgets the tracks that no section is for: str0m's sections of them.
    pub(super) fn retire(&mut self, stays: impl Fn(Track) -> bool) -> Vec<Mid> {
        let mut gone = Vec::new();
        self.audio.retain(|number, audio| {
            let stays = stays(Track::audio(*number));
            gone.extend((!stays).then_some((Track::audio(*number), audio.mid)));
            stays
        });
        self.video.retain(|number, video| {
            let stays = stays(Track::video(*number));
            gone.extend((!stays).then_some((Track::video(*number), video.mid)));
            stays
        });
        for (track, _) in &gone {
            self.disown_all(Some(*track));
        }
        gone.into_iter().map(|(_, mid)| mid).collect()
    }

    /// Tracks whose sections are off rest: the sources that nobody wants to hear any more, and those
    /// of pictures that are neither announced any more nor seen.
    pub(super) fn rest(&mut self, remote: &Remote) -> Vec<u32> {
        let mut gone = Vec::new();
        let mut resting = Vec::new();
        for (number, audio) in &mut self.audio {
            if audio.place.is_none() {
                audio.incoming.restart();
                audio.backlog.clear();
                resting.push(Track::audio(*number));
            }
        }
        for (number, video) in &mut self.video {
            let track = Track::video(*number);
            let Some(section) = video.place.and_then(|place| remote.sections.get(place)) else {
                video.unseen();
                resting.push(track);
                continue;
            };
            let stays = |source| announces(section, source) || video.uses(source);
            let owned = self.sources.iter().filter(|(_, owner)| owner.track == track);
            gone.extend(owned.map(|(source, _)| *source).filter(|source| !stays(*source)));
        }
        gone.iter().for_each(|source| self.disown(*source));
        gone.extend(resting.into_iter().flat_map(|track| self.disown_all(Some(track))));
        gone
    }

    /// Makes str0m's sections, as far as there are none.
    pub(super) fn declare(&self, association: &mut Association) {
        for audio in self.audio.values() {
            if let Some(source) = audio.source {
                association.declare(audio.mid, str0m::media::MediaKind::Audio, None, source, None);
            }
        }
        for video in self.video.values() {
            let kind = str0m::media::MediaKind::Video;
            for Encoding { rid, source: (source, repair), .. } in video.all_encodings() {
                association.declare(video.mid, kind, *rid, *source, Some(*repair));
            }
        }
    }

    /// Another association: what ends with the one before.
    pub(super) fn restart(&mut self) -> Vec<EngineEvent> {
        self.disown_all(None);
        self.audio.values_mut().for_each(AudioTrack::restart);
        self.video.values_mut().for_each(VideoTrack::restart);
        self.channels.end(None)
    }

    /// The news of the tracks beside the first of audio.
    pub(super) fn tell(&mut self, tracks: Vec<TrackInfo>) -> Vec<EngineEvent> {
        let before = std::mem::replace(&mut self.told, tracks);
        EngineEvent::of_tracks(&before, &self.told)
    }

    /// The time to be called again though nothing comes.
    pub(super) fn next_wake(&self, now: Instant, secure: bool) -> Option<Instant> {
        let audio = self.audio.values().flat_map(|audio| {
            let said = audio.backlog.next_wake(now).filter(|_| secure);
            let heard = [audio.incoming.probation.next_wake(), audio.incoming.receiver.next_wake()];
            heard.into_iter().flatten().chain(said)
        });
        let video = self.video.values().filter_map(|video| video.next_wake(now));
        audio.chain(video).min()
    }

    /// The far side's section of a track, while there is one.
    fn place(&self, track: Track, first: Option<usize>) -> Option<usize> {
        match (track.kind, track.number) {
            (MediaKind::Audio, 0) => first,
            (MediaKind::Audio, number) => self.audio.get(&number)?.place,
            (MediaKind::Video, number) => self.video.get(&number)?.place,
        }
    }

    /// Each track there is, and its section; `first` is that of the first track of audio.
    fn places<'r>(
        &self,
        remote: &'r Remote,
        first: Option<usize>,
    ) -> impl Iterator<Item = (Track, &'r RemoteSection)> {
        let audio = self.audio.keys().map(|number| Track::audio(*number));
        let video = self.video.keys().map(|number| Track::video(*number));
        let tracks = std::iter::once(Track::AUDIO).chain(audio).chain(video);
        tracks
            .filter_map(move |track| Some((track, remote.sections.get(self.place(track, first)?)?)))
    }

    /// The track that a packet belongs to, by its clear header: its source, the name of its section,
    /// and at last what only one track carries (RFC 8843 section 9.2).
    pub(super) fn route(
        &self,
        header: &Header,
        datagram: &[u8],
        remote: &Remote,
        first: Option<usize>,
    ) -> Option<Track> {
        let source = header.ssrc;
        if let Some(owner) = self.sources.get(&source) {
            return Some(owner.track);
        }
        let carries = |section: &RemoteSection| match &section.terms {
            Terms::Audio(payloads) => payloads.format(header.payload_type) != Format::Unused,
            Terms::Video(pictures) => pictures.codec(header.payload_type).is_some(),
            Terms::Channels { .. } => false,
        };
        let places = || self.places(remote, first).filter(|(_, section)| carries(section));
        let named = |section: &RemoteSection| {
            let name = header.extension(datagram, section.mid_extension?)?;
            Some(section.mid.as_deref()?.as_bytes() == name)
        };
        let announced = places().find(|(_, section)| announces(section, source));
        let named = || places().find(|(_, section)| named(section) == Some(true));
        let alone = || {
            let mut unheard = places().filter(|(track, _)| !self.is_heard(*track));
            let only = places().next().filter(|_| places().count() == 1);
            only.or_else(|| unheard.next())
        };
        announced.or_else(named).or_else(alone).map(|(track, _)| track)
    }

    /// True if something is heard or seen on a track already.
    fn is_heard(&self, track: Track) -> bool {
        match (track.kind, track.number) {
            // The first one takes whatever is nobody else's.
            (MediaKind::Audio, 0) => false,
            (MediaKind::Audio, number) => {
                self.audio.get(&number).is_some_and(|t| t.incoming.receiver.live().is_some())
            }
            (MediaKind::Video, number) => self.video.get(&number).is_some_and(VideoTrack::is_seen),
        }
    }

    /// The track that packets of a source belong to, and its encoding.
    pub(super) fn owner(&self, source: u32) -> Option<Owner> {
        self.sources.get(&source).copied()
    }

    /// Says whose packets of a source are. False where there are too many.
    pub(super) fn own(&mut self, source: u32, owner: impl Into<Owner>) -> bool {
        let fits = self.sources.len() < MAX_SOURCES || self.sources.contains_key(&source);
        if fits {
            self.sources.insert(source, owner.into());
        }
        fits
    }

    pub(super) fn disown(&mut self, source: u32) {
        self.sources.remove(&source);
    }

    /// A track is gone, or what comes on it is another stream: its sources are nobody's.
    pub(super) fn disown_all(&mut self, track: Option<Track>) -> Vec<u32> {
        let goes = |owner: Owner| track.is_none_or(|track| owner.track == track);
        let sources = self.sources.iter().filter(|(_, owner)| goes(**owner));
        let gone: Vec<u32> = sources.map(|(source, _)| *source).collect();
        self.sources.retain(|_, owner| !goes(*owner));
        gone
    }
}

/// True if a section tells of a source: of its own, or of one that sends packets again.
fn announces(section: &RemoteSection, source: u32) -> bool {
    section.sources.contains(&source) || section.repairs.iter().any(|(_, repair)| *repair == source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_bounded_and_those_of_a_track_go_with_it() {
        let mut more = More::default();
        let video = Track::video(0);
        for source in 0..MAX_SOURCES as u32 {
            let track = if source.is_multiple_of(2) { video } else { Track::audio(1) };
            assert!(more.own(source, track));
        }
        assert!(!more.own(u32::MAX, video), "one too many");
        assert!(more.own(0, video), "known");
        assert_eq!(more.disown_all(Some(video)).len(), MAX_SOURCES / 2);
        assert_eq!((more.owner(0), more.owner(1)), (None, Some(Track::audio(1).into())));
        assert!(more.own(u32::MAX, video));
        assert_eq!(more.disown_all(None).len(), MAX_SOURCES / 2 + 1);
    }
}
