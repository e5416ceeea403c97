//! A meeting that is joined and recorded, while the meeting sees test pictures of ours: the heart of `record`.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::stream::{LocalBoxStream, SelectAll, StreamExt as _, unfold};
use offhook::genesys::{ConversationId, Event, Phone as _, RoomMedia, SessionId};
use offhook::machine::{MediaKind, TrackId};
use offhook::media::{Frame, Track, VideoCodec};
use offhook::video::{Recorded, Recorder, Size, pattern};
use offhook_runtime::genesys::Client;
use offhook_runtime::{FrameSender, Sockets};

/// The address of a room in the emulator.
pub const ROOM: &str = "adhoc-lab1@conference.lab-org.orgspan.lab.test";
/// The longest wait for the meeting.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time between two pictures of ours.
const PICTURE: Duration = Duration::from_millis(100);
/// The size of our pictures.
const SIZE: Size = Size { width: 320, height: 192 };

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

/// Something that happens while it records.
enum Step {
    News(Event),
    Frame(Track, Frame),
    /// It is time for the next picture of ours.
    Picture,
}

/// Joins a meeting, and writes what is seen and heard there to a WebM file.
///
/// # Errors
///
/// The meeting was not joined, or the file cannot be written.
pub async fn record<R: Sockets>(
    phone: &Client<R>,
    room: &str,
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
    while Instant::now() < ends {
        match steps.next().await.context("the phone is gone")? {
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
                    Recorded::NewFile | Recorded::OtherCodec | Recorded::Full => {}
                }
            }
            Step::Picture => {
                if let Some(camera) = &mut camera {
                    let ticks = u64::from(VideoCodec::CLOCK_RATE / 10);
                    let time = u64::from(recording.shown) * ticks;
                    camera.send(pattern::frame(SIZE, recording.shown, time)?.into()).await?;
                    recording.shown += 1;
                }
                file.write_all(&recorder.take(Instant::now())?)?;
            }
        }
    }
    file.write_all(&recorder.finish()?)?;
    Ok(recording)
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
        R::sleep(PICTURE).await;
        Some((Step::Picture, ()))
    });
    ticks.boxed_local()
}
