//! The media of a room's end of a session: it says the prompt, shows numbered pictures, and keeps what it
//! sees and what it is told by the data channel.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use offhook::machine::Wake;
use offhook::media::{
    ChannelId, ChannelMessage, Codec, EngineConfig, LocalCandidate, LocalKind, MediaError,
    MediaKind, MediaState, Track, Wish,
};
use offhook::sdp::Direction;
use serde_json::{Value, json};

use super::terms::Terms;
use crate::cloud::session::About;
use crate::cloud::world::World;
use crate::service::pictures::{self, RATE};
use crate::service::{FarEnd, FarEndMode, Output, Packet, RtpManner, Word};

/// Texts kept of what came by a data channel; the oldest goes.
const MAX_MESSAGES: usize = 100;
/// The longest text that is kept whole, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// The pictures seen of one of the client's tracks.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    frames: u64,
    keyframes: u64,
    /// The number of the last picture that had one.
    number: Option<u32>,
    /// Numbers that were not there where they had to come.
    missed: u64,
    /// The times that the client wanted a picture that needs no other.
    wanted: u64,
}

/// See the [module](self).
pub(super) struct RoomMedia {
    far: FarEnd,
    mode: FarEndMode,
    /// The time at which it shows its next picture, and that picture's number.
    show_at: Option<Instant>,
    shown: u32,
    seen: BTreeMap<Track, Seen>,
    channel: Option<(ChannelId, String)>,
    messages: VecDeque<String>,
    /// The directions that were offered.
    offered: Vec<(Track, Direction)>,
}

impl RoomMedia {
    /// Media on these terms, on sockets of its own.
    pub(super) fn open(terms: &Terms, about: &About, world: &mut World) -> Self {
        let udp = world.base.open_media(&about.id);
        let seed = world.seed.child(&format!("{}/{}", about.id, udp.0));
        let mut config = EngineConfig::new(seed).channels(terms.channels);
        config.codecs.clone_from(&world.options.codecs);
        config.video.clone_from(&terms.codecs);
        let engine = world.factory.create(world.base.now, config, RtpManner::default());
        Self {
            far: FarEnd::new(udp, engine),
            mode: FarEndMode::Silence,
            show_at: None,
            shown: 0,
            seen: BTreeMap::new(),
            channel: None,
            messages: VecDeque::new(),
            offered: Vec::new(),
        }
    }

    // Looking

    pub(super) fn state(&self) -> MediaState {
        self.far.engine.state()
    }

    /// The media as `GET /control/rooms/{rid}/media` tells it.
    pub(super) fn body(&self) -> Value {
        let mut body = self.far.body();
        let lines: Vec<_> = self
            .far
            .engine
            .tracks()
            .into_iter()
            .map(|info| {
                let stats = self.far.engine.track_stats(info.track).unwrap_or_default();
                let seen = self.seen.get(&info.track).copied().unwrap_or_default();
                let offered = self.offered.iter().find(|(track, _)| *track == info.track);
                json!({
                    "mid": info.mid, "kind": info.track.kind.name(),
                    "direction": offered.map(|(_, direction)| direction.name()),
                    "current": info.direction.name(),
                    "in": stats.packets_received, "out": stats.packets_sent,
                    "framesReceived": seen.frames, "keyframesReceived": seen.keyframes,
                    "lastPicture": seen.number, "picturesMissed": seen.missed,
                    "keyframesWanted": seen.wanted,
                })
            })
            .collect();
        body["lines"] = json!(lines);
        body["messages"] = json!(self.messages);
        if let Some((id, label)) = &self.channel {
            body["channel"] = json!({"label": label, "state": "open", "id": id.0});
        }
        body
    }

    // Offers and answers

    /// Offers those lines, and what is there.
    pub(super) fn offer(&mut self, wishes: &[Wish], now: Instant) -> Result<String, MediaError> {
        let sdp = self.far.engine.create_offer(now, wishes)?;
        let mut numbers = BTreeMap::new();
        for (track, _) in &self.offered {
            *numbers.entry(track.kind).or_insert(0) += 1;
        }
        for wish in wishes {
            let number = numbers.entry(wish.kind).or_insert(0);
            self.offered.push((Track { kind: wish.kind, number: *number }, wish.direction));
            *number += 1;
        }
        Ok(sdp)
    }

    /// Stops a line with the next offer. False when there is no such.
    pub(super) fn stop(&mut self, mid: &str) -> bool {
        let tracks = self.far.engine.tracks();
        let Some(info) = tracks.iter().find(|info| info.mid.as_deref() == Some(mid)) else {
            return false;
        };
        self.far.engine.set_direction(info.track, Direction::Inactive);
        true
    }

    /// Has these addresses, and no more.
    pub(super) fn set_addresses(&mut self, local: &[SocketAddr], about: &About, world: &mut World) {
        let now = world.base.now;
        for address in local {
            let public = match address.ip().is_unspecified() {
                true => SocketAddr::new(world.public_ip, address.port()),
                false => *address,
            };
            self.far.engine.add_local(now, &public.into(), LocalKind::Host);
        }
        self.far.engine.local_done(now);
        self.listen(about, world);
    }

    pub(super) fn take_candidates(&mut self) -> Vec<LocalCandidate> {
        std::mem::take(&mut self.far.candidates)
    }

    pub(super) fn accept(
        &mut self,
        answer: &str,
        about: &About,
        world: &mut World,
    ) -> Result<(), MediaError> {
        self.far.engine.accept_answer(world.base.now, answer)?;
        self.listen(about, world);
        Ok(())
    }

    /// The offer that waits for its answer is none.
    pub(super) fn rollback(&mut self, now: Instant) {
        // There may be nothing to take back.
        let _ = self.far.engine.rollback(now);
    }

    pub(super) fn add_remote(&mut self, line: &str, about: &About, world: &mut World) {
        if let Err(error) = self.far.engine.add_remote_candidate(world.base.now, line) {
            world.base.log(format!("a candidate that cannot be used: {error}"));
        }
        self.listen(about, world);
    }

    // Hearing, seeing and saying

    pub(super) fn datagram(&mut self, packet: &Packet<'_>, about: &About, world: &mut World) {
        let now = world.base.now;
        self.far.heard = Some(now);
        self.far.engine.handle_datagram(now, packet.local, packet.remote, packet.data);
        self.listen(about, world);
    }

    /// Says a text by the data channel. False where there is none that takes it.
    pub(super) fn tell(&mut self, text: String, about: &About, world: &mut World) -> bool {
        let Some((channel, _)) = self.channel else { return false };
        let message = ChannelMessage::Text(text);
        let sent = self.far.engine.send_message(world.base.now, channel, &message);
        self.listen(about, world);
        sent.is_ok()
    }

    /// Asks for a picture of each track that the client shows, one that needs no other. False where it shows
    /// none.
    pub(super) fn want_keyframes(&mut self, about: &About, world: &mut World) -> bool {
        let (now, mut asked) = (world.base.now, false);
        for info in self.far.engine.tracks() {
            if info.track.kind == MediaKind::Video && info.direction.receives() {
                asked |= self.far.engine.request_keyframe(now, info.track).is_ok();
            }
        }
        self.listen(about, world);
        asked
    }

    /// Takes what the engine has to say.
    fn listen(&mut self, about: &About, world: &mut World) {
        let (now, echoes) = (world.base.now, world.options.far_end == FarEndMode::Echo);
        let mut said = Vec::new();
        for word in self.far.drain(now) {
            match word {
                Word::Transmit { local, remote, data } => {
                    let id = self.far.udp;
                    world.base.push(Output::Transmit { id, local, remote, data });
                }
                Word::State(state) => {
                    let shows = world.options.room_far_end != FarEndMode::External;
                    self.show_at = match state {
                        MediaState::Connected => self.show_at.or_else(|| shows.then_some(now)),
                        MediaState::Disconnected => self.show_at,
                        _ => None,
                    };
                    let name = format!("{state:?}").to_lowercase();
                    about.happened("media-state", json!({"state": name}), world);
                }
                Word::Heard(frame) if echoes => said.push(frame),
                Word::Heard(_) => {}
                Word::Seen { track, frame } => {
                    let seen = self.seen.entry(track).or_default();
                    seen.frames += 1;
                    seen.keyframes += u64::from(frame.keyframe);
                    if let Some(number) = pictures::number_of(&frame) {
                        let due = seen.number.map_or(number, |last| last.saturating_add(1));
                        seen.missed += u64::from(number.saturating_sub(due));
                        seen.number = Some(number);
                    }
                    if world.options.room_far_end == FarEndMode::External {
                        let conversation = about.conversation.clone();
                        world.base.push(Output::FarPicture { conversation, frame });
                    }
                }
                Word::Wanted(track) => {
                    self.seen.entry(track).or_default().wanted += 1;
                    // All its pictures are such.
                    self.show_at = self.show_at.map(|at| at.min(now));
                }
                Word::Key(digit) => {
                    let key = digit.as_char().to_string();
                    about.happened("dtmf", json!({"digit": key}), world);
                }
                Word::Opened(channel, label) => {
                    about.happened("media-peer-channel", json!({"label": label}), world);
                    self.channel = Some((channel, label));
                }
                Word::Message(ChannelMessage::Text(mut text)) => {
                    while text.len() > MAX_TEXT {
                        text.pop();
                    }
                    about.happened("media-peer-channel-message", json!({"text": text}), world);
                    if self.messages.len() >= MAX_MESSAGES {
                        self.messages.pop_front();
                    }
                    self.messages.push_back(text);
                }
                Word::Message(ChannelMessage::Binary(_)) => {}
                Word::Closed(channel) => {
                    self.channel.take_if(|(id, _)| *id == channel);
                }
            }
        }
        for frame in &said {
            self.far.say(now, frame);
        }
        if !said.is_empty() {
            self.listen(about, world);
        }
        self.set_mode(world);
    }

    // Time

    /// Speaks as all far ends do from now on, where it can.
    fn set_mode(&mut self, world: &World) {
        let mode = match self.far.engine.agreement() {
            Some(_) => world.options.far_end,
            None => FarEndMode::Silence,
        };
        self.far.pass_time(world.base.now, self.mode);
        self.mode = mode;
    }

    /// The tracks that it shows, with a codec that the client takes.
    fn shows(&self) -> impl Iterator<Item = (Track, Codec)> {
        self.far.engine.tracks().into_iter().filter_map(|info| {
            let shown = info.track.kind == MediaKind::Video && info.direction.sends();
            Some((info.track, *info.codecs.first().filter(|_| shown)?))
        })
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let show = self.show_at.map(|at| Wake { at, reason: "a room shows a picture" });
        Wake::earliest(self.far.next_wake(self.mode), show)
    }

    pub(super) fn handle_timeout(&mut self, about: &About, world: &mut World) {
        let now = world.base.now;
        self.far.handle_timeout(now, self.mode, &mut world.prompt);
        if let Some(at) = self.show_at.filter(|at| *at <= now) {
            self.show_next(now);
            let next = at + Duration::from_nanos(1_000_000_000 / RATE);
            self.show_at = Some(next.max(now));
        }
        self.listen(about, world);
    }

    /// Shows its next picture, at once. False while nobody is there to see it.
    pub(super) fn show(&mut self, about: &About, world: &mut World) -> bool {
        let is_seen = self.state() == MediaState::Connected;
        if is_seen {
            self.show_next(world.base.now);
            self.listen(about, world);
        }
        is_seen
    }

    fn show_next(&mut self, now: Instant) {
        let shown: Vec<_> = self.shows().collect();
        for (track, codec) in &shown {
            if let Codec::Video(codec) = codec {
                let picture = pictures::picture(*codec, self.shown);
                // What a path has no room for is not shown.
                let _ = self.far.engine.send(now, *track, &picture.into());
            }
        }
        self.shown = self.shown.wrapping_add(1);
    }

    /// True if the client that was there is gone, since its consent has expired; told once.
    pub(super) fn take_forsaken(&mut self, now: Instant) -> bool {
        self.far.take_forsaken(now)
    }

    // The end

    /// Closes it, with its last words or without; its figures stay.
    pub(super) fn close(mut self, says_goodbye: bool, about: &About, world: &mut World) -> Value {
        self.far.engine.close(world.base.now);
        if says_goodbye {
            self.listen(about, world);
        }
        world.base.close_media(self.far.udp);
        let mut body = self.body();
        body["connectionState"] = json!("closed");
        body
    }
}
