//! The demo of the second service: an agent of a Ribbon WebRTC Gateway, on loopback.

use std::cell::Cell;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use offhook::Seed;
use offhook::audio::{RATE, Side, compare};
use offhook::machine::MediaId;
use offhook::media::Digit;
use offhook::net::NetOptions;
use offhook::ribbon::{
    self, AnswerOptions, CallId, CallState, Config, Credentials, Event, HoldState, MakeOptions,
    MediaConnectionState, Phone as _,
};
use offhook_runtime::Sockets;
use offhook_runtime::ribbon::{Client, Events};
use offhook_sim::ladder::State;
use offhook_sim::serve::Emulator;
use serde_json::{Value, json};

use super::desk::Desk;
use super::{CallReport, Outcome, Plan, Report, Screen, both_speak, keys_heard};
use crate::voice::Ear;

/// The agent's desk.
type Ada<'a, R> = Desk<'a, R, ribbon::Client>;

/// Plays the whole demo: a call with speech both ways, music on hold, keys and a transfer; and two calls of
/// the agent's own that are connected with each other.
///
/// # Errors
///
/// Something did not happen in time, or not as it should.
pub async fn play<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    screen: &Screen,
) -> anyhow::Result<Outcome> {
    let (credentials, phone, events) = hire::<R>(emulator, plan.seed)?;
    let user = credentials.username().to_string();
    let mut desk = Desk::new("An agent of the gateway's", phone, events, screen);

    screen.act("Ada logs in");
    let began = Instant::now();
    desk.phone.set_credentials(credentials).await?;
    desk.phone.subscribe(["call"]).await?;
    desk.mark("subscribed", State::Idle);
    let login = began.elapsed();

    let (inbound, heard_by_agent, heard_by_customer) =
        inbound(emulator, plan, &user, &mut desk, screen).await?;
    let outbound = consulted(emulator, plan, &mut desk, screen).await?;

    screen.act("Ada logs out");
    desk.phone.destroy().await?;
    desk.mark("logged out", State::Idle);
    desk.settle().await;
    ensure_tidy(emulator)?;

    let report = Report::new(login, vec![inbound, outbound], desk.into_ladder(), None);
    Ok(Outcome { report, heard_by_agent, heard_by_customer })
}

/// A user of the gateway's, and a phone for them.
fn hire<R: Sockets>(
    emulator: &Emulator,
    seed: u64,
) -> anyhow::Result<(Credentials, Client<R>, Events)> {
    let user = control(emulator, "POST", "users", &json!({"displayName": "Ada"}))?;
    let text = |key: &str| user[key].as_str().context("a user without an address or a password");
    let mut config = Config::at(text("restUrl")?, text("wsUrl")?)?;
    config.trace.on = true;
    config.trace.bodies = true;
    config.stats_period = Some(Duration::from_secs(1));
    let net = NetOptions::default().loopback(true);
    let (phone, events) = Client::<R>::builder(config).net(net).seed(Seed::from(seed)).build()?;
    Ok((Credentials::password(text("user")?, text("password")?.to_owned()), phone, events))
}

fn control(emulator: &Emulator, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
    let answer = emulator.control(method, &format!("ribbon/{path}"), body);
    answer.with_context(|| format!("the gateway does not do {method} {path}"))
}

/// Checks that nothing that the phone did surprised the gateway.
fn ensure_tidy(emulator: &Emulator) -> anyhow::Result<()> {
    for odd in ["bad-request", "unhandled-rest", "bad-frame"] {
        let told = emulator.control("GET", &format!("events?type={odd}"), &Value::Null);
        let told = told.context("no events")?;
        ensure!(told["events"].as_array().is_none_or(Vec::is_empty), "{odd}: {told}");
    }
    Ok(())
}

async fn inbound<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    user: &str,
    desk: &mut Ada<'_, R>,
    screen: &Screen,
) -> anyhow::Result<(CallReport, Vec<i16>, Vec<i16>)> {
    let mut report = CallReport::new("inbound", "gateway");
    screen.act("A customer calls");
    let rang = Instant::now();
    let from = json!({"name": "Grace", "address": "grace@far.test"});
    let body = json!({"to": user, "from": from, "farEnd": "external"});
    let theirs = control(emulator, "POST", "calls", &body)?;
    let theirs = theirs["id"].as_str().context("no call")?.to_owned();
    let far = emulator.far_end(&theirs).context("no far end")?;
    let (speak, mut heard) = (far.speak, far.heard);
    let act = |what: &str, body: Value| {
        control(emulator, "POST", &format!("calls/{theirs}/{what}"), &body)
    };
    let call = desk
        .wait("the call rings", |event| match event {
            Event::CallState { call, .. } if call.state == CallState::Ringing => {
                Some(call.id.clone())
            }
            _ => None,
        })
        .await?;
    desk.mark("ringing", State::Ringing);
    report.step("rings", rang.elapsed());

    screen.act("Ada answers");
    let answered = Instant::now();
    desk.phone.answer(call.clone(), AnswerOptions::default()).await?;
    report.step("answered", answered.elapsed());
    desk.mark("answered", State::Connecting);
    let media = talking(desk, &call).await?;
    desk.mark("media connected", State::Talking);
    report.step("media connected", answered.elapsed());
    let audio = desk.phone.audio(media);
    let (listens, agents_ear) = (answered.elapsed(), audio.record());
    let mut agent = audio.sink.pcm(RATE)?;
    let customers_ear = Ear::listen(move || heard.blocking_recv());

    screen.act("Both speak");
    both_speak(plan, &mut agent, &speak, desk, screen).await?;
    let first = agents_ear.tape().starts(Side::Heard).context("the agent heard nothing")?;
    report.step("first audio", listens + first);
    let heard_by_agent = agents_ear.pcm(Side::Heard, RATE)?;

    screen.act("Ada puts the customer on hold");
    desk.phone.hold(call.clone()).await?;
    wait_for_hold(desk, &call, HoldState::LocalHold).await?;
    desk.mark("on hold", State::Held);
    desk.linger(Duration::from_millis(300)).await;
    desk.phone.unhold(call.clone()).await?;
    wait_for_hold(desk, &call, HoldState::Connected).await?;
    desk.mark("back", State::Talking);

    screen.act("The customer puts Ada on hold, with music");
    act("hold", json!({}))?;
    wait_for_hold(desk, &call, HoldState::RemoteHold).await?;
    desk.mark("held by the customer", State::Held);
    act("far-end", json!({"mode": "prompt"}))?;
    let before = agents_ear.tape().frames(Side::Heard);
    act("music", json!({"on": true}))?;
    let heard = || agents_ear.tape().frames(Side::Heard) - before;
    desk.until("the agent hears music", || Ok(heard() > 20)).await?;
    desk.mark("music", State::Held);
    act("music", json!({"on": false}))?;
    desk.linger(Duration::from_millis(200)).await;
    act("unhold", json!({}))?;
    wait_for_hold(desk, &call, HoldState::Connected).await?;
    desk.mark("talking again", State::Talking);
    let far = emulator.far_end(&theirs).context("no far end")?;

    screen.act("Ada presses 1 2 3 #");
    let keys: Vec<_> = "123#".chars().map(Digit::try_from).collect::<Result<_, _>>()?;
    desk.phone.send_dtmf(call.clone(), keys, Duration::from_millis(100)).await?;
    desk.until("the far end hears the keys", || Ok(keys_heard(emulator)? == "123#")).await?;
    desk.mark("keys heard", State::Talking);
    report.take_stats(Some(desk.phone.get_stats(call.clone()).await?.media));

    screen.act("Ada sends the customer on to Carol");
    let carol = json!({"address": "carol@far.test", "script": "answer", "farEnd": "echo"});
    control(emulator, "POST", "parties", &carol)?;
    desk.phone.hold(call.clone()).await?;
    desk.mark("on hold", State::Held);
    let sent = Instant::now();
    desk.phone.direct_transfer(call.clone(), "carol@far.test").await?;
    report.step("transferred", sent.elapsed());
    desk.mark("transferred", State::Idle);
    drop((agent, speak, far, emulator.far_end(&theirs)));
    let heard_by_customer = customers_ear.finish()?;
    report.compare("customer heard by agent", compare::similarity(&plan.customer, &heard_by_agent));
    report.compare("agent heard by customer", compare::similarity(&plan.agent, &heard_by_customer));
    Ok((report, heard_by_agent, heard_by_customer))
}

/// Two calls of Ada's, which she connects with each other.
async fn consulted<R: Sockets>(
    emulator: &Emulator,
    plan: &Plan,
    desk: &mut Ada<'_, R>,
    screen: &Screen,
) -> anyhow::Result<CallReport> {
    let mut report = CallReport::new("consulted", "gateway");
    let mut calls = Vec::new();
    for (name, step) in [("dave@far.test", "dave answers"), ("erin@far.test", "erin answers")] {
        let party = json!({"address": name, "script": "answer", "farEnd": "prompt"});
        control(emulator, "POST", "parties", &party)?;
        screen.act(&format!("Ada calls {name}"));
        let dialled = Instant::now();
        let call = desk.phone.make(name, MakeOptions::default()).await?;
        desk.mark("dialled", State::Ringing);
        let media = talking(desk, &call).await?;
        let audio = desk.phone.audio(media);
        let ear = audio.record();
        let mut agent = audio.sink.pcm(RATE)?;
        report.step(step, dialled.elapsed());
        desk.mark("talking", State::Talking);
        let hello = &plan.agent[..plan.agent.len().min(RATE as usize)];
        desk.during(agent.write(hello)).await?;
        ensure!(ear.tape().frames(Side::Heard) > 10, "{name} is not heard");
        report.take_stats(Some(desk.phone.get_stats(call.clone()).await?.media));
        desk.phone.hold(call.clone()).await?;
        desk.mark("on hold", State::Held);
        calls.push(call);
    }
    screen.act("Ada connects the two");
    let [first, second] = calls.try_into().map_err(|_| anyhow::anyhow!("two calls"))?;
    let asked = Instant::now();
    desk.phone.consultative_transfer(first, second).await?;
    report.step("connected with each other", asked.elapsed());
    desk.mark("connected with each other", State::Idle);
    Ok(report)
}

/// Waits until a call is up and so is its media, which come in either order: the name of its media.
async fn talking<R: Sockets>(desk: &mut Ada<'_, R>, id: &CallId) -> anyhow::Result<MediaId> {
    let (up, media) = (Cell::new(false), Cell::new(None));
    desk.wait("the call is up", |event| {
        match event {
            Event::CallState { call, .. } if call.id == *id => {
                up.set(up.get() || call.state == CallState::Connected);
            }
            Event::MediaConnection { call, media: Some(name), state, .. } if call == id => {
                media.set((*state == MediaConnectionState::Connected).then_some(*name));
            }
            _ => {}
        }
        media.get().filter(|_| up.get())
    })
    .await
}

async fn wait_for_hold<R: Sockets>(
    desk: &mut Ada<'_, R>,
    id: &CallId,
    hold: HoldState,
) -> anyhow::Result<()> {
    desk.wait("the hold is told", |event| match event {
        Event::CallState { call, .. } => (call.id == *id && call.hold == hold).then_some(()),
        _ => None,
    })
    .await
}
