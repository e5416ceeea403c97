//! Voicemail, calls between other telephones, and devices for push: what is asked for, answered and told (w5.2,
//! w5.5).

use super::Stores;
use crate::machine::CommandId;
use crate::ribbon::ask::{Ask, PushAsk, StoreAsk};
use crate::ribbon::click::ClickToCall;
use crate::ribbon::command::Command;
use crate::ribbon::error::{ClickToCallCode, Error, MwiCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::CallId;
use crate::ribbon::notice::NoticeChannel;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::voicemail::Voicemail;
use crate::ribbon::wire::Mailbox;
use crate::ribbon::wire::refusal::Refused;
use crate::ribbon::wire::resources::push::{register, registered, unregister};
use crate::ribbon::wire::resources::voicemail::mailbox;

impl Stores {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply_others(
        &mut self,
        id: CommandId,
        command: Command,
        correlator: &str,
        out: &mut Outbox,
    ) {
        match command {
            Command::FetchVoicemail => {
                let resource = out.resources().voicemail();
                out.ask(id, StoreAsk::Voicemail, resource);
            }
            Command::ClickToCall { caller, callee } => {
                let call = CallId::random(&mut self.rng);
                let resource = out.resources().click_to_call(&caller, &callee);
                let time = out.clock().unix_ms(out.now());
                self.clicks.add(ClickToCall::new(call.clone(), caller, callee, time));
                out.event(Event::ClickToCallStarted { id: call.clone() });
                out.ask(id, StoreAsk::Click(call), resource);
            }
            Command::RegisterPush(device) => {
                out.hide(&device.token.secrets());
                let version = &out.config.notifications.push.version;
                let resource = register(version, &device.registered(correlator));
                let ask = PushAsk::Register(device.token.kind());
                out.ask(id, StoreAsk::Push(ask), resource);
            }
            Command::UnregisterPush(kind) => match self.push.place(kind).map(unregister) {
                Ok(resource) => {
                    let ask = StoreAsk::Push(PushAsk::Unregister(kind));
                    out.rest(Ask::Store(Some(id), ask), resource);
                }
                Err(error) => out.complete(id, Err(error)),
            },
            Command::EnablePush(enabled) => {
                if std::mem::replace(&mut self.push.enabled, enabled) != enabled {
                    push_changed(out);
                }
                out.complete(id, Ok(Outcome::Done));
            }
            _ => {}
        }
    }

    pub(super) fn voicemail_answered(
        &mut self,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let failed = MwiCode::FetchFailed;
        let told = result
            .map_err(|fault| {
                fault.error(|refusal| refusal.error(failed, "the voicemail is refused"))
            })
            .and_then(|body| mailbox(request, &body))?;
        Ok(Outcome::Voicemail(self.voicemail_told(told, None, out)))
    }

    /// The gateway told what waits, at a time of its own.
    pub(super) fn voicemail_told(
        &mut self,
        told: Mailbox,
        time: Option<u64>,
        out: &mut Outbox,
    ) -> Voicemail {
        let time = time.unwrap_or_else(|| out.clock().unix_ms(out.now()));
        let voicemail = Voicemail::new(told, time);
        self.voicemail = Some(voicemail.clone());
        out.event(Event::VoicemailChanged(Box::new(voicemail.clone())));
        voicemail
    }

    pub(super) fn click_answered(
        &mut self,
        call: &CallId,
        result: Result<Vec<u8>, Fault>,
    ) -> Result<Outcome, Error> {
        let failed = ClickToCallCode::ResponseError;
        match result {
            Ok(_) => {
                let made = self.clicks.all().find(|made| made.id == *call);
                let gone = || Error::new(failed, "too many calls were asked for since");
                made.cloned().map(Outcome::ClickToCall).ok_or_else(gone)
            }
            Err(fault) => {
                self.clicks.remove(call);
                Err(fault.error(|refusal| refusal.error(failed, "the call is refused")))
            }
        }
    }

    pub(super) fn push_answered(
        &mut self,
        ask: PushAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let body = result.map_err(|fault| fault.error(Refused::of_call))?;
        match ask {
            PushAsk::Register(kind) => self.push.registered(kind, registered(request, &body)?),
            PushAsk::Unregister(kind) => self.push.unregistered(kind),
        }
        push_changed(out);
        Ok(Outcome::Done)
    }
}

fn push_changed(out: &mut Outbox) {
    out.event(Event::PushChanged { channel: NoticeChannel::Push });
}
