//! The softphone on Genesys Cloud.

mod meetings;
mod presence;
mod rows;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context as _, bail};
use console::style;
use futures_util::FutureExt as _;
use offhook::genesys::{
    CallControl, Config, ConversationId, Dial, ErrorKind, Event, HeadsetControls, Phone as _,
    Reason, SessionType, SpeakTo, Target,
};
use offhook_runtime::Sockets;
use offhook_runtime::genesys::{Client, Events};
use smol::channel::Receiver;

use self::presence::Presences;
use self::rows::Rows;
use crate::ask::{Act, Ask};
use crate::away::Away;
use crate::meeting::Meeting;
use crate::news::{Change, Network, News, Owner, Tell};
use crate::phone::{Asking, Consult, Offers, PRESS, Phone, keys};
use crate::settings::Settings;
use crate::sound::Sound;

/// The phone and its calls.
pub(crate) struct Cloud<R> {
    phone: Client<R>,
    sound: Sound,
    tell: Tell,
    /// The calls and meetings that are shown. What was asked for tells of them, too.
    rows: Rc<RefCell<Rows>>,
    meetings: BTreeMap<ConversationId, Meeting>,
    presences: Presences,
    /// The folder of films.
    films: PathBuf,
    /// Those that are being written: each closes when it is.
    written: Vec<Receiver<()>>,
    away: Away,
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
  presence [NAME]   show the presences that there are, or take one
  voicemail         count what is in the mailbox
  meet ROOM         join a meeting, by the address of its room or by its id
  people            show who is in it, who speaks and whose pictures come
  film, unfilm      write what is seen and heard there to a file, or no longer";

    const OFFERS: Offers = Offers {
        service: "Genesys Cloud",
        consult: Consult::Within,
        wrap_up: true,
        presences: &[],
        meetings: true,
        shared_headset: true,
    };

    fn new(settings: &Settings, sound: Sound, tell: Tell) -> anyhow::Result<(Self, Events)> {
        let token =
            settings.token.clone().context("--token, OFFHOOK_TOKEN or a token_file is wanted")?;
        let mut config =
            Config::agent(settings.environment.clone(), token).trace(settings.trace).presence(true);
        config.api_host.clone_from(&settings.api_host);
        config.ws_host.clone_from(&settings.ws_host);
        let (phone, events) = Client::<R>::builder(config).net(settings.net()).build()?;
        let rows = Rows::new(tell.clone(), sound.clone());
        let presences = Presences::new(tell.clone());
        let cloud = Self {
            phone,
            rows: Rc::new(RefCell::new(rows)),
            sound,
            tell,
            meetings: BTreeMap::new(),
            presences,
            films: settings.films.clone(),
            written: Vec::new(),
            away: Away::default(),
        };
        Ok((cloud, events))
    }

    async fn log_in(&self) -> anyhow::Result<()> {
        self.phone.connect().await?;
        // Nobody waits for it: a phone is one without presence, too.
        Ok(R::spawn(self.presences.clone().look(self.phone.clone()))?)
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
        match &event {
            // What carries calls is there before they are, and may stay when they are over.
            Event::SessionStarted(session) if session.session_type == SessionType::Softphone => {
                let audio = self.phone.audio(session.media);
                self.sound.begin::<R>(session.id.as_str(), None, audio)?;
            }
            Event::SessionReplaced { session, old } => {
                self.sound.moves(old.as_str(), session.id.as_str());
            }
            _ => {}
        }
        let left = self.rows.borrow_mut().told(&event);
        for call in left {
            // Whether that works is seen.
            drop(self.phone.end(&call));
        }
        match event {
            Event::SessionStarted(session)
                if session.session_type == SessionType::CollaborateVideo =>
            {
                self.joins(session)?;
            }
            Event::SessionReplaced { session, old } => {
                if let Some(meeting) = self.meetings.values_mut().find(|one| one.session.id == old)
                {
                    meeting.replaced(session);
                }
            }
            Event::SessionEnded { session, reason } if session.session_type.is_room() => {
                self.ended(&session, &reason.to_string());
            }
            Event::Dtmf { digit, .. } => self.say(format!("they pressed {}", digit.as_char())),
            Event::Disconnected { reconnecting, error } => {
                let why = error.map_or_else(String::new, |error| format!(": {error}"));
                if !reconnecting {
                    let has_calls = self.has_calls();
                    self.away.sent(format!("disconnected{why}"), has_calls, &self.tell);
                    return self.away.goes_on(has_calls);
                }
                self.say(format!("connection lost{why}; trying again"));
                (self.tell)(News::Network(Network::Lost(format!("trying again{why}"))));
            }
            Event::Connected { reconnect } => {
                if reconnect {
                    self.say("connected again");
                    R::spawn(self.presences.clone().look(self.phone.clone()))?;
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
            Event::UserPresence(own) => self.presences.told(&own),
            Event::HeadsetControls(controls) => {
                let owner = match controls {
                    HeadsetControls::Negotiating => Owner::Asking,
                    HeadsetControls::AlternativeClient => Owner::Other,
                    HeadsetControls::HasControls => Owner::Us,
                    _ => Owner::Nobody,
                };
                (self.tell)(News::Headset(owner));
            }
            Event::Error(error) => {
                let about = error.conversation();
                let is_left = about.is_some_and(|about| !self.rows.borrow_mut().fails(about));
                if !is_left {
                    self.say(style(error.to_string()).red());
                }
            }
            Event::Trace(record) => (self.tell)(News::Wire(record)),
            _ => {}
        }
        self.away.goes_on(self.has_calls())
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
            if self.rows.borrow().is_awaited(&call) {
                return self.leaves(call);
            }
            if self.away.is() {
                return self.gives_up(call);
            }
        }
        let quiet = self.quiets(&ask);
        let (rows, presences) = (Rc::clone(&self.rows), self.presences.clone());
        async move {
            for (other, meets) in quiet {
                let quiets =
                    if meets { phone.set_muted(other, true) } else { phone.set_held(other, true) };
                quiets.await.context("who is spoken to now would be heard there, too")?;
            }
            match ask {
                Ask::Call(call, act) => {
                    let call = ConversationId::from(call.as_str());
                    act_on(&phone, call, act, &rows, &tell).await?;
                }
                Ask::Dial(number) => {
                    let dialled = phone.dial(Dial::number(number.as_str())).await?;
                    rows.borrow_mut().dialled(&dialled.conversation, number);
                }
                Ask::Meet(room) => {
                    // Rooms have addresses, meetings have ids.
                    let conversation = match room.contains('@') {
                        true => phone.start_video_conference(room.as_str(), None).await?,
                        false => phone.start_video_meeting(room.as_str()).await?,
                    };
                    rows.borrow_mut().asked(&conversation, room);
                }
                Ask::Headset(true) => match phone.request_headset().await {
                    // Another client has it, or it was left to them meanwhile: events tell of that.
                    Err(error)
                        if matches!(error.kind, ErrorKind::Session | ErrorKind::Cancelled) => {}
                    asked => asked?,
                },
                Ask::Headset(false) => phone.release_headset().await?,
                Ask::Presences => presences.list(&phone).await?,
                Ask::Presence(id) => presences.set(&phone, &id).await?,
                Ask::Voicemail => {
                    let mailbox = phone.fetch_voicemail().await?;
                    let (unread, total) = (mailbox.unread, mailbox.total);
                    tell(News::Done(format!("voicemail: {unread} not heard, {total} in all")));
                }
                Ask::Device(..) | Ask::Volume(_) | Ask::Voice(..) | Ask::Quit => {
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
    rows: &RefCell<Rows>,
    tell: &Tell,
) -> anyhow::Result<()> {
    let control = |control| phone.control(call.clone(), control);
    let change = |change| tell(News::Call(call.as_str().into(), change));
    match act {
        Act::Answer => phone.accept_pending(&call).await?,
        Act::Reject => {
            rows.borrow_mut().declines(&call);
            let declined = phone.reject_pending(&call).await;
            if declined.is_err() {
                rows.borrow_mut().not_declined(&call);
            }
            declined?;
        }
        Act::End => phone.end(&call).await?,
        Act::Mute(muted) => phone.set_muted(&call, muted).await?,
        Act::Hold(held) => phone.set_held(&call, held).await?,
        Act::Press(text) => phone.send_dtmf(&call, keys(&text)?, PRESS).await?,
        Act::Transfer(to) => control(CallControl::Transfer { to: target(&to) }).await?,
        Act::Consult(to) => {
            let speak_to = SpeakTo::Destination;
            rows.borrow_mut().asks(&call);
            let asked = control(CallControl::Consult { to: target(&to), speak_to }).await;
            match asked {
                Ok(()) => rows.borrow().asks_whom(&call, to),
                Err(error) => {
                    rows.borrow_mut().asks_nobody(&call);
                    return Err(error.into());
                }
            }
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
            rows.borrow_mut().asks_nobody(&call);
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

impl<R: Sockets> Cloud<R> {
    /// Ends a call while the service tells of nothing: neither that it has ended it, nor that it cannot.
    fn gives_up(&self, call: ConversationId) -> Asking {
        let (phone, rows) = (self.phone.clone(), Rc::clone(&self.rows));
        async move {
            let ended = phone.end(&call).await;
            let session = rows.borrow_mut().ends(&call);
            if let Some(session) = session {
                phone.force_terminate(session, Reason::Success).await?;
            }
            Ok(ended?)
        }
        .boxed_local()
    }

    fn has_calls(&self) -> bool {
        self.rows.borrow().has_any() || !self.meetings.is_empty()
    }

    fn say(&self, line: impl ToString) {
        (self.tell)(News::Said(line.to_string()));
    }

    fn change(&self, call: &ConversationId, change: Change) {
        (self.tell)(News::Call(call.as_str().into(), change));
    }
}
