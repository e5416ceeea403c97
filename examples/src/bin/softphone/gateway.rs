//! The softphone on a Ribbon WebRTC Gateway.

mod voices;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use console::style;
use futures_util::FutureExt as _;
use offhook::report::QualityMeter;
use offhook::ribbon::{
    Activity, AnswerOptions, CallDirection, CallId, CallInfo, CallState, ChangeReason, Config,
    Credentials, ErrorCode, Event, MakeOptions, MediaConnectionState, Phone as _, SocketState,
    Status, Trace, TrackId,
};
use offhook_runtime::Sockets;
use offhook_runtime::ribbon::{Client, Events};

use crate::ask::{Act, Ask};
use crate::away::Away;
use crate::news::{CallKey, Change, Network, News, Phase, Tell, Who};
use crate::phone::{Asking, Consult, Offers, PRESS, Phone, keys};
use crate::settings::Settings;
use crate::sound::Sound;

use self::voices::{Known, Stage, Turn};

/// The time from one attempt to subscribe again to the next: the first, and the longest.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// The time between two figures of a call.
const FIGURES: Duration = Duration::from_secs(5);

/// The phone and its calls.
pub(crate) struct Gateway<R> {
    phone: Client<R>,
    credentials: Credentials,
    sound: Sound,
    tell: Tell,
    calls: BTreeMap<CallId, Known>,
    ringing: BTreeSet<CallId>,
    /// True while the gateway tells of no calls, as it did not want to any more.
    is_lost: bool,
    away: Away,
}

impl<R: Sockets> Phone<R> for Gateway<R> {
    type Machine = offhook::ribbon::Client;

    const KEYS: &'static str = "\
  answer            answer the call that rings
  reject            decline it
  ignore            let it ring elsewhere
  forward ADDRESS   send it on
  hangup            end the call
  mute, unmute      send silence
  hold, unhold
  transfer ADDRESS  send a held call on
  dtmf 123#         press keys
  dial ADDRESS      call somebody
  presence [NAME]   show the presences that there are, or take one
  voicemail         count what is in the mailbox";

    const OFFERS: Offers = Offers {
        service: "Ribbon gateway",
        consult: Consult::TwoCalls,
        wrap_up: false,
        presences: &["active", "busy", "away", "lunch", "vacation", "on-the-phone", "idle"],
        meetings: false,
        shared_headset: false,
    };

    fn new(settings: &Settings, sound: Sound, tell: Tell) -> anyhow::Result<(Self, Events)> {
        let wanted = |value: &Option<String>, flag: &str| {
            value.clone().with_context(|| format!("{flag} is wanted"))
        };
        let (rest, socket) =
            (wanted(&settings.api_host, "--api-host")?, wanted(&settings.ws_host, "--ws-host")?);
        let user = wanted(&settings.user, "--user")?;
        let password =
            wanted(&settings.password, "--password, OFFHOOK_PASSWORD or a password_file")?;
        let config =
            Config::at(&rest, &socket)?.stats_period(FIGURES).trace(Trace::from(settings.trace));
        let (phone, events) = Client::<R>::builder(config).net(settings.net()).build()?;
        let credentials = Credentials::password(user.as_str(), password);
        Ok((
            Self {
                phone,
                credentials,
                sound,
                tell,
                calls: BTreeMap::new(),
                ringing: BTreeSet::new(),
                is_lost: false,
                away: Away::default(),
            },
            events,
        ))
    }

    async fn log_in(&self) -> anyhow::Result<()> {
        self.phone.set_credentials(self.credentials.clone()).await?;
        // The gateway may not have the others, which is no reason not to call.
        Ok(self.phone.subscribe(["call"]).await?)
    }

    async fn log_out(&mut self) -> anyhow::Result<()> {
        // One that only rings is left to the user's other phones: the end of the phone would end it.
        for call in &self.ringing {
            let _ = self.phone.ignore(call).await;
        }
        Ok(self.phone.destroy().await?)
    }

    fn told(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::CallState { call, transition, error, .. } => {
                if let Some(error) = error {
                    self.say(style(error.to_string()).red());
                }
                let why = transition.and_then(|reason| reason.text);
                self.is_now(call, why.as_deref())?;
            }
            Event::MediaConnection { call, state, .. } => {
                let sounds = sounds(state);
                if state == MediaConnectionState::Connected {
                    self.talks(&call);
                }
                self.change(&call, Change::Sound(sounds));
            }
            Event::MediaPath { call, path, .. } => self.change(&call, Change::Path(path)),
            Event::Stats(report) => {
                let Some(known) = self.calls.get_mut(&report.call) else { return Ok(()) };
                let meter = known.meter.get_or_insert_with(|| QualityMeter::new(&report.media));
                let quality = meter.sample(&report.media);
                self.change(&report.call, Change::Quality(quality));
            }
            Event::TracksMuted { tracks } => self.muted(&tracks, true),
            Event::TracksUnmuted { tracks } => self.muted(&tracks, false),
            Event::Dtmf { digit, .. } => self.say(format!("they pressed {}", digit.as_char())),
            Event::SubscriptionChanged { reason, .. } => match reason {
                ChangeReason::Pending | ChangeReason::Unsubscribed => {}
                ChangeReason::Subscribed => {
                    self.is_lost = false;
                    self.away.back();
                }
                ChangeReason::Gone | ChangeReason::LostConnection => {
                    self.subscribes_again(reason)?;
                }
                reason => self.sent_away(format!("the subscription is over: {reason}")),
            },
            // Else it is a service that the user has not, and not the user.
            Event::RequestRefused { error } if self.is_lost => self.sent_away(error.to_string()),
            Event::SocketChanged { state } => {
                self.say(format!("notifications: {state:?}"));
                let network = match state {
                    SocketState::Connected => Network::Up,
                    SocketState::NoSocket => Network::Lost("no notifications".to_owned()),
                    SocketState::Connecting => Network::Lost("connecting".to_owned()),
                    SocketState::Reconnecting { attempt } => {
                        Network::Lost(format!("trying again ({attempt})"))
                    }
                    other => Network::Lost(format!("{other:?}")),
                };
                (self.tell)(News::Network(network));
            }
            Event::VoicemailChanged(box_) => self.say(voicemail(&box_)),
            Event::Trace(record) => (self.tell)(News::Wire(record)),
            _ => {}
        }
        self.away.goes_on(!self.calls.is_empty())
    }

    fn ask(&mut self, ask: Ask) -> Asking {
        let (phone, tell) = (self.phone.clone(), self.tell.clone());
        let tracks = match &ask {
            Ask::Call(call, _) => self.calls.get(&CallId::from(call.as_str())),
            _ => None,
        };
        let tracks = tracks.map(|known| known.tracks.clone()).unwrap_or_default();
        // Each call has the microphone: whoever is not spoken to must not hear what is said.
        let others = match &ask {
            Ask::Call(call, Act::Answer | Act::Hold(false) | Act::Consult(_)) => {
                self.calls.keys().filter(|other| other.as_str() != call.as_str()).cloned().collect()
            }
            Ask::Dial(_) => self.calls.keys().cloned().collect(),
            _ => Vec::new(),
        };
        async move {
            for other in others {
                hold(&phone, &other).await.context("the other call cannot be held")?;
            }
            match ask {
                Ask::Call(call, act) => act_on(&phone, &call, tracks, act, &tell).await?,
                Ask::Dial(to) => {
                    dial(&phone, &to, &tell).await?;
                }
                Ask::Presence(activity) => {
                    let is = Activity::from(activity.as_str());
                    let status = match is {
                        Activity::Away | Activity::Vacation => Status::Closed,
                        _ => Status::Open,
                    };
                    phone.update_presence(status, is, None).await?;
                    tell(News::Presence(activity.clone()));
                    tell(News::Done(format!("you are {activity} now")));
                }
                Ask::Voicemail => {
                    let box_ = phone.fetch_voicemail().await?;
                    tell(News::Said(voicemail(&box_)));
                }
                Ask::Meet(_)
                | Ask::Presences
                | Ask::Headset(_)
                | Ask::Device(..)
                | Ask::Volume(_)
                | Ask::Voice(..)
                | Ask::Quit => {
                    bail!("this service has no such thing")
                }
            }
            Ok(())
        }
        .boxed_local()
    }
}

/// The state of a mailbox in words.
fn voicemail(of: &offhook::ribbon::Voicemail) -> String {
    format!("voicemail: {} not heard, {} in all", of.unheard_voice, of.total_voice)
}

/// True if sound flows.
fn sounds(state: MediaConnectionState) -> bool {
    matches!(state, MediaConnectionState::Connected | MediaConnectionState::Completed)
}

async fn dial<R: Sockets>(phone: &Client<R>, to: &str, tell: &Tell) -> anyhow::Result<CallKey> {
    let call = phone.make(to, MakeOptions::default()).await?;
    tell(News::Call(call.as_str().into(), Change::Phase(Phase::Dials)));
    tell(News::Call(call.as_str().into(), Change::Who(Who::of(to))));
    Ok(call.as_str().into())
}

/// Does something with a call.
async fn act_on<R: Sockets>(
    phone: &Client<R>,
    call: &CallKey,
    tracks: Vec<TrackId>,
    act: Act,
    tell: &Tell,
) -> anyhow::Result<()> {
    let call = CallId::from(call.as_str());
    match act {
        Act::Answer => phone.answer(&call, AnswerOptions::default()).await?,
        Act::Reject => phone.reject(&call).await?,
        Act::Ignore => phone.ignore(&call).await?,
        Act::Forward(to) => phone.forward(&call, to).await?,
        Act::End => phone.end(&call).await?,
        Act::Mute(true) => phone.mute_tracks(tracks).await?,
        Act::Mute(false) => phone.unmute_tracks(tracks).await?,
        Act::Hold(true) => phone.hold(&call).await?,
        Act::Hold(false) => phone.unhold(&call).await?,
        Act::Press(text) => phone.send_dtmf(&call, keys(&text)?, PRESS).await?,
        Act::Transfer(to) => {
            hold(phone, &call).await?;
            phone.direct_transfer(&call, to).await?;
        }
        Act::Consult(to) => {
            hold(phone, &call).await?;
            let asked = dial(phone, &to, tell).await?;
            tell(News::Call(asked, Change::About(call.as_str().into())));
        }
        Act::Connect(other) => {
            let other = CallId::from(other.as_str());
            hold(phone, &call).await?;
            hold(phone, &other).await?;
            phone.consultative_transfer(&call, &other).await?;
        }
        Act::Conference(other) => {
            let other = CallId::from(other.as_str());
            hold(phone, &call).await?;
            hold(phone, &other).await?;
            phone.join(&call, &other).await?;
        }
        Act::SpeakToThem(_) | Act::CancelConsult | Act::WrapUp(..) | Act::Film(_) | Act::See(_) => {
            bail!("this service has no such thing");
        }
    }
    Ok(())
}

/// Holds a call that is not held yet: what is to be connected with another has to be.
async fn hold<R: Sockets>(phone: &Client<R>, call: &CallId) -> anyhow::Result<()> {
    let is_up = phone.call(call).await?.is_some_and(|call| {
        matches!(call.state, CallState::Connected | CallState::OnHold) && !call.hold.local()
    });
    if is_up {
        phone.hold(call).await?;
    }
    Ok(())
}

impl<R: Sockets> Gateway<R> {
    fn say(&self, line: impl ToString) {
        (self.tell)(News::Said(line.to_string()));
    }

    fn change(&self, call: &CallId, change: Change) {
        (self.tell)(News::Call(call.as_str().into(), change));
    }

    /// Tracks are muted, or are no more.
    fn muted(&mut self, tracks: &[TrackId], muted: bool) {
        for (call, known) in &mut self.calls {
            if known.tracks.iter().any(|track| tracks.contains(track)) {
                known.muted = muted;
                (self.tell)(News::Call(call.as_str().into(), Change::Muted(muted)));
            }
        }
    }

    /// A call is up, and so is its media.
    fn talks(&self, call: &CallId) {
        self.say(style("talking").green().bold());
        self.change(call, Change::Words("talking".to_owned()));
    }

    /// Has a call be heard, from its early media on, if no other is spoken on.
    fn begins(&mut self, call: &CallInfo) -> anyhow::Result<()> {
        let stage = match call.state {
            CallState::EarlyMedia => Stage::Early,
            _ if call.hold.local() => Stage::Held,
            _ => Stage::Talks,
        };
        let waits = voices::changed(&mut self.calls, &call.id, stage);
        let known = self.calls.entry(call.id.clone()).or_default();
        if let Some(media) = call.media.filter(|_| !std::mem::replace(&mut known.heard, true)) {
            self.sound.begin::<R>(call.id.as_str(), None, self.phone.audio(media))?;
        }
        self.settle();
        if waits {
            self.holds(&call.id)?;
        }
        Ok(())
    }

    /// Subscribes again until that works: calls go on meanwhile.
    fn subscribes_again(&mut self, why: ChangeReason) -> anyhow::Result<()> {
        self.is_lost = true;
        self.say(format!("the subscription is over: {why}; trying again"));
        let (phone, tell) = (self.phone.clone(), Arc::clone(&self.tell));
        R::spawn(async move {
            let mut pause = AGAIN.0;
            while let Err(error) = phone.subscribe(["call"]).await {
                if error.code == ErrorCode::Closed {
                    return;
                }
                // Whoever is not let in does not become so by asking.
                if matches!(error.status(), Some(401 | 403)) {
                    return tell(News::Network(Network::Lost(error.to_string())));
                }
                tell(News::Network(Network::Lost(format!("trying again: {error}"))));
                R::sleep(pause).await;
                pause = (pause * 2).min(AGAIN.1);
            }
        })?;
        Ok(())
    }

    fn sent_away(&mut self, why: String) {
        self.away.sent(why, !self.calls.is_empty(), &self.tell);
    }

    /// Holds a call, as another is spoken on.
    fn holds(&self, call: &CallId) -> anyhow::Result<()> {
        self.say("it is put on hold: another call is spoken on");
        let (held, tell) = (self.phone.hold(call), Arc::clone(&self.tell));
        R::spawn(async move {
            if let Err(error) = held.await {
                let why = "it has no sound until the other is held, as it cannot be held itself";
                tell(News::Failed(format!("{why}: {error}")));
            }
        })?;
        Ok(())
    }

    /// Gives the devices to whoever is to have them.
    fn settle(&mut self) {
        for (call, turn) in voices::settle(&mut self.calls) {
            let key: CallKey = call.as_str().into();
            let muted = self.calls.get(&call).is_some_and(|known| known.muted);
            match turn {
                Turn::Takes => self.sound.carries(call.as_str(), key, muted),
                Turn::Leaves => self.sound.rests(&key),
            }
        }
    }

    /// Tells what there is to say about a call that is over, once that is known.
    fn report(&self, call: CallId) -> anyhow::Result<()> {
        let (reply, tell) = (self.phone.report(&call), Arc::clone(&self.tell));
        R::spawn(async move {
            // Nothing is said of one that is not remembered any more.
            if let Ok(Some(report)) = reply.await {
                let report = serde_json::to_value(&report).unwrap_or_default();
                let lines = crate::report::lines(&report);
                tell(News::Call(call.as_str().into(), Change::Report(lines)));
            }
        })?;
        Ok(())
    }

    /// Takes the state of a call.
    fn is_now(&mut self, call: CallInfo, why: Option<&str>) -> anyhow::Result<()> {
        let incoming = call.direction == CallDirection::Incoming;
        let number = call.remote.display_number.clone();
        let who = Who { name: call.remote.display_name.clone(), number, queue: None };
        match call.state {
            CallState::Ringing | CallState::Initiated if incoming => {
                self.ringing.insert(call.id.clone())
            }
            _ => self.ringing.remove(&call.id),
        };
        if call.state.is_final() {
            let why = why.unwrap_or("hung up");
            self.say(format!("over: {why}"));
            self.calls.remove(&call.id);
            self.settle();
            self.change(&call.id, Change::Over(why.to_owned()));
            return self.report(call.id);
        }
        match call.state {
            // It may be answered, too, where the caller was not told that it rings.
            CallState::Ringing | CallState::Initiated if incoming => {
                self.say(format!("{} from {}", style("ringing").yellow().bold(), name(&who)));
                self.change(&call.id, Change::Phase(Phase::Rings));
            }
            CallState::Connected => {
                self.calls
                    .entry(call.id.clone())
                    .or_default()
                    .tracks
                    .clone_from(&call.local_tracks);
                self.change(&call.id, Change::Phase(Phase::Up));
                if call.media_state == MediaConnectionState::Connected {
                    self.talks(&call.id);
                }
                self.begins(&call)?;
            }
            state => {
                let words = state.as_str().to_lowercase();
                self.say(&words);
                if state == CallState::OnHold {
                    self.change(&call.id, Change::Phase(Phase::Up));
                } else if !incoming {
                    self.calls.entry(call.id.clone()).or_default();
                    self.change(&call.id, Change::Phase(Phase::Dials));
                }
                self.change(&call.id, Change::Words(words));
                if matches!(state, CallState::EarlyMedia | CallState::OnHold) {
                    self.begins(&call)?;
                }
            }
        }
        if !who.is_nobody() {
            self.change(&call.id, Change::Who(who));
        }
        self.change(&call.id, Change::Sound(sounds(call.media_state)));
        self.change(&call.id, Change::Held(call.hold.local()));
        self.change(&call.id, Change::HeldByThem(call.hold.remote()));
        Ok(())
    }
}

fn name(who: &Who) -> &str {
    who.name.as_deref().or(who.number.as_deref()).unwrap_or("somebody")
}
