//! The answers of the gateway to what is asked about the subscription.

use std::time::Duration;

use super::{Creation, LONGEST_PAUSE, Link, Operation, Renewal, State, is_gone};
use crate::machine::CommandId;
use crate::ribbon::ask::LinkAsk;
use crate::ribbon::constants::ChangeReason;
use crate::ribbon::error::Error;
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::service::Service;
use crate::ribbon::wire::refusal::Refused;
use crate::ribbon::wire::resources::Resources;
use crate::ribbon::wire::resources::subscription::Subscription;

/// The shortest time before a subscription is renewed.
const LEAST_RENEWAL: Duration = Duration::from_secs(30);

impl Link {
    /// Takes an answer.
    pub(in crate::ribbon) fn handle_rest(
        &mut self,
        ask: LinkAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) {
        match ask {
            LinkAsk::Create => self.created(request, result, out),
            LinkAsk::Update => self.updated(request, result, out),
            LinkAsk::Renew => self.renewed(request, result, out),
            LinkAsk::Delete => {
                if let State::Closing(command) = self.state {
                    let result =
                        result.map(drop).map_err(|fault| fault.error(Refused::of_unsubscribe));
                    self.unsubscribed(command, result, out);
                }
            }
            LinkAsk::Orphan | LinkAsk::Farewell => {}
        }
    }

    fn created(&mut self, request: &str, result: Result<Vec<u8>, Fault>, out: &mut Outbox) {
        let asked = match &self.state {
            State::Posting(creation) => creation.services.clone(),
            State::Idle
            | State::Paused(..)
            | State::Opening(..)
            | State::Up(_)
            | State::Closing(_) => Vec::new(),
        };
        let expires = out.config.subscription.expires;
        let read = result
            .and_then(|body| Ok(Subscription::read(request, &body, &asked, expires)?))
            .and_then(|held| Ok(out.usable(held, request)?));
        match std::mem::take(&mut self.state) {
            State::Posting(creation) => match read {
                Ok(held) => {
                    out.subscribed(&held);
                    self.socket.open(held.channel.as_str(), false, out);
                    self.state = State::Opening(creation.command, Box::new(held));
                    self.tell_socket(out);
                }
                Err(fault) => self.not_created(creation, fault, out),
            },
            // Given up meanwhile: what was made is deleted.
            State::Closing(command) => match read {
                Ok(held) => self.delete(command, &held, out),
                Err(_) => self.unsubscribed(command, Ok(()), out),
            },
            other @ (State::Idle | State::Paused(..) | State::Opening(..) | State::Up(_)) => {
                self.state = other;
                if let Ok(held) = read {
                    out.rest(LinkAsk::Orphan, Resources::unsubscribe(&held.path));
                }
            }
        }
    }

    fn not_created(&mut self, creation: Creation, fault: Fault, out: &mut Outbox) {
        let retries = out.config.subscription.unavailable_retries;
        let busy = fault.refused().filter(|refused| refused.is_unavailable());
        match busy.and_then(|refused| refused.retry_after) {
            Some(pause) if creation.attempt <= retries => {
                let until = out.now() + pause.min(LONGEST_PAUSE);
                self.state = State::Paused(creation, until);
            }
            _ => {
                let error = fault.error(Refused::of_subscribe);
                self.failed(creation.command, error, out);
            }
        }
    }

    /// A subscription could not be made: everything is as before.
    pub(super) fn failed(&mut self, command: CommandId, error: Error, out: &mut Outbox) {
        self.state = State::Idle;
        out.session_over();
        self.tell(ChangeReason::Unsubscribed, out);
        out.complete(command, Err(error));
    }

    fn updated(&mut self, request: &str, result: Result<Vec<u8>, Fault>, out: &mut Outbox) {
        let Some(operation) = self.operation.take() else { return };
        let (command, reason) = match &operation {
            Operation::Widen(command, _) => (*command, ChangeReason::Subscribed),
            Operation::Narrow(command, _) => (*command, ChangeReason::Unsubscribed),
        };
        let wanted = match operation {
            Operation::Widen(_, wanted) | Operation::Narrow(_, wanted) => wanted,
        };
        match self.take_renewed(request, result, &wanted, out) {
            Ok(()) => {
                self.renew_after(1, out);
                self.tell(reason, out);
                out.complete(command, Ok(Outcome::Done));
            }
            Err(fault) => {
                let gone = is_gone(&fault);
                let error = fault.error(Refused::of_update);
                if gone {
                    self.lost(ChangeReason::Gone, out);
                } else {
                    self.renew_after(1, out);
                    self.tell(reason, out);
                }
                out.complete(command, Err(error));
            }
        }
    }

    fn renewed(&mut self, request: &str, result: Result<Vec<u8>, Fault>, out: &mut Outbox) {
        let attempt = self.renewal.map_or(1, |renewal| renewal.attempt);
        let held = self.subscription().map(|held| held.services.clone());
        let result = self.take_renewed(request, result, &held.unwrap_or_default(), out);
        let gone = result.as_ref().is_err_and(is_gone);
        let error = result.err().map(|fault| fault.error(Refused::of_update));
        let next = if error.is_some() { attempt.saturating_add(1) } else { 1 };
        out.event(Event::Resubscribed { attempt, error });
        if gone {
            self.lost(ChangeReason::Gone, out);
        } else {
            self.renew_after(next, out);
        }
    }

    /// Takes the gateway's word on a subscription that was renewed.
    fn take_renewed(
        &mut self,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        services: &[Service],
        out: &mut Outbox,
    ) -> Result<(), Fault> {
        let expires = out.config.subscription.expires;
        let read = Subscription::read(request, &result?, services, expires)?;
        if let Some(held) = self.subscription_mut() {
            // What an answer leaves out stays as it is.
            let correlator = read.correlator.clone().or_else(|| held.correlator.take());
            *held = Subscription { correlator, ..read };
            let held = held.clone();
            out.subscribed(&held);
        }
        Ok(())
    }

    /// Sets the time of the next renewal (w2.4).
    pub(super) fn renew_after(&mut self, attempt: u32, out: &Outbox) {
        let Some(held) = self.subscription() else { return };
        let base = held.expires / 2_u32.saturating_pow(attempt.min(31));
        let base = base.max(LEAST_RENEWAL);
        let delay = base.mul_f64(self.rng.between(0.8, 1.2));
        self.renewal = Some(Renewal { attempt, at: Some(out.now() + delay) });
    }
}
