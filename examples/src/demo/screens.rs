//! Screens: an agent's are recorded, a supervisor watches them, and a guest with a code shows one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use offhook::genesys::{
    Config, ConversationId, Event, Phone as _, RoomMedia, Screen as Shown, Session, SessionType,
};
use offhook::machine::TrackId;
use offhook::media::{MediaState, Track};
use offhook::video::Size;
use offhook_runtime::Sockets;
use offhook_sim::ladder::State;
use offhook_sim::serve::Emulator;
use serde_json::{Value, json};

use super::act::{ensure_tidy, has_last, line, member, room};
use super::camera::{Camera, Lens};
use super::desk::Desk;
use super::eyes::Eyes;
use super::{Act, Checks, Plan, Screen, client};

/// The agent's screens, from left to right.
const SCREENS: [Size; 4] = [
    Size { width: 1920, height: 1080 },
    Size { width: 1280, height: 720 },
    Size { width: 1280, height: 1024 },
    Size { width: 640, height: 360 },
];
/// The screens of which somebody watches.
const WATCHED: usize = 2;
/// The time for which each is shown.
const LASTS: Duration = Duration::from_millis(2500);

type Phone<'a, R> = Desk<'a, R, offhook::genesys::Client>;

/// Plays a recording of four screens, monitoring by a second client, and a guest's share.
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
    let (ada, config) = user(emulator, "Ada")?;
    let (phone, events) = client::<R>(emulator, plan.seed, config)?;
    let mut adas = Desk::new("Screens", phone, events, screen);
    adas.phones(&["Ada", "Bob", "the guest"]);
    screen.act("Ada logs in");
    adas.phone.connect().await?;
    adas.mark("logged in", State::Idle);
    recorded(emulator, &ada, &mut adas, screen, &mut checks).await?;

    let (bob, config) = user(emulator, "Bob")?;
    let (phone, events) = client::<R>(emulator, plan.seed.wrapping_add(1), config)?;
    let mut bobs = adas.another(1, phone, events);
    bobs.phone.connect().await?;
    bobs.mark("logged in", State::Idle);
    let eyes = watched(emulator, (&ada, &bob), (&mut adas, &mut bobs), screen, &mut checks).await?;
    bobs.phone.disconnect().await?;
    adas.phone.disconnect().await?;
    bobs.settle().await;
    adas.settle().await;

    let invited = emulator.control("POST", "codes", &json!({})).context("no code")?;
    let text = |key: &str| invited[key].as_str().context("a code without an organization");
    let config = Config::guest("lab.test", text("organizationId")?, text("securityCode")?);
    let (phone, events) = client::<R>(emulator, plan.seed.wrapping_add(2), config)?;
    let mut guests = adas.another(2, phone, events);
    let (name, guest) = (text("roomId")?, text("guestUserId")?);
    shared(emulator, (name, guest), &mut guests, screen, &mut checks).await?;

    ensure_tidy(emulator)?;
    let film = eyes.finish()?;
    checks.film("observer.webm", &film);
    let ladder = adas.into_ladder().finish(checks.figures());
    Ok(Act { checks, ladder, film: "observer.webm", file: film.file })
}

/// A user who may have their screens recorded, and watch others'.
fn user(emulator: &Emulator, name: &str) -> anyhow::Result<(String, Config)> {
    let (user, token) = emulator.add_user(name, None).context("no user")?;
    let kinds = [SessionType::ScreenRecording, SessionType::LiveScreenMonitoring];
    Ok((user, Config::agent("lab.test", token).allowed_session_types(kinds)))
}

/// Ada's screens as she tells them, side by side.
fn screens(count: usize) -> RoomMedia {
    let mut left = 0;
    let one = |(n, size): (usize, &Size)| {
        let shown = Shown::new(format!("screen-{n}"), size.width, size.height);
        let shown = shown.origin_x(left).primary(n == 0);
        left += size.width as i32;
        shown
    };
    RoomMedia::Screens(SCREENS.iter().take(count).enumerate().map(one).collect())
}

async fn recorded<R: Sockets>(
    emulator: &Emulator,
    ada: &str,
    desk: &mut Phone<'_, R>,
    screen: &Screen,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    screen.act("The service wants to record Ada's screens");
    let wish = json!({"kind": "recording", "userId": ada, "screens": SCREENS.len()});
    let (name, conversation) = made(emulator, &wish)?;
    let kind = proposed(desk, &conversation).await?;
    checks.add("proposed as", kind == SessionType::ScreenRecording, format_args!("{kind:?}"));
    desk.phone.accept_pending(conversation.clone()).await?;
    let session = started(desk, &conversation).await?;
    desk.phone.accept_room(conversation.clone(), screens(SCREENS.len())).await?;
    let tracks = connected(desk, &session, SCREENS.len()).await?;
    let cameras = show(desk, &session, &tracks)?;
    desk.mark("her screens are recorded", State::Talking);
    desk.linger(LASTS).await;
    let refused = desk.phone.end(conversation).await.is_err();
    checks.add("recording that she cannot end herself", refused, "refused");
    arrived(emulator, (&name, ada), desk, &cameras, "recorded", checks).await?;

    let told = room(emulator, "GET", &name, &Value::Null)?["metadata"].clone();
    let posts = told.as_array().map_or(0, Vec::len);
    checks.add("posts of what the screens are", posts == 1, posts);
    let lines = told[0]["body"]["metaData"].as_array().into_iter().flatten();
    let mids: Vec<_> = lines.map(|line| line["trackId"].as_str().map(str::to_owned)).collect();
    let own: Vec<_> = tracks.values().cloned().collect();
    checks.add(
        "their sections",
        mids == own,
        own.iter().flatten().cloned().collect::<Vec<_>>().join(", "),
    );
    end(emulator, (&name, ada), desk, &session).await
}

/// Ada's screens are watched by Bob: what he saw.
async fn watched<R: Sockets>(
    emulator: &Emulator,
    (ada, bob): (&str, &str),
    (adas, bobs): (&mut Phone<'_, R>, &mut Phone<'_, R>),
    screen: &Screen,
    checks: &mut Checks,
) -> anyhow::Result<Eyes> {
    screen.act("Bob watches Ada's screens");
    let wish = json!({"kind": "monitor", "userId": ada, "fromUserId": ada, "screens": WATCHED});
    let (name, conversation) = made(emulator, &wish)?;
    // She is not asked (behaviour notes 9).
    let hers = started(adas, &conversation).await?;
    adas.phone.accept_room(conversation.clone(), screens(WATCHED)).await?;
    let tracks = connected(adas, &hers, WATCHED).await?;
    let cameras = show(adas, &hers, &tracks)?;
    adas.mark("her screens are watched", State::Talking);

    let wish = json!({"userId": bob, "fromUserId": ada, "observer": true, "screens": WATCHED});
    room(emulator, "POST", &format!("{name}/propose"), &wish)?;
    let kind = proposed(bobs, &conversation).await?;
    let is_it = kind == SessionType::LiveScreenMonitoring;
    checks.add("proposed to Bob as", is_it, format_args!("{kind:?}"));
    bobs.phone.accept_pending(conversation.clone()).await?;
    let his = started(bobs, &conversation).await?;
    bobs.phone.accept_room(conversation.clone(), RoomMedia::Nothing).await?;
    let (asked, eyes) = (Instant::now(), Eyes::open());
    let seen = connected(bobs, &his, WATCHED).await?;
    for track in seen.keys() {
        let frames = bobs.phone.track(TrackId { media: his.media, track: *track });
        eyes.watch::<R>(*track, frames.stream)?;
    }
    let sees = || Ok(seen.keys().all(|track| eyes.seen(*track).pictures > 0));
    bobs.until("Bob sees each screen", sees).await?;
    checks.soon("first pictures at Bob", asked.elapsed());
    bobs.mark("watches", State::Talking);
    bobs.linger(LASTS).await;
    for (n, track) in seen.keys().enumerate() {
        checks.pictures_in(&format!("screen {n} at Bob"), eyes.seen(*track));
    }
    bobs.phone.end(conversation).await?;
    bobs.mark("left", State::Idle);
    arrived(emulator, (&name, ada), adas, &cameras, "watched", checks).await?;
    end(emulator, (&name, ada), adas, &hers).await?;
    Ok(eyes)
}

/// A guest shows a screen by a code.
async fn shared<R: Sockets>(
    emulator: &Emulator,
    (name, guest): (&str, &str),
    desk: &mut Phone<'_, R>,
    screen: &Screen,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    screen.act("A guest comes by a code and shows a screen");
    desk.phone.connect().await?;
    desk.mark("let in", State::Idle);
    // It answers by itself.
    let share = desk.phone.start_guest_share();
    let session = desk
        .wait("the room offers", |event| match event {
            Event::SessionStarted(session) => Some(session.clone()),
            _ => None,
        })
        .await?;
    let tracks = connected(desk, &session, 1).await?;
    share.await?;
    let cameras = show(desk, &session, &tracks)?;
    desk.mark("the screen is seen", State::Talking);
    desk.linger(LASTS).await;
    arrived(emulator, (name, guest), desk, &cameras, "shared", checks).await?;
    desk.phone.end(session.conversation.clone()).await?;
    let state = member(emulator, name, guest)?["sessionState"].clone();
    checks.add("the guest's session at the service", state == "ended", "ended");
    desk.phone.disconnect().await?;
    desk.mark("gone", State::Idle);
    desk.settle().await;
    Ok(())
}

/// A room that the control API makes: its name and its conversation.
fn made(emulator: &Emulator, wish: &Value) -> anyhow::Result<(String, ConversationId)> {
    let made = emulator.control("POST", "rooms", wish).context("no room")?;
    let text = |key: &str| made[key].as_str().context("a room without a name");
    Ok((text("roomId")?.to_owned(), text("conversationId")?.into()))
}

/// Waits for a proposal: its kind.
async fn proposed<R: Sockets>(
    desk: &mut Phone<'_, R>,
    conversation: &ConversationId,
) -> anyhow::Result<SessionType> {
    let kind = desk.wait("it is proposed", |event| match event {
        Event::PendingSession(pending) => {
            (pending.conversation == *conversation).then_some(pending.session_type)
        }
        _ => None,
    });
    let kind = kind.await?;
    desk.mark("proposed", State::Ringing);
    Ok(kind)
}

async fn started<R: Sockets>(
    desk: &mut Phone<'_, R>,
    conversation: &ConversationId,
) -> anyhow::Result<Session> {
    let session = desk.wait("the room offers", |event| match event {
        Event::SessionStarted(session) => {
            (session.conversation == *conversation).then(|| session.clone())
        }
        _ => None,
    });
    let session = session.await?;
    desk.mark("offered", State::Connecting);
    Ok(session)
}

/// Waits until media is there: the tracks and their sections.
async fn connected<R: Sockets>(
    desk: &mut Phone<'_, R>,
    session: &Session,
    count: usize,
) -> anyhow::Result<BTreeMap<Track, Option<String>>> {
    let (tracks, up) = (RefCell::new(BTreeMap::new()), Cell::new(false));
    desk.wait("media connects", |event| {
        match event {
            Event::TrackAdded { session: of, track, info, .. } if *of == session.id => {
                tracks.borrow_mut().insert(track.track, info.mid.clone());
            }
            Event::MediaState { session: of, state: MediaState::Connected, .. } => {
                up.set(up.get() || *of == session.id);
            }
            _ => {}
        }
        (tracks.borrow().len() >= count && up.get()).then_some(())
    })
    .await?;
    Ok(tracks.into_inner())
}

/// Shows a screen on each track.
fn show<R: Sockets>(
    desk: &Phone<'_, R>,
    session: &Session,
    tracks: &BTreeMap<Track, Option<String>>,
) -> anyhow::Result<Vec<Camera>> {
    let one = |(track, size): (&Track, &Size)| {
        let frames = desk.phone.track(TrackId { media: session.media, track: *track });
        Camera::start::<R>(frames.sink, *size)
    };
    tracks.keys().zip(&SCREENS).map(one).collect()
}

/// Ends the show, and checks that each picture of each screen has come.
async fn arrived<R: Sockets>(
    emulator: &Emulator,
    (name, user): (&str, &str),
    desk: &mut Phone<'_, R>,
    cameras: &[Camera],
    what: &str,
    checks: &mut Checks,
) -> anyhow::Result<()> {
    for camera in cameras {
        camera.set_lens(Lens::Covered);
    }
    for (n, camera) in cameras.iter().enumerate() {
        let (shown, of) = (camera.shown(), || line(emulator, name, user, n));
        desk.until("all pictures arrive", || Ok(has_last(&of()?, shown))).await?;
        checks.pictures_out(&format!("screen {n}, {what}"), shown, &of()?);
    }
    Ok(())
}

/// The room ends a user's session.
async fn end<R: Sockets>(
    emulator: &Emulator,
    (name, user): (&str, &str),
    desk: &mut Phone<'_, R>,
    session: &Session,
) -> anyhow::Result<()> {
    room(emulator, "POST", &format!("{name}/end"), &json!({"userId": user}))?;
    desk.wait("the room ends it", |event| match event {
        Event::SessionEnded { session: of, .. } => (of.id == session.id).then_some(()),
        _ => None,
    })
    .await?;
    desk.mark("over", State::Idle);
    Ok(())
}
