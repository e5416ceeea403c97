//! The demo: a contact-centre call that really happens, on loopback.
//!
//! The scenario is written once, over any runtime; `bin/demo.rs` chooses one.

mod act;
mod camera;
mod checks;
mod desk;
mod eyes;
mod gateway;
mod line;
mod meet;
mod report;
mod screen;
mod screens;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use offhook::Seed;
use offhook::audio::{FRAME, RATE, Side, compare};
use offhook::genesys::{CallState, Config, Dial, Event, Phone as _};
use offhook::media::{AudioFrame, Digit, MediaState};
use offhook::net::NetOptions;
use offhook_runtime::genesys::{Client, Events};
use offhook_runtime::{PcmSender, Sockets};
use offhook_sim::ladder::State;
use offhook_sim::serve::{Emulator, EmulatorOptions};
use serde_json::json;
use tokio::sync::mpsc::Sender;

use crate::voice::{self, Ear};
pub use act::{Act, emulator as emulator_of_rooms};
pub use checks::Checks;
use desk::{Desk, Told};
pub use gateway::play as play_gateway;
pub use meet::play as play_meeting;
pub use report::{CallReport, Report};
pub use screen::Screen;
pub use screens::play as play_screens;

/// The signaling that a call speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Signaling {
    /// Jingle (XEP-0166).
    Jingle,
    /// SDP in JSON-RPC over XMPP.
    Sdp,
}

impl Signaling {
    fn name(self) -> &'static str {
        match self {
            Self::Jingle => "jingle",
            Self::Sdp => "sdp",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Jingle => Self::Sdp,
            Self::Sdp => Self::Jingle,
        }
    }
}

/// The settings of a demo.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The signaling of the inbound call; the outbound one uses the other.
    pub signaling: Signaling,
    /// The seed of all ids.
    pub seed: u64,
    /// The agent's speech, 48 kHz mono.
    pub agent: Vec<i16>,
    /// The customer's speech.
    pub customer: Vec<i16>,
}

impl Plan {
    /// The shipped recordings.
    ///
    /// # Errors
    ///
    /// A recording cannot be read.
    pub fn new(signaling: Signaling, seed: u64) -> anyhow::Result<Self> {
        let wav = |bytes: &[u8]| offhook::audio::wav::read(bytes);
        Ok(Self {
            signaling,
            seed,
            agent: wav(include_bytes!("../../data/agent.wav")).context("agent.wav")?,
            customer: wav(include_bytes!("../../data/customer.wav")).context("customer.wav")?,
        })
    }
}

impl Plan {
    /// Has nobody say more than that.
    pub fn shorten(&mut self, length: Duration) {
        let samples = (length.as_secs_f64() * f64::from(RATE)) as usize;
        self.agent.truncate(samples);
        self.customer.truncate(samples);
    }
}

/// The result of a demo.
#[derive(Debug)]
pub struct Outcome {
    /// Figures and the diagram.
    pub report: Report,
    /// The audio that the agent heard, 48 kHz mono.
    pub heard_by_agent: Vec<i16>,
    /// The audio that the customer heard.
    pub heard_by_customer: Vec<i16>,
}

/// Starts an emulator for a demo.
///
/// # Errors
///
/// No free port on loopback.
pub fn emulator(seed: u64) -> anyhow::Result<Emulator> {
    let options = EmulatorOptions { seed, ..EmulatorOptions::default() };
    Emulator::start(options).context("the emulator cannot start")
}

/// Plays the whole demo: an inbound call with speech both ways, an outbound one, and two on one
/// line.
///
/// # Errors
///
/// Something did not happen in time, or not as it should.
pub async fn play<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    screen: &Screen,
) -> anyhow::Result<Outcome> {
    let user = json!({"name": "Ada"});
    let (user, phone, events) = hire::<R>(emulator, plan.seed, &user)?;
    let mut desk = Desk::new("A day at offhook's contact centre", phone, events, screen);

    screen.act("Ada logs in");
    let began = Instant::now();
    desk.phone.connect().await?;
    desk.mark("logged in", State::Idle);
    let login = began.elapsed();

    let (inbound, heard_by_agent, heard_by_customer) =
        inbound(emulator, plan, &user, &mut desk, screen).await?;
    let outbound = outbound(emulator, plan, &mut desk, screen).await?;

    screen.act("Ada logs out");
    desk.phone.disconnect().await?;
    desk.mark("logged out", State::Idle);
    desk.settle().await;

    screen.act("Lin logs in, on a line that stays");
    let user = json!({"name": "Lin", "station": {"persistent": true}});
    let (user, phone, events) = hire::<R>(emulator, plan.seed.wrapping_add(1), &user)?;
    let mut lins = Desk::new("One line, two customers, a dropped network", phone, events, screen);
    lins.phone.connect().await?;
    lins.mark("logged in", State::Idle);
    let line = line::play(emulator, plan, &user, &mut lins, screen).await?;

    let calls = vec![inbound, outbound, line];
    let second = Some(lins.into_ladder());
    let report = Report::new(login, calls, desk.into_ladder(), second);
    Ok(Outcome { report, heard_by_agent, heard_by_customer })
}

/// A user of the emulator's, and a phone for them.
fn hire<R: Sockets>(
    emulator: &Emulator,
    seed: u64,
    user: &serde_json::Value,
) -> anyhow::Result<(String, Client<R>, Events)> {
    let user = emulator.control("POST", "users", user);
    let user = user.context("the emulator does not take the user")?;
    let text = |key: &str| user[key].as_str().context("a user without a token");
    let config = Config::agent("lab.test", text("token")?);
    let (phone, events) = client::<R>(emulator, seed, config)?;
    Ok((text("userId")?.to_owned(), phone, events))
}

/// A phone at the emulator, whoever it is of.
fn client<R: Sockets>(
    emulator: &Emulator,
    seed: u64,
    mut config: Config,
) -> anyhow::Result<(Client<R>, Events)> {
    config.api_host = Some(emulator.http_url());
    config.ws_host = Some(emulator.ws_url());
    config.trace = true;
    let net = NetOptions::default().loopback(true);
    Ok(Client::<R>::builder(config).net(net).seed(Seed::from(seed)).build()?)
}

async fn inbound<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    user: &str,
    desk: &mut Desk<'_, R, offhook::genesys::Client>,
    screen: &Screen,
) -> anyhow::Result<(CallReport, Vec<i16>, Vec<i16>)> {
    let mut report = CallReport::new("inbound", plan.signaling.name());
    screen.act("A customer calls");
    let rang = Instant::now();
    let call = json!({
        "kind": "inbound", "userId": user, "signaling": plan.signaling.name(),
        "farEnd": "external", "from": {"name": "Grace", "address": "tel:+15550100"},
    });
    let call = emulator.control("POST", "calls", &call).context("no call")?;
    let conversation = call["conversationId"].as_str().context("no conversation")?.to_owned();
    let far = emulator.far_end(&conversation).context("no far end")?;
    let (speak, mut heard) = (far.speak, far.heard);

    desk.wait("the call rings", |event| matches!(event, Event::PendingSession(_)).then_some(()))
        .await?;
    desk.mark("ringing", State::Ringing);
    report.step("rings", rang.elapsed());
    screen.act("Ada answers");
    let answered = Instant::now();
    let accept = desk.phone.accept_pending(conversation.as_str());
    accept.await?;
    let session = desk.wait("the session starts", |event| match event {
        Event::SessionStarted(session) => Some(session.clone()),
        _ => None,
    });
    let session = session.await?;
    desk.mark("session started", State::Connecting);
    report.step("session started", answered.elapsed());
    desk.wait("media connects", connected).await?;
    desk.mark("media connected", State::Talking);
    report.step("media connected", answered.elapsed());

    let audio = desk.phone.audio(session.media);
    let (listens, agents_ear) = (answered.elapsed(), audio.record());
    let mut agent = audio.sink.pcm(RATE)?;
    let customers_ear = Ear::listen(move || heard.blocking_recv());
    screen.act("Both speak");
    both_speak(plan, &mut agent, &speak, desk, screen).await?;
    let first = agents_ear.tape().starts(Side::Heard).context("the agent heard nothing")?;
    report.step("first audio", listens + first);

    screen.act("Ada mutes herself");
    desk.phone.set_muted(conversation.as_str(), true).await?;
    desk.wait("the mute is told", |event| flags(event, true, false)).await?;
    desk.mark("muted", State::Muted);
    desk.linger(Duration::from_millis(100)).await;
    let before = customers_ear.frames();
    agent.write(&[0; 25 * FRAME]).await?;
    desk.linger(Duration::from_millis(100)).await;
    ensure!(customers_ear.frames() == before, "the customer hears a muted agent");
    desk.phone.set_muted(conversation.as_str(), false).await?;
    desk.wait("the unmute is told", |event| flags(event, false, false)).await?;
    desk.mark("unmuted", State::Talking);

    screen.act("Ada puts the customer on hold");
    desk.phone.set_held(conversation.as_str(), true).await?;
    desk.wait("the hold is told", |event| flags(event, false, true)).await?;
    desk.mark("on hold", State::Held);
    desk.linger(Duration::from_millis(500)).await;
    desk.phone.set_held(conversation.as_str(), false).await?;
    desk.wait("the resume is told", |event| flags(event, false, false)).await?;
    desk.mark("back", State::Talking);

    screen.act("Ada presses 1 2 3 #");
    let keys: Vec<_> = "123#".chars().map(Digit::try_from).collect::<Result<_, _>>()?;
    desk.phone.send_dtmf(conversation.as_str(), keys, Duration::from_millis(100)).await?;
    desk.until("the far end hears the keys", || Ok(keys_heard(emulator)? == "123#")).await?;
    desk.mark("keys heard", State::Talking);

    screen.act("Ada hangs up");
    desk.phone.end(conversation.as_str()).await?;
    desk.mark("hung up", State::Idle);
    report.take_stats(desk.last_stats());
    // The emulator keeps the customer's ear until somebody else takes the far end.
    drop((agent, speak, emulator.far_end(&conversation)));
    let heard_by_agent = agents_ear.pcm(Side::Heard, RATE)?;
    let heard_by_customer = customers_ear.finish()?;
    report.compare("customer heard by agent", compare::similarity(&plan.customer, &heard_by_agent));
    report.compare("agent heard by customer", compare::similarity(&plan.agent, &heard_by_customer));
    Ok((report, heard_by_agent, heard_by_customer))
}

async fn outbound<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    desk: &mut Desk<'_, R, offhook::genesys::Client>,
    screen: &Screen,
) -> anyhow::Result<CallReport> {
    let signaling = plan.signaling.other();
    let mut report = CallReport::new("outbound", signaling.name());
    let options = json!({"outboundSignaling": signaling.name(), "farEnd": "prompt"});
    emulator.control("POST", "options", &options).context("no options")?;
    screen.act("Ada calls somebody");
    let dialled = Instant::now();
    let call = desk.phone.dial(Dial::number("+15550123")).await?;
    desk.mark("dialled", State::Ringing);
    report.step("dialled", dialled.elapsed());
    let session = desk.wait("the session starts", |event| match event {
        Event::SessionStarted(session) => Some(session.clone()),
        _ => None,
    });
    let session = session.await?;
    desk.mark("session started", State::Connecting);
    report.step("session started", dialled.elapsed());
    let audio = desk.phone.audio(session.media);
    let (listens, ear) = (dialled.elapsed(), audio.record());
    let mut agent = audio.sink.pcm(RATE)?;
    desk.wait("media connects", connected).await?;
    desk.mark("media connected", State::Talking);
    report.step("media connected", dialled.elapsed());
    desk.wait("the far end answers", |event| match event {
        Event::ConversationUpdate(update) => {
            let connected = |c: &offhook::genesys::Conversation| c.state == CallState::Connected;
            update.current.iter().any(connected).then_some(())
        }
        _ => None,
    })
    .await?;
    desk.mark("answered", State::Talking);
    screen.act("Ada introduces herself");
    let hello = &plan.agent[..plan.agent.len().min(2 * RATE as usize)];
    desk.during(agent.write(hello)).await?;
    let first = ear.tape().starts(Side::Heard).context("the agent heard nothing")?;
    report.step("first audio", listens + first);
    screen.act("The far end hangs up");
    let path = format!("calls/{}/hangup", call.conversation);
    emulator.control("POST", &path, &json!({})).context("no hang-up")?;
    desk.wait("the session ends", |event| {
        matches!(event, Event::SessionEnded { .. }).then_some(())
    })
    .await?;
    desk.mark("over", State::Idle);
    report.take_stats(desk.last_stats());
    Ok(report)
}

/// Lets both sides say what they have to say, at the same time.
async fn both_speak<R: Sockets, M: Told>(
    plan: &Plan,
    agent: &mut PcmSender,
    speak: &Sender<AudioFrame>,
    desk: &mut Desk<'_, R, M>,
    screen: &Screen,
) -> anyhow::Result<()> {
    let bar = screen.progress("speech", plan.agent.len().max(plan.customer.len()));
    let customer = {
        let (pcm, speak) = (plan.customer.clone(), speak.clone());
        std::thread::spawn(move || voice::say(&pcm, |frame| speak.blocking_send(frame).is_ok()))
    };
    let speech = async {
        for words in plan.agent.chunks(FRAME) {
            agent.write(words).await?;
            bar.inc(words.len() as u64);
        }
        agent.finish().await
    };
    desk.during(speech).await?;
    desk.wait_for_thread(&customer).await;
    bar.finish_and_clear();
    customer.join().map_err(|_| anyhow::anyhow!("the customer panicked"))??;
    desk.linger(Duration::from_millis(300)).await;
    Ok(())
}

/// The keys that far ends heard.
fn keys_heard(emulator: &Emulator) -> anyhow::Result<String> {
    let pressed = emulator.control("GET", "events?type=dtmf", &json!({})).context("no events")?;
    let pressed = pressed["events"].as_array().into_iter().flatten();
    Ok(pressed.filter_map(|event| event["digit"].as_str()).collect())
}

fn connected(event: &Event) -> Option<()> {
    matches!(event, Event::MediaState { state: MediaState::Connected, .. }).then_some(())
}

fn flags(event: &Event, muted: bool, held: bool) -> Option<()> {
    match event {
        Event::ConversationUpdate(update) => {
            update.current.iter().any(|c| c.muted == muted && c.held == held).then_some(())
        }
        _ => None,
    }
}

/// Writes what came of it: two WAV files, the diagram, its data, and the second act's diagram.
///
/// # Errors
///
/// A file cannot be written.
pub fn write(outcome: &Outcome, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut written = Vec::new();
    let mut path = |name: &str| {
        let path = folder.join(name);
        written.push(path.clone());
        path
    };
    for (name, pcm) in [
        ("heard-by-agent.wav", &outcome.heard_by_agent),
        ("heard-by-customer.wav", &outcome.heard_by_customer),
    ] {
        let file = std::fs::File::create(path(name))?;
        offhook::audio::wav::write(std::io::BufWriter::new(file), pcm)?;
    }
    let ladder = outcome.report.ladder();
    std::fs::write(path("call.html"), ladder.to_html())?;
    std::fs::write(path("call.json"), ladder.to_json())?;
    if let Some(line) = outcome.report.line() {
        std::fs::write(path("line.html"), line.to_html())?;
    }
    Ok(written)
}
