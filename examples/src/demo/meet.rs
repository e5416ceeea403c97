//! A meeting: pictures and sound both ways, a mute, somebody who comes late, a pin, a screen, and the end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use offhook::audio::{RATE, Side, compare};
use offhook::genesys::{ConversationId, Event, Phone as _, RoomMedia, RoomParticipant, Session};
use offhook::machine::TrackId;
use offhook::media::{Frame, MediaState, Track};
use offhook::video::Size;
use offhook_runtime::{AudioSender, Recording, Sockets};
use offhook_sim::ladder::State;
use offhook_sim::serve::Emulator;
use serde_json::{Value, json};

use super::act::{ensure_tidy, has_last, line, member, room};
use super::camera::{Camera, Lens};
use super::desk::Desk;
use super::eyes::Eyes;
use super::{Act, Checks, Plan, Screen, hire};
use crate::meeting::ROOM;

/// The sizes of what is shown.
const CAMERA: Size = Size { width: 640, height: 360 };
const SCREEN: Size = Size { width: 1920, height: 1080 };
/// The time for which somebody looks whether nothing comes.
const LOOK: Duration = Duration::from_millis(600);

type Phone<'a, R> = Desk<'a, R, offhook::genesys::Client>;

/// Somebody in the meeting.
struct Guest {
    session: Session,
    camera: Camera,
    eyes: Eyes,
    ear: Recording,
    voice: AudioSender,
}

impl Guest {
    fn conversation(&self) -> ConversationId {
        self.session.conversation.clone()
    }
}

/// Plays a meeting of two agents, one of whom comes late.
///
/// # Errors
///
/// Something did not happen in time.
pub async fn play<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    screen: &Screen,
) -> anyhow::Result<Act> {
    let mut checks = Checks::default();
    let (ada, phone, events) = hire::<R>(emulator, plan.seed, &json!({"name": "Ada"}))?;
    let mut adas = Desk::new("A meeting", phone, events, screen);
    adas.phones(&["Ada", "Lin"]);
    screen.act("Ada logs in");
    adas.phone.connect().await?;
    adas.mark("logged in", State::Idle);

    screen.act("Ada opens a meeting");
    let asked = Instant::now();
    let seat = sit(&mut adas).await?;
    adas.mark("pictures and sound go both ways", State::Talking);
    checks.add("opened", true, format_args!("in {} ms", asked.elapsed().as_millis()));
    let name = seat.conversation();
    let name = name.as_str();
    let of_ada = || line(emulator, name, &ada, 0);
    let arrived = || Ok(has_last(&of_ada()?, seat.camera.shown()));
    adas.linger(Duration::from_millis(1500)).await;

    key_frames(emulator, name, &seat, &mut adas, screen, &mut checks, &of_ada).await?;

    screen.act("Ada covers her camera and mutes it");
    seat.camera.set_lens(Lens::Covered);
    adas.until("all pictures arrive", arrived).await?;
    adas.phone.set_video_muted(seat.conversation(), true).await?;
    adas.until("the mute is known", || Ok(member(emulator, name, &ada)?["videoMuted"] == true))
        .await?;
    adas.mark("muted", State::Muted);
    let count = |line: Value| line["framesReceived"].as_u64().context("no count");
    let before = count(of_ada()?)?;
    adas.linger(LOOK).await;
    let came = count(of_ada()?)? - before;
    checks.add("pictures while muted", came == 0, came);
    adas.phone.set_video_muted(seat.conversation(), false).await?;
    seat.camera.set_lens(Lens::Open);
    adas.until("she is seen again", || Ok(count(of_ada()?)? > before + 3)).await?;
    adas.mark("seen again", State::Talking);

    screen.act("Lin comes late");
    let (lin, phone, events) =
        hire::<R>(emulator, plan.seed.wrapping_add(1), &json!({"name": "Lin"}))?;
    let mut lins = adas.another(1, phone, events);
    lins.phone.connect().await?;
    let late = sit(&mut lins).await?;
    lins.mark("in the meeting", State::Talking);
    let there = adas.wait("Ada is told of Lin", |event| told(event, &lin, |_| true)).await?;
    adas.mark("Lin is there", State::Talking);

    screen.act("Ada pins Lin, and nobody again");
    let pinned = Instant::now();
    adas.phone.pin_participant(seat.conversation(), Some(there.participant.clone())).await?;
    let at_service = member(emulator, name, &ada)?["pinned"].clone();
    checks.add("pinned at the service", at_service == there.participant.as_str(), "Lin");
    checks.soon("pin taken", pinned.elapsed());
    adas.phone.pin_participant(seat.conversation(), None).await?;
    adas.mark("pinned and let go", State::Talking);

    screen.act("Ada listens to the room");
    adas.linger(time_of(&plan.customer)).await;

    screen.act("Ada speaks, and the room says back what it hears");
    emulator.control("POST", "options", &json!({"farEnd": "echo"})).context("no options")?;
    let Guest { session, camera, eyes, ear, voice } = seat;
    let conversation = session.conversation.clone();
    let mut voice = voice.pcm(RATE)?;
    let words = plan.agent.clone();
    R::spawn(async move {
        // Whoever hears nothing of it says so.
        let _ = voice.write(&words).await;
        let _ = voice.finish().await;
    })?;

    screen.act("Ada shows her screen");
    let began = Instant::now();
    adas.phone.start_screen_share(conversation.clone()).await?;
    camera.resize(SCREEN);
    lins.wait("Lin is told", |event| told(event, &ada, |one| one.sharing_screen)).await?;
    checks.soon("shared screen told to Lin", began.elapsed());
    adas.mark("her screen is seen", State::Talking);
    adas.linger(time_of(&plan.agent) + Duration::from_millis(500)).await;
    let began = Instant::now();
    adas.phone.stop_screen_share(conversation.clone()).await?;
    camera.resize(CAMERA);
    lins.wait("Lin is told", |event| told(event, &ada, |one| !one.sharing_screen)).await?;
    checks.soon("its end told to Lin", began.elapsed());
    adas.mark("her camera again", State::Talking);

    screen.act("Lin leaves");
    late.camera.set_lens(Lens::Covered);
    let of_lin = || line(emulator, name, &lin, 0);
    let shown = late.camera.shown();
    lins.until("all pictures arrive", || Ok(has_last(&of_lin()?, shown))).await?;
    checks.pictures_out("Lin's pictures at the room", shown, &of_lin()?);
    checks.pictures_in("the room's pictures at Lin", late.eyes.seen(Track::video(0)));
    let left = Instant::now();
    lins.phone.end(late.conversation()).await?;
    lins.mark("left", State::Idle);
    adas.wait("Ada is told", |event| match event {
        Event::ParticipantsUpdate(update) => {
            update.removed.iter().any(|one| one.participant == there.participant).then_some(())
        }
        _ => None,
    })
    .await?;
    checks.soon("Lin's leaving told to Ada", left.elapsed());
    lins.phone.disconnect().await?;
    lins.mark("logged out", State::Idle);
    lins.settle().await;

    screen.act("Ada leaves");
    camera.set_lens(Lens::Covered);
    let shown = camera.shown();
    adas.until("all pictures arrive", || Ok(has_last(&of_ada()?, shown))).await?;
    checks.pictures_out("Ada's pictures at the room", shown, &of_ada()?);
    checks.pictures_in("the room's pictures at Ada", eyes.seen(Track::video(0)));
    adas.phone.end(conversation).await?;
    adas.mark("left", State::Idle);
    let state = member(emulator, name, &ada)?["sessionState"].clone();
    checks.add("Ada's session at the service", state == "ended", "ended");
    adas.phone.disconnect().await?;
    adas.mark("logged out", State::Idle);
    adas.settle().await;
    ensure_tidy(emulator)?;
    // It takes some time, which nobody is to wait for.
    let heard = ear.pcm(Side::Heard, RATE)?;
    checks.sound("the room heard by Ada", &plan.customer, &heard);
    checks.sound("Ada heard by the room, and back", &plan.agent, &heard);
    let film = eyes.finish()?;
    checks.film("meeting.webm", &film);
    drop(lins);
    let ladder = adas.into_ladder().finish(checks.figures());
    Ok(Act { checks, ladder, film: "meeting.webm", file: film.file })
}

/// Goes to the meeting with a camera and a microphone, and waits until all is there.
async fn sit<R: Sockets>(desk: &mut Phone<'_, R>) -> anyhow::Result<Guest> {
    let conversation = desk.phone.start_video_conference(ROOM, None).await?;
    let session = desk
        .wait("the room offers", |event| match event {
            Event::SessionStarted(session) if session.conversation == conversation => {
                Some(session.clone())
            }
            _ => None,
        })
        .await?;
    desk.mark("offered", State::Connecting);
    desk.phone.accept_room(conversation, RoomMedia::Both).await?;
    let (tracks, connected) = (RefCell::new(BTreeSet::new()), Cell::new(false));
    desk.wait("media connects", |event| {
        match event {
            Event::TrackAdded { session: of, track, .. } if *of == session.id => {
                tracks.borrow_mut().insert(track.track);
            }
            Event::MediaState { session: of, state: MediaState::Connected, .. }
                if *of == session.id =>
            {
                connected.set(true);
            }
            _ => {}
        }
        let there = tracks.borrow();
        let both = there.contains(&Track::AUDIO) && there.contains(&Track::video(0));
        (both && connected.get()).then_some(())
    })
    .await?;
    let eyes = Eyes::open();
    let audio = desk.phone.audio(session.media);
    let ear = audio.record();
    let pictures = desk.phone.track(TrackId { media: session.media, track: Track::video(0) });
    eyes.watch::<R>(Track::AUDIO, audio.stream.map(Frame::Audio))?;
    eyes.watch::<R>(Track::video(0), pictures.stream)?;
    let camera = Camera::start::<R>(pictures.sink, CAMERA)?;
    Ok(Guest { session, camera, eyes, ear, voice: audio.sink })
}

/// Each side asks the other for a picture that needs no other.
async fn key_frames<R: Sockets>(
    emulator: &Emulator,
    name: &str,
    seat: &Guest,
    desk: &mut Phone<'_, R>,
    screen: &Screen,
    checks: &mut Checks,
    of_ada: &impl Fn() -> anyhow::Result<Value>,
) -> anyhow::Result<()> {
    screen.act("Each side asks the other for a key frame");
    let asked = Instant::now();
    let track = TrackId { media: seat.session.media, track: Track::video(0) };
    desk.phone.request_keyframe(track).await?;
    let known = || Ok(of_ada()?["keyframesWanted"].as_u64().is_some_and(|asked| asked > 0));
    desk.until("the room is asked", known).await?;
    checks.soon("key frame asked of the room", asked.elapsed());
    let asked = Instant::now();
    room(emulator, "POST", &format!("{name}/keyframe"), &json!({}))?;
    desk.wait("Ada is asked", |event| {
        matches!(event, Event::KeyframeWanted { track: of, .. } if *of == track).then_some(())
    })
    .await?;
    checks.soon("key frame asked of Ada", asked.elapsed());
    seat.camera.show_now(R::now());
    desk.mark("key frames asked, both ways", State::Talking);
    Ok(())
}

/// Somebody of whom a word of the room's says that something is so.
fn told(
    event: &Event,
    user: &str,
    is_so: impl Fn(&RoomParticipant) -> bool,
) -> Option<RoomParticipant> {
    let Event::ParticipantsUpdate(update) = event else { return None };
    let is_it = |one: &&RoomParticipant| {
        one.user.as_ref().is_some_and(|id| id.as_str() == user) && is_so(one)
    };
    update.active.iter().find(is_it).cloned()
}

/// The time that speech takes.
fn time_of(speech: &[i16]) -> Duration {
    Duration::from_secs_f64(speech.len() as f64 / f64::from(RATE))
}

impl Checks {
    /// Speech that is heard as it was said.
    fn sound(&mut self, what: &str, said: &[i16], heard: &[i16]) {
        let similarity = compare::similarity(said, heard);
        let found = format!(
            "correlation {:.3}, longest gap {} ms",
            similarity.correlation,
            similarity.longest_gap.as_millis()
        );
        self.add(what, similarity.correlation >= super::report::MIN_CORRELATION, found);
    }
}
