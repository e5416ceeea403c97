//! The softphone on Genesys Cloud.

mod meetings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use console::style;
use futures_util::FutureExt as _;
use offhook::genesys::{
    CallControl, CallState, Config, Conversation, ConversationId, Dial, ErrorKind, Event,
    HandledBy, HeadsetControls, Parties, Party, Phone as _, SessionType, SpeakTo, Target,
};
use offhook::media::MediaState;
use offhook::report::QualityMeter;
use offhook_runtime::Sockets;
use offhook_runtime::genesys::{Client, Events};
use smol::channel::Receiver;

use crate::ask::{Act, Ask};
use crate::meeting::Meeting;
use crate::news::{Change, Network, News, Owner, Phase, Tell, Who};
use crate::phone::{Asking, Consult, Offers, PRESS, Phone, keys};
use crate::settings::Settings;
use crate::sound::Sound;

/// The phone and its calls.
pub(crate) struct Cloud<R> {
    phone: Client<R>,
    sound: Sound,
    tell: Tell,
    /// The figures of calls that are up.
    meters: BTreeMap<ConversationId, QualityMeter>,
    /// The calls that several others are in.
    shared: BTreeSet<ConversationId>,
    /// The calls in which somebody talks.
    talks: BTreeSet<ConversationId>,
    /// The meetings that ring.
    proposed: BTreeSet<ConversationId>,
    meetings: BTreeMap<ConversationId, Meeting>,
    /// Calls and meetings that were left before they had begun.
    left: BTreeSet<ConversationId>,
    /// The folder of films.
    films: PathBuf,
    /// Those that are being written: each closes when it is.
    written: Vec<Receiver<()>>,
}

impl<R: Sockets> Phone<R> for Cloud<R> {
    type Machine = offhook::genesys::Client;

    const KEYS: &'static str = "\
  answer            answer the call that rings
  reject            decline it
  hangup            end the call
  mute, unmute      in the service: the far end does not hear you
  hold, unhold
  transfer TARGET   give it away: a number, queue:ID or user:ID
  dtmf 123#         press keys
  dial NUMBER       call somebody
  meet ROOM         join a meeting, by the address of its room or by its id
  people            show who is in it, who speaks and whose pictures come
  film, unfilm      write what is seen and heard there to a file, or no longer";

    const OFFERS: Offers = Offers {
        service: "Genesys Cloud",
        consult: Consult::Within,
        wrap_up: true,
        presences: &[],
        voicemail: false,
        meetings: true,
        shared_headset: true,
    };

    fn new(settings: &Settings, sound: Sound, tell: Tell) -> anyhow::Result<(Self, Events)> {
        let token =
            settings.token.clone().context("--token, OFFHOOK_TOKEN or a token_file is wanted")?;
        let mut config = Config::agent(settings.environment.clone(), token).trace(settings.trace);
        config.api_host.clone_from(&settings.api_host);
        config.ws_host.clone_from(&settings.ws_host);
        let (phone, events) = Client::<R>::builder(config).net(settings.net()).build()?;
        let cloud = Self {
            phone,
            sound,
            tell,
            meters: BTreeMap::new(),
            shared: BTreeSet::new(),
            talks: BTreeSet::new(),
            proposed: BTreeSet::new(),
            meetings: BTreeMap::new(),
            left: BTreeSet::new(),
            films: settings.films.clone(),
            written: Vec::new(),
        };
        Ok((cloud, events))
    }

    async fn log_in(&self) -> anyhow::Result<()> {
        Ok(self.phone.connect().await?)
    }

    async fn log_out(&mut self) -> anyhow::Result<()> {
        // Films end with their meetings.
        self.meetings.clear();
        for written in self.written.drain(..) {
            let _ = written.recv().await;
        }
        Ok(self.phone.disconnect().await?)
    }

    fn told(&mut self, event: Event) -> anyhow::Result<()> {
        match event {
            Event::PendingSession(call) if call.session_type == SessionType::CollaborateVideo => {
                // One that we began is joined by itself.
                if call.auto_answer {
                    return Ok(());
                }
                self.left.remove(&call.conversation);
                let from = call.from_user.as_ref().map_or(&*call.from, |user| user.as_str());
                let rings = style("ringing").yellow().bold();
                self.say(format!("{rings}: a meeting with {from}"));
                self.change(&call.conversation, Change::Phase(Phase::Rings));
                self.change(&call.conversation, Change::Meeting);
                self.change(&call.conversation, Change::Who(Who::of(from)));
                self.proposed.insert(call.conversation);
            }
            Event::PendingSession(call) if call.session_type == SessionType::Softphone => {
                let who = call.who();
                let from = who.remote_name.as_ref().or(who.remote_number.as_ref());
                let from = from.unwrap_or(&call.from);
                // One that answers itself is a call as soon as it is up.
                if !call.auto_answer {
                    self.say(format!("{} from {from}", style("ringing").yellow().bold()));
                    self.change(&call.conversation, Change::Phase(Phase::Rings));
                }
                self.change(&call.conversation, Change::Who(who_of(who)));
            }
            Event::CancelPendingSession { conversation, .. } => {
                self.proposed.remove(&conversation);
                self.over(&conversation, "the caller gave up");
            }
            Event::HandledPendingSession { conversation, by, .. } => {
                self.proposed.remove(&conversation);
                if by == HandledBy::Elsewhere {
                    self.over(&conversation, "handled by another client");
                }
            }
            Event::SessionStarted(session)
                if session.session_type == SessionType::CollaborateVideo =>
            {
                self.joins(session)?;
            }
            Event::SessionStarted(session) if session.session_type == SessionType::Softphone => {
                if self.is_left(&session.conversation) {
                    return Ok(());
                }
                self.change(&session.conversation, Change::Taken);
                let call = session.conversation.as_str().into();
                let audio = self.phone.audio(session.media);
                self.sound.begin::<R>(session.id.as_str(), call, audio)?;
            }
            Event::SessionReplaced { session, old } => {
                self.sound.moves(old.as_str(), session.id.as_str());
                if let Some(meeting) = self.meetings.values_mut().find(|one| one.session.id == old)
                {
                    meeting.replaced(session);
                }
            }
            Event::MediaState { conversation, state: MediaState::Connected, .. } => {
                self.say(style("talking").green().bold());
                self.change(&conversation, Change::Words("talking".to_owned()));
                self.change(&conversation, Change::Sound(true));
            }
            Event::CallConnected { call, .. } => self.change(&call.id, Change::Sound(true)),
            Event::SessionInterrupted(session) => {
                self.say("the line is bad");
                self.change(&session.conversation, Change::Sound(false));
            }
            Event::MediaPath { conversation, path, .. } => {
                self.change(&conversation, Change::Path(path));
            }
            Event::Stats {
                conversation,
                session_type: SessionType::Softphone | SessionType::CollaborateVideo,
                stats,
                ..
            } => {
                let meter = self.meters.entry(conversation.clone());
                let meter = meter.or_insert_with(|| QualityMeter::new(&stats));
                let quality = meter.sample(&stats);
                self.change(&conversation, Change::Quality(quality));
            }
            Event::ConversationUpdate(update) => {
                for call in update.current {
                    self.is_now(&call);
                    self.counts(&call);
                }
                for call in update.removed {
                    self.shared.remove(&call.id);
                    self.talks.remove(&call.id);
                    self.change(&call.id, Change::Over("ended".to_owned()));
                }
            }
            Event::SessionEnded { session, reason } => self.ended(&session, &reason.to_string()),
            Event::CallReport(report) => {
                self.left.remove(&report.conversation);
                self.meters.remove(&report.conversation);
                // It is told last, also of one that nobody said was over.
                self.change(&report.conversation, Change::Over("ended".to_owned()));
                let lines = serde_json::to_value(&*report).unwrap_or_default();
                let lines = crate::report::lines(&lines);
                self.change(&report.conversation, Change::Report(lines));
            }
            Event::Dtmf { digit, .. } => self.say(format!("they pressed {}", digit.as_char())),
            Event::Disconnected { reconnecting, error } => {
                let why = error.map_or_else(String::new, |error| format!(": {error}"));
                if !reconnecting {
                    bail!("disconnected{why}");
                }
                self.say(format!("connection lost{why}; trying again"));
                (self.tell)(News::Network(Network::Lost(format!("trying again{why}"))));
            }
            Event::Connected { reconnect } => {
                if reconnect {
                    self.say("connected again");
                }
                (self.tell)(News::Network(Network::Up));
            }
            event @ (Event::TrackAdded { .. }
            | Event::TrackRemoved { .. }
            | Event::ParticipantsUpdate(_)
            | Event::ActiveVideoParticipants { .. }
            | Event::Speakers { .. }
            | Event::MemberStatus { .. }
            | Event::PinnedParticipant { .. }) => self.meets(event),
            Event::HeadsetControls(controls) => {
                let owner = match controls {
                    HeadsetControls::Negotiating => Owner::Asking,
                    HeadsetControls::AlternativeClient => Owner::Other,
                    HeadsetControls::HasControls => Owner::Us,
                    _ => Owner::Nobody,
                };
                (self.tell)(News::Headset(owner));
            }
            Event::Error(error) => self.say(style(error.to_string()).red()),
            Event::Trace(record) => (self.tell)(News::Wire(record)),
            _ => {}
        }
        Ok(())
    }

    fn ask(&mut self, ask: Ask) -> Asking {
        let (phone, tell) = (self.phone.clone(), self.tell.clone());
        if let Ask::Call(call, Act::Film(on)) = &ask {
            return match self.film(&ConversationId::from(call.as_str()), *on) {
                Ok(written) => async move {
                    if let Some(written) = written {
                        let _ = written.recv().await;
                    }
                    Ok(())
                }
                .boxed_local(),
                Err(error) => std::future::ready(Err(error)).boxed_local(),
            };
        }
        if let Ask::Call(call, Act::End) = &ask {
            let call = ConversationId::from(call.as_str());
            if self.is_awaited(&call) {
                return self.leaves(call);
            }
        }
        let quiet = self.quiets(&ask);
        async move {
            for (other, meets) in quiet {
                let quiets =
                    if meets { phone.set_muted(other, true) } else { phone.set_held(other, true) };
                quiets.await.context("who is spoken to now would be heard there, too")?;
            }
            match ask {
                Ask::Call(call, act) => {
                    let call = ConversationId::from(call.as_str());
                    act_on(&phone, call, act, &tell).await?;
                }
                Ask::Dial(number) => {
                    let dialled = phone.dial(Dial::number(number.as_str())).await?;
                    let call = dialled.conversation.as_str();
                    tell(News::Call(call.into(), Change::Phase(Phase::Dials)));
                    tell(News::Call(call.into(), Change::Taken));
                    tell(News::Call(call.into(), Change::Who(Who::of(number))));
                }
                Ask::Meet(room) => {
                    // Rooms have addresses, meetings have ids.
                    let conversation = match room.contains('@') {
                        true => phone.start_video_conference(room.as_str(), None).await?,
                        false => phone.start_video_meeting(room.as_str()).await?,
                    };
                    let call = conversation.as_str();
                    tell(News::Call(call.into(), Change::Phase(Phase::Dials)));
                    tell(News::Call(call.into(), Change::Taken));
                    tell(News::Call(call.into(), Change::Meeting));
                    tell(News::Call(call.into(), Change::Who(Who::of(room))));
                }
                Ask::Headset(true) => match phone.request_headset().await {
                    // Another client has it, or it was left to them meanwhile: events tell of that.
                    Err(error)
                        if matches!(error.kind, ErrorKind::Session | ErrorKind::Cancelled) => {}
                    asked => asked?,
                },
                Ask::Headset(false) => phone.release_headset().await?,
                Ask::Presence(_)
                | Ask::Voicemail
                | Ask::Device(..)
                | Ask::Volume(_)
                | Ask::Voice(..)
                | Ask::Quit => {
                    bail!("this service has no such thing");
                }
            }
            Ok(())
        }
        .boxed_local()
    }
}

/// Does something with a call.
async fn act_on<R: Sockets>(
    phone: &Client<R>,
    call: ConversationId,
    act: Act,
    tell: &Tell,
) -> anyhow::Result<()> {
    let control = |control| phone.control(call.clone(), control);
    let change = |change| tell(News::Call(call.as_str().into(), change));
    match act {
        Act::Answer => phone.accept_pending(&call).await?,
        Act::Reject => {
            phone.reject_pending(&call).await?;
            // Nothing more is told of a meeting.
            change(Change::Over("declined".to_owned()));
        }
        Act::End => phone.end(&call).await?,
        Act::Mute(muted) => phone.set_muted(&call, muted).await?,
        Act::Hold(held) => phone.set_held(&call, held).await?,
        Act::Press(text) => phone.send_dtmf(&call, keys(&text)?, PRESS).await?,
        Act::Transfer(to) => control(CallControl::Transfer { to: target(&to) }).await?,
        Act::Consult(to) => {
            let speak_to = SpeakTo::Destination;
            control(CallControl::Consult { to: target(&to), speak_to }).await?;
            change(Change::Consults(Some(to)));
        }
        // Whoever hangs up during a consult has given the call away.
        Act::Connect(_) => phone.end(&call).await?,
        Act::SpeakToThem(them) => {
            let whom = if them { SpeakTo::Destination } else { SpeakTo::Object };
            control(CallControl::SpeakTo(whom)).await?;
            change(Change::SpeaksToThem(them));
        }
        Act::CancelConsult => {
            control(CallControl::CancelConsult).await?;
            change(Change::Consults(None));
        }
        Act::Conference(_) => control(CallControl::SpeakTo(SpeakTo::Both)).await?,
        Act::WrapUp(code, notes) => control(CallControl::WrapUp { code, notes }).await?,
        Act::See(whom) => {
            phone.pin_participant(&call, whom.map(|whom| whom.as_str().into())).await?;
        }
        Act::Ignore | Act::Forward(_) | Act::Film(_) => {
            bail!("no such command: this service has none")
        }
    }
    Ok(())
}

/// The target that a person types.
fn target(text: &str) -> Target {
    match text.split_once(':') {
        Some(("queue", id)) => Target::Queue(id.to_owned()),
        Some(("user", id)) => Target::User(id.into()),
        _ => Target::Address(text.to_owned()),
    }
}

fn who_of(who: &Parties) -> Who {
    Who {
        name: who.remote_name.clone(),
        number: who.remote_number.clone(),
        queue: who.queue.as_ref().and_then(|queue| queue.name.clone()),
    }
}

impl<R: Sockets> Cloud<R> {
    fn say(&self, line: impl ToString) {
        (self.tell)(News::Said(line.to_string()));
    }

    fn change(&self, call: &ConversationId, change: Change) {
        (self.tell)(News::Call(call.as_str().into(), change));
    }

    fn over(&self, call: &ConversationId, why: &str) {
        self.say(why);
        self.change(call, Change::Over(why.strip_prefix("over: ").unwrap_or(why).to_owned()));
    }

    /// Takes note of who is in a call: with one left, nobody is asked about it any more.
    fn counts(&mut self, call: &Conversation) {
        let is_there = |party: &&Party| {
            !matches!(party.state, None | Some(CallState::Disconnected | CallState::Terminated))
        };
        if call.who().others.iter().filter(is_there).count() > 1 {
            self.shared.insert(call.id.clone());
        } else if self.shared.remove(&call.id) {
            self.change(&call.id, Change::Consults(None));
        }
    }

    /// Takes the state of a call.
    fn is_now(&mut self, call: &Conversation) {
        // It may be carried by a session that was there before.
        if call.session.is_some() && self.is_left(&call.id) {
            return;
        }
        let mut words = format!("{:?}", call.state).to_lowercase();
        for (is, word) in [(call.muted, ", muted"), (call.held, ", held")] {
            if is {
                words.push_str(word);
            }
        }
        self.say(&words);
        self.change(&call.id, Change::Words(words));
        let phase = match call.state {
            CallState::Contacting | CallState::Dialing => Some(Phase::Dials),
            CallState::Connected | CallState::Hold => Some(Phase::Up),
            // It rings when its session does.
            CallState::Alerting
            | CallState::Disconnected
            | CallState::Terminated
            | CallState::Other(_) => None,
        };
        if let Some(phase) = phase {
            self.change(&call.id, Change::Phase(phase));
            if call.session.is_some() {
                self.change(&call.id, Change::Taken);
            }
        }
        match (phase, &call.session) {
            (Some(Phase::Up), Some(session)) if !call.held => {
                self.talks.insert(call.id.clone());
                self.sound.carries(session.as_str(), call.id.as_str().into(), call.muted);
            }
            _ => {
                self.talks.remove(&call.id);
            }
        }
        let who = who_of(call.who());
        if !who.is_nobody() {
            self.change(&call.id, Change::Who(who));
        }
        self.change(&call.id, Change::Muted(call.muted));
        self.change(&call.id, Change::Held(call.held));
    }
}
