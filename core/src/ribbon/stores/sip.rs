//! Events of SIP: what is subscribed, renewed and comes (w5.5).

use std::collections::BTreeSet;

use super::Stores;
use crate::machine::CommandId;
use crate::ribbon::ask::{Ask, SipAsk, StoreAsk};
use crate::ribbon::command::Command;
use crate::ribbon::error::{Error, SipCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::{CallId, UserId};
use crate::ribbon::info::CustomParameter;
use crate::ribbon::link::Link;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::service::Service;
use crate::ribbon::sip_events::SipChange;
use crate::ribbon::wire::refusal::Refused;
use crate::ribbon::wire::resources::sip::events;
use crate::ribbon::wire::{Notice, SipNews, parameters};
use crate::text_id::MAX_ID;

impl Stores {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan_sip(&self, command: &Command, link: &Link) -> Result<(), Error> {
        match command {
            Command::SubscribeSipEvent { event_type, users, parameters, .. } => {
                check(users, parameters)?;
                if !link.has(&Service::from(event_type.as_str())) {
                    let text = "the service of such events is not subscribed to";
                    return Err(Error::new(SipCode::NotProvisioned, text));
                }
                self.sip.may_ask(event_type)?;
                self.sip.check_new(event_type, users)
            }
            Command::UpdateSipEvent { event_type, add, remove, parameters } => {
                check(add, parameters)?;
                self.sip.after(event_type, add, remove)?;
                self.sip.may_ask(event_type)
            }
            Command::UnsubscribeSipEvent { event_type } => {
                self.sip.get(event_type)?;
                self.sip.may_ask(event_type)
            }
            _ => Ok(()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply_sip(
        &mut self,
        id: CommandId,
        command: Command,
        name: &str,
        out: &mut Outbox,
    ) {
        let (event_type, ask) = match command {
            Command::SubscribeSipEvent { event_type, users, correlator, parameters } => {
                let correlator = correlator.as_deref().unwrap_or(name);
                let expires = out.config.subscription.expires;
                let resource = out.resources().subscribe_events(
                    &event_type,
                    &users,
                    correlator,
                    expires,
                    &parameters,
                );
                self.sip.begin(&event_type);
                let ask = SipAsk::Create(users, parameters);
                out.ask(id, StoreAsk::Sip(event_type, ask), resource);
                return;
            }
            Command::UpdateSipEvent { event_type, add, remove, parameters } => {
                let left = self.sip.after(&event_type, &add, &remove);
                if left.is_ok_and(|left| left.is_empty()) {
                    (event_type, SipAsk::End)
                } else {
                    (event_type, SipAsk::Update(add, remove, parameters))
                }
            }
            Command::UnsubscribeSipEvent { event_type } => (event_type, SipAsk::End),
            _ => return,
        };
        self.change(Some(id), event_type, ask, out);
    }

    /// Changes, renews or ends a subscription.
    fn change(
        &mut self,
        command: Option<CommandId>,
        event_type: String,
        ask: SipAsk,
        out: &mut Outbox,
    ) {
        let Ok(held) = self.sip.get(&event_type) else { return };
        let (resources, expires) = (out.resources(), held.expires());
        let update = |add: &[UserId], remove: &[UserId], parameters: &[CustomParameter]| {
            resources.update_events(&held.id, &event_type, add, remove, expires, parameters)
        };
        let resource = match &ask {
            SipAsk::Update(add, remove, parameters) => update(add, remove, parameters),
            SipAsk::Renew => update(&[], &[], held.parameters()),
            SipAsk::Create(..) | SipAsk::End => resources.unsubscribe_events(&held.id),
        };
        self.sip.begin(&event_type);
        out.rest(Ask::Store(command, StoreAsk::Sip(event_type, ask)), resource);
    }

    pub(super) fn sip_answered(
        &mut self,
        event_type: &str,
        ask: SipAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        self.sip.done(event_type);
        let gone = result.as_ref().is_err_and(is_gone);
        let body = result.map_err(|fault| fault.error(refused));
        let known = self.sip.get(event_type).ok().map(|held| held.id.clone());
        match ask {
            SipAsk::Create(users, parameters) => {
                let told = events(request, &body?, None)?;
                let (asked, now) = (out.config.subscription.expires, out.now());
                self.sip.made(event_type, &users, told, asked, now);
                self.sip.set_parameters(event_type, parameters);
                tell(event_type, SipChange::New, users, Vec::new(), out);
            }
            SipAsk::Update(add, remove, parameters) => match body {
                Ok(body) => {
                    let told = events(request, &body, known.as_ref())?;
                    let users = self.sip.after(event_type, &add, &remove)?;
                    self.sip.changed(event_type, Some(users), told, out.now());
                    self.sip.set_parameters(event_type, parameters);
                    tell(event_type, SipChange::Updated, add, remove, out);
                }
                Err(error) => {
                    if gone {
                        self.end(event_type, out);
                    }
                    return Err(error);
                }
            },
            SipAsk::End => match body {
                Err(error) if !gone => return Err(error),
                Ok(_) | Err(_) => self.end(event_type, out),
            },
            SipAsk::Renew => {
                let told = body.and_then(|body| events(request, &body, known.as_ref()));
                match told {
                    Ok(told) => self.sip.changed(event_type, None, told, out.now()),
                    Err(error) => {
                        let event_type = event_type.to_owned();
                        out.event(Event::SipFailed { event_type: event_type.clone(), error });
                        if gone || !self.sip.not_renewed(&event_type, out.now()) {
                            self.end(&event_type, out);
                        }
                    }
                }
            }
        }
        Ok(Outcome::Done)
    }

    fn end(&mut self, event_type: &str, out: &mut Outbox) {
        if let Some(users) = self.sip.ended(event_type) {
            tell(event_type, SipChange::Ended, Vec::new(), users.into_iter().collect(), out);
        }
    }

    /// The client's subscription is over, and with it all of events.
    pub(super) fn sip_lost(&mut self, out: &mut Outbox) {
        for (event_type, users) in self.sip.take_all() {
            tell(&event_type, SipChange::Ended, Vec::new(), users.into_iter().collect(), out);
        }
    }

    /// Renews what is due.
    pub(super) fn renew_sip(&mut self, out: &mut Outbox) {
        let now = out.now();
        while let Some((_, event_type)) = self.sip.next_renewal().filter(|(at, _)| *at <= now) {
            let event_type = event_type.to_owned();
            self.sip.renewing(&event_type);
            self.change(None, event_type, SipAsk::Renew, out);
        }
    }

    /// An event came. The application has it as it is, whoever asked for it.
    pub(super) fn sip_came(
        &mut self,
        news: &SipNews<'_>,
        notice: &Notice<'_>,
        call: Option<CallId>,
        out: &mut Outbox,
    ) {
        let event_type = news.event_type.as_ref();
        if event_type.len() > MAX_ID {
            out.malformed("an event of SIP without a type");
            return;
        }
        let event = notice.message();
        self.sip.came(event_type, event.clone(), notice.text().len());
        let id = notice.id.as_deref().filter(|id| id.len() <= MAX_ID);
        out.event(Event::SipEvent {
            event_type: event_type.to_owned(),
            event_id: id.map(str::to_owned),
            event: event.into(),
            call,
        });
    }
}

fn check(users: &[UserId], sent: &[CustomParameter]) -> Result<(), Error> {
    let unique: BTreeSet<_> = users.iter().collect();
    let odd = |user: &&UserId| user.as_str().is_empty() || user.as_str().len() > MAX_ID;
    if unique.into_iter().any(|user| odd(&user)) {
        return Err(Error::new(SipCode::Unknown, "a user without a name, or with a long one"));
    }
    parameters::check(sent).map_err(|error| error.with_code(SipCode::Unknown))
}

fn tell(
    event_type: &str,
    change: SipChange,
    subscribed: Vec<UserId>,
    unsubscribed: Vec<UserId>,
    out: &mut Outbox,
) {
    let event_type = event_type.to_owned();
    out.event(Event::SipSubscriptionChanged { event_type, change, subscribed, unsubscribed });
}

/// True where the gateway knows the subscription no more.
fn is_gone(fault: &Fault) -> bool {
    fault.refused().is_some_and(|refused| refused.code == Some(42) || refused.http == 404)
}

fn refused(refusal: &Refused) -> Error {
    let code = match refusal.code {
        Some(35) => SipCode::NotProvisioned,
        _ => SipCode::Unknown,
    };
    refusal.error(code, "the subscription of events is refused")
}
