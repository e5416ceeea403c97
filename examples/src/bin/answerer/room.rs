//! The agent in a meeting. Beside the words of every call:
//!
//! | line | what it does |
//! | --- | --- |
//! | `join ROOM` | begins a meeting in the room of that address |
//! | `show WIDTHxHEIGHT` | shows numbered test pictures of that size (VP8), 15 a second, from now on |
//! | `show FILE` | shows the pictures of a WebM file |
//! | `mute KIND`, `unmute KIND` | stops or resumes sending `audio` or `video` |
//! | `share`, `unshare` | tells the meeting that her pictures are those of a screen, or of the camera again |
//! | `keyframe TRACK` | asks for a picture that needs no other |
//! | `record` | begins a recording of what is seen and heard |
//! | `recorded FILE` | ends it, in a file |
//! | `figures` | tells how many pictures were shown (`shown`), how often somebody wanted a key frame (`wanted`), and what came of each track |

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use offhook::genesys::{ConversationId, Event, Phone as _, RoomMedia, SessionType};
use offhook::machine::{MediaId, MediaKind, TrackId};
use offhook::media::{AudioFrame, Frame, Track, VideoCodec, VideoFrame};
use offhook::video::{Clip, Player, Recorded, Recorder, Size, pattern};
use offhook_examples::meeting;
use offhook_tokio::{Client, Events, FrameReceiver, FrameSender};
use serde_json::{Value, json};

use super::{lock, tell};

/// The time between two looks at whether a picture is due.
const LOOK: Duration = Duration::from_millis(10);
/// Test pictures of a second.
const RATE: u64 = 15;
/// Test pictures until they begin anew.
const PICTURES: u32 = 30;

/// The agent's place in a meeting. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    phone: Client,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    meeting: Option<(ConversationId, MediaId)>,
    player: Option<Player>,
    shown: u64,
    /// Key frames that others wanted.
    wanted: u64,
    tracks: BTreeMap<Track, Seen>,
    recording: Option<Recording>,
}

/// The pictures of a track that came.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    frames: u64,
    keyframes: u64,
    /// Those before which some are missing.
    after_losses: u64,
    size: Option<Size>,
}

#[derive(Debug)]
struct Recording {
    recorder: Recorder<Track>,
    file: Vec<u8>,
    pictures: u64,
    sounds: u64,
}

impl Seat {
    /// A place in whatever meeting comes.
    pub(super) fn take(phone: &Client) -> Self {
        let seat = Self { phone: phone.clone(), state: Arc::default() };
        tokio::spawn(seat.clone().watch(phone.events()));
        seat
    }

    /// Does what a line says.
    pub(super) async fn obey(&self, word: &str, rest: &str) -> anyhow::Result<Value> {
        let kind = if rest == "audio" { MediaKind::Audio } else { MediaKind::Video };
        match word {
            "join" => drop(self.phone.start_video_conference(rest, None).await?),
            "show" => {
                let (clip, now) = (clip(rest)?, Instant::now());
                match &mut lock(&self.state).player {
                    Some(player) => player.change(clip, now),
                    none => *none = Some(Player::new(clip, now)),
                }
            }
            "mute" | "unmute" => {
                let (conversation, _) = self.meeting()?;
                let muted = word == "mute";
                match kind {
                    MediaKind::Audio => self.phone.set_muted(conversation, muted).await?,
                    MediaKind::Video => self.phone.set_video_muted(conversation, muted).await?,
                }
            }
            "share" => self.phone.start_screen_share(self.meeting()?.0).await?,
            "unshare" => self.phone.stop_screen_share(self.meeting()?.0).await?,
            "keyframe" => {
                let number = rest.strip_prefix("video").context("a track of video")?.parse()?;
                let (_, media) = self.meeting()?;
                let track = TrackId { media, track: Track::video(number) };
                self.phone.request_keyframe(track).await?;
            }
            "record" => lock(&self.state).record(),
            "recorded" => return lock(&self.state).recorded(Path::new(rest)),
            "figures" => return Ok(lock(&self.state).figures()),
            _ => bail!("no such word: {word}"),
        }
        Ok(json!({}))
    }

    fn meeting(&self) -> anyhow::Result<(ConversationId, MediaId)> {
        lock(&self.state).meeting.clone().context("no meeting")
    }

    /// Keeps a frame of sound, where a recording is made.
    pub(super) fn keep(&self, frame: &AudioFrame) {
        self.write(Track::AUDIO, frame.clone().into());
    }

    /// Takes part in the meetings that are offered, and tells what comes and goes.
    async fn watch(self, mut events: Events) {
        while let Some(event) = events.next().await {
            match event {
                Event::SessionStarted(session)
                    if session.session_type == SessionType::CollaborateVideo =>
                {
                    let conversation = session.conversation;
                    lock(&self.state).meeting = Some((conversation.clone(), session.media));
                    let accepted = self.phone.accept_room(conversation, RoomMedia::Both);
                    tokio::spawn(async move {
                        if let Err(error) = accepted.await {
                            tell(&json!({"event": "not-answered", "error": error.to_string()}));
                        }
                    });
                }
                Event::TrackAdded { track: id, info, .. } => {
                    tell(&json!({
                        "event": "track", "track": name(id.track), "direction": info.direction.name(),
                    }));
                    if id.track.kind == MediaKind::Video {
                        self.open(id);
                    }
                }
                Event::TrackRemoved { track: id, .. } => {
                    lock(&self.state).gone(id.track);
                    tell(&json!({"event": "track-gone", "track": name(id.track)}));
                }
                Event::KeyframeWanted { .. } => lock(&self.state).want_keyframe(),
                Event::MemberStatus { .. } => tell(&json!({"event": "member-status"})),
                _ => {}
            }
        }
    }

    /// Looks at a track, and shows pictures on the first.
    fn open(&self, id: TrackId) {
        let frames = self.phone.track(id);
        lock(&self.state).tracks.entry(id.track).or_default();
        tokio::spawn(self.clone().see(id, frames.stream));
        if id.track == Track::video(0) {
            tokio::spawn(self.clone().show(frames.sink));
        }
    }

    /// Shows what there is to show, until the session ends.
    async fn show(self, mut camera: FrameSender) {
        loop {
            tokio::time::sleep(LOOK).await;
            while let Some(picture) = self.next_picture() {
                if camera.send(picture.into()).await.is_err() {
                    return;
                }
                lock(&self.state).shown += 1;
            }
        }
    }

    fn next_picture(&self) -> Option<VideoFrame> {
        lock(&self.state).player.as_mut()?.poll(Instant::now())
    }

    /// Looks at the pictures of a track, until it is gone.
    async fn see(self, id: TrackId, mut frames: FrameReceiver) {
        while let Some(frame) = frames.next().await {
            if let Frame::Video(picture) = &frame {
                lock(&self.state).tracks.entry(id.track).or_default().count(picture);
            }
            if self.write(id.track, frame) == Some(Recorded::NoKeyframe)
                && let Err(error) = self.phone.request_keyframe(id).await
            {
                tell(&json!({"event": "error", "error": error.to_string()}));
            }
        }
    }

    fn write(&self, track: Track, frame: Frame) -> Option<Recorded> {
        let mut state = lock(&self.state);
        match state.recording.as_mut()?.write(track, frame) {
            Ok(recorded) => Some(recorded),
            Err(error) => {
                tell(&json!({"event": "error", "error": error.to_string()}));
                None
            }
        }
    }
}

impl State {
    fn want_keyframe(&mut self) {
        self.wanted += 1;
        if let Some(player) = &mut self.player {
            player.want_keyframe(Instant::now());
        }
    }

    fn gone(&mut self, track: Track) {
        if let Some(recording) = &mut self.recording {
            recording.recorder.gone(&track);
        }
    }

    fn record(&mut self) {
        let mut recorder = Recorder::new(Instant::now());
        recorder.announce(Track::AUDIO, MediaKind::Audio);
        for track in self.tracks.keys() {
            recorder.announce(*track, MediaKind::Video);
        }
        self.recording = Some(Recording { recorder, file: Vec::new(), pictures: 0, sounds: 0 });
    }

    /// Writes what was recorded to a file, and tells how much of what that is.
    fn recorded(&mut self, path: &Path) -> anyhow::Result<Value> {
        let mut recording = self.recording.take().context("nothing is recorded")?;
        recording.file.extend(recording.recorder.finish()?);
        std::fs::write(path, &recording.file)?;
        Ok(json!({"pictures": recording.pictures, "sounds": recording.sounds}))
    }

    fn figures(&self) -> Value {
        let tracks: serde_json::Map<_, _> =
            self.tracks.iter().map(|(track, seen)| (name(*track), seen.body())).collect();
        json!({"shown": self.shown, "wanted": self.wanted, "tracks": tracks})
    }
}

impl Seen {
    fn count(&mut self, picture: &VideoFrame) {
        self.frames += 1;
        self.keyframes += u64::from(picture.keyframe);
        self.after_losses += u64::from(picture.lost_before);
        if picture.keyframe {
            self.size = Size::of(picture.codec, &picture.data).or(self.size);
        }
    }

    fn body(self) -> Value {
        json!({
            "frames": self.frames, "keyframes": self.keyframes, "afterLosses": self.after_losses,
            "size": self.size.map(|size| size.to_string()),
        })
    }
}

impl Recording {
    fn write(&mut self, track: Track, frame: Frame) -> anyhow::Result<Recorded> {
        let now = Instant::now();
        let recorded = self.recorder.record(now, track, frame)?;
        if recorded == Recorded::Kept {
            match track.kind {
                MediaKind::Audio => self.sounds += 1,
                MediaKind::Video => self.pictures += 1,
            }
        }
        self.file.extend(self.recorder.take(now)?);
        Ok(recorded)
    }
}

fn name(track: Track) -> String {
    format!("{}{}", track.kind.name(), track.number)
}

/// Test pictures of a size, or the pictures of a file.
fn clip(what: &str) -> anyhow::Result<Clip> {
    let sides = what.split_once('x').and_then(|(width, height)| {
        Some(Size { width: width.parse().ok()?, height: height.parse().ok()? })
    });
    let Some(size) = sides else { return meeting::clip(Path::new(what)) };
    let ticks = u64::from(VideoCodec::CLOCK_RATE) / RATE;
    let picture = |number: u32| pattern::frame(size, number, u64::from(number) * ticks);
    Ok(Clip::new((0..PICTURES).map(picture).collect::<Result<Vec<_>, _>>()?)?)
}
