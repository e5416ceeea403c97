//! A meeting that is joined, shown a clip, and recorded: the heart of `record` and `present`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::stream::{LocalBoxStream, SelectAll, StreamExt as _, unfold};
use offhook::genesys::{ConversationId, Event, Phone as _, RoomMedia, SessionId};
use offhook::machine::{MediaKind, TrackId};
use offhook::media::{Frame, MediaState, Track, VideoCodec, VideoFrame};
use offhook::video::{Clip, Player, Recorded, Recorder, Size, VideoError, pattern};
use offhook_runtime::genesys::Client;
use offhook_runtime::{FrameSender, Sockets};

/// The address of a room in the emulator.
pub const ROOM: &str = "adhoc-lab1@conference.lab-org.orgspan.lab.test";
/// The longest wait for the meeting.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time between two looks at whether a picture of ours is due.
const LOOK: Duration = Duration::from_millis(20);
/// The time between two pictures of a file that does not say.
const INTERVAL: Duration = Duration::from_millis(40);

/// A recording that was made.
#[derive(Debug)]
pub struct Recording {
    /// The conversation, which goes on.
    pub conversation: ConversationId,
    /// The pictures of others in it.
    pub pictures: u64,
    /// The packets of sound in it.
    pub sounds: u64,
    /// Our pictures that the meeting was sent.
    pub shown: u32,
}

/// A screen that was shown.
#[derive(Debug)]
pub struct Shown {
    /// The conversation, which goes on.
    pub conversation: ConversationId,
    /// The pictures that the meeting was sent.
    pub pictures: u32,
    /// The times that somebody wanted a key frame.
    pub keyframes_wanted: u32,
}

/// A source of pictures, played in time.
pub trait Source {
    /// The next picture, if it is due.
    fn poll(&mut self, now: Instant) -> Option<VideoFrame>;

    /// Goes on with a picture that needs no other: somebody cannot show what comes without one.
    fn want_keyframe(&mut self, now: Instant);
}

impl Source for Player {
    fn poll(&mut self, now: Instant) -> Option<VideoFrame> {
        Self::poll(self, now)
    }

    fn want_keyframe(&mut self, now: Instant) {
        Self::want_keyframe(self, now);
    }
}

/// Something that happens while it records.
enum Step {
    News(Event),
    Frame(Track, Frame),
    /// It is time to look at what is due.
    Look,
}

/// Two seconds of numbered test pictures, ten in a second.
///
/// # Errors
///
/// None that can be.
pub fn test_pictures() -> Result<Clip, VideoError> {
    let size = Size { width: 320, height: 192 };
    let ticks = u64::from(VideoCodec::CLOCK_RATE / 10);
    let picture = |number: u32| pattern::frame(size, number, u64::from(number) * ticks);
    Clip::new((0..20).map(picture).collect::<Result<Vec<_>, _>>()?)
}

/// The pictures of a file: WebM, Matroska, IVF, or an H.264 byte stream, by its name.
///
/// # Errors
///
/// It cannot be read, or has no pictures that it knows.
pub fn clip(path: &Path) -> anyhow::Result<Clip> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(match path.extension().and_then(|extension| extension.to_str()) {
        Some("webm" | "mkv") => Clip::from_webm(file)?,
        Some("ivf") => Clip::from_ivf(file)?,
        Some("h264" | "264") => Clip::from_annex_b(file, INTERVAL)?,
        Some(_) | None => anyhow::bail!("{}: neither WebM, IVF nor H.264", path.display()),
    })
}

/// Joins a meeting, shows a clip there over and over, and writes what is seen and heard to a WebM file.
///
/// # Errors
///
/// The meeting was not joined, or the file cannot be written.
pub async fn record<R: Sockets>(
    phone: &Client<R>,
    room: &str,
    show: Clip,
    lasts: Duration,
    file: &mut impl Write,
) -> anyhow::Result<Recording> {
    // Tracks are told as soon as the meeting offers them.
    let (mut steps, mut joined) = (SelectAll::<LocalBoxStream<'_, Step>>::new(), phone.events());
    steps.push(phone.events().map(Step::News).boxed_local());
    let conversation = phone.start_video_conference(room, None).await?;
    let started = |event| match event {
        Event::SessionStarted(session) if session.conversation == conversation => Some(session),
        _ => None,
    };
    let session = joined.wait(PATIENCE, started).await.context("the meeting offers nothing")?;
    phone.accept_room(conversation.clone(), RoomMedia::Both).await?;
    steps.push(ticks::<R>());
    let ends = Instant::now() + lasts;
    let mut recorder = Recorder::new(Instant::now());
    let mut recording = Recording { conversation, pictures: 0, sounds: 0, shown: 0 };
    let mut camera: Option<FrameSender> = None;
    let mut player = Player::new(show, Instant::now());
    while Instant::now() < ends {
        match steps.next().await.context("the phone is gone")? {
            Step::News(Event::KeyframeWanted { session: of, .. }) if of == session.id => {
                player.want_keyframe(Instant::now());
            }
            Step::News(event) => match of_session(event, &session.id)? {
                Some((id, true)) => {
                    recorder.announce(id.track, id.track.kind);
                    let frames = phone.track(id);
                    if id.track == Track::video(0) {
                        camera = Some(frames.sink);
                    }
                    let frames = frames.stream.map(move |frame| Step::Frame(id.track, frame));
                    steps.push(frames.boxed_local());
                }
                Some((id, false)) => recorder.gone(&id.track),
                None => {}
            },
            Step::Frame(track, frame) => {
                let counts = match track.kind {
                    MediaKind::Audio => &mut recording.sounds,
                    MediaKind::Video => &mut recording.pictures,
                };
                match recorder.record(Instant::now(), track, frame)? {
                    Recorded::Kept => *counts += 1,
                    Recorded::NoKeyframe => {
                        let id = TrackId { media: session.media, track };
                        phone.request_keyframe(id).await?;
                    }
                    // Another file would have it.
                    Recorded::NewFile
                    | Recorded::OtherEncoding
                    | Recorded::OtherCodec
                    | Recorded::Full => {}
                }
            }
            Step::Look => {
                if let Some(camera) = &mut camera {
                    while let Some(picture) = player.poll(Instant::now()) {
                        camera.send(picture.into()).await?;
                        recording.shown += 1;
                    }
                }
                file.write_all(&recorder.take(Instant::now())?)?;
            }
        }
    }
    file.write_all(&recorder.finish()?)?;
    Ok(recording)
}

/// Joins a meeting and shows it a screen, of which it says so. Nothing is looked at or heard.
///
/// # Errors
///
/// The meeting was not joined.
pub async fn present<R: Sockets>(
    phone: &Client<R>,
    room: &str,
    show: &mut (impl Source + ?Sized),
    lasts: Duration,
) -> anyhow::Result<Shown> {
    let (mut events, mut joined) = (phone.events(), phone.events());
    let conversation = phone.start_video_conference(room, None).await?;
    let started = |event| match event {
        Event::SessionStarted(session) if session.conversation == conversation => Some(session),
        _ => None,
    };
    let session = joined.wait(PATIENCE, started).await.context("the meeting offers nothing")?;
    phone.accept_room(conversation.clone(), RoomMedia::Video).await?;
    let track = TrackId { media: session.media, track: Track::video(0) };
    let is_connected = |event| match event {
        Event::MediaState { session: of, state, .. } if of == session.id => {
            (state == MediaState::Connected).then_some(())
        }
        _ => None,
    };
    joined.wait(PATIENCE, is_connected).await.context("media does not connect")?;
    drop(joined);
    phone.start_screen_share(conversation.clone()).await?;
    let mut sink = phone.track(track).sink;
    let mut shown = Shown { conversation, pictures: 0, keyframes_wanted: 0 };
    let ends = Instant::now() + lasts;
    show.want_keyframe(Instant::now());
    while Instant::now() < ends {
        while let Some(event) = events.next().now_or_never() {
            match event.context("the phone is gone")? {
                Event::KeyframeWanted { track: of, .. } if of == track => {
                    shown.keyframes_wanted += 1;
                    show.want_keyframe(Instant::now());
                }
                event => {
                    of_session(event, &session.id)?;
                }
            }
        }
        while let Some(picture) = show.poll(Instant::now()) {
            sink.send(picture.into()).await?;
            shown.pictures += 1;
        }
        R::sleep(LOOK).await;
    }
    phone.stop_screen_share(shown.conversation.clone()).await?;
    Ok(shown)
}

/// A track of the session's that is there, or gone.
fn of_session(event: Event, session: &SessionId) -> anyhow::Result<Option<(TrackId, bool)>> {
    Ok(match event {
        Event::TrackAdded { session: of, track, .. } if of == *session => Some((track, true)),
        Event::TrackRemoved { session: of, track, .. } if of == *session => Some((track, false)),
        Event::SessionEnded { session: of, reason } if of.id == *session => {
            anyhow::bail!("the meeting is over: {reason:?}")
        }
        _ => None,
    })
}

fn ticks<R: Sockets>() -> LocalBoxStream<'static, Step> {
    let ticks = unfold((), |()| async {
        R::sleep(LOOK).await;
        Some((Step::Look, ()))
    });
    ticks.boxed_local()
}
