//! The link to the gateway: credentials, the subscription and its notification socket (w2).
//!
//! ```text
//! Idle ──subscribe──> Posting ──2xx──> Opening ──socket open──> Up <──renewed, before it expires──┐
//!  ^ ^                 │   │ 503: wait, again        │           │ └────────────────────────────────┘
//!  │ │ <──error────────┘   └─────────────┘           │           │ socket lost
//!  │ │ <──DELETE, error── attempts used up ──────────┘           v
//!  │ │ <──lost connection── attempts used up ─────────────── Up, socket trying again
//!  │ │ <──gone, overridden, lost for good──────────────────────── Up
//!  │ └ <──DELETE answered── Closing <──unsubscribe of all── Posting, Opening, Up
//!  └──── destroy
//! ```

mod answers;
mod gaps;
mod socket;

use std::time::{Duration, Instant};

use self::socket::{Change, Socket, all_attempts};
use super::ask::LinkAsk;
use super::constants::ChangeReason;
use super::error::{AuthCode, Cause, Error, ErrorCode, SubscriptionCode};
use super::event::Event;
use super::fault::Fault;
use super::info::{SocketInfo, Subscriptions};
use super::outbox::Outbox;
use super::outcome::Outcome;
use super::service::Service;
use super::wire::refusal::Refused;
use super::wire::resources::Resources;
use super::wire::resources::subscription::Subscription;
use crate::machine::{CommandId, Rng, Wake, WsEvent, WsId};
use crate::rest::Resource;

/// The longest pause that the gateway can ask for, so that a bad answer cannot park a client.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// A subscription that is being made.
#[derive(Clone, Debug)]
struct Creation {
    command: CommandId,
    services: Vec<Service>,
    correlator: String,
    /// The requests so far.
    attempt: u32,
}

/// See the [module](self).
#[derive(Debug, Default)]
enum State {
    #[default]
    Idle,
    /// The gateway was asked.
    Posting(Creation),
    /// It was too busy, and is asked again then.
    Paused(Creation, Instant),
    /// It said yes; its socket is not open yet.
    Opening(CommandId, Box<Subscription>),
    Up(Box<Subscription>),
    /// It was asked to end it.
    Closing(CommandId),
}

impl State {
    fn subscription(&self) -> Option<&Subscription> {
        match self {
            Self::Opening(_, subscription) | Self::Up(subscription) => Some(subscription),
            Self::Idle | Self::Posting(_) | Self::Paused(..) | Self::Closing(_) => None,
        }
    }
}

/// A change of the subscription that is asked for while it stands.
#[derive(Clone, Debug)]
enum Operation {
    /// More services: all that are wanted then.
    Widen(CommandId, Vec<Service>),
    /// Fewer services: those that are left.
    Narrow(CommandId, Vec<Service>),
}

/// The renewals of a subscription.
#[derive(Clone, Copy, Debug)]
struct Renewal {
    /// The attempt since the last that succeeded, from 1.
    attempt: u32,
    /// The time of the next one; none while it is under way.
    at: Option<Instant>,
}

/// News for the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// The notification socket is open: where it was before, something may have been missed.
    SocketOpened { again: bool },
    /// The notification socket is gone, for now or for good.
    SocketLost,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Link {
    state: State,
    socket: Socket,
    operation: Option<Operation>,
    renewal: Option<Renewal>,
    rng: Rng,
    /// The name by which the gateway tells this client from the user's others, where nobody gives one.
    name: String,
}

impl Link {
    pub(super) fn new(mut rng: Rng) -> Self {
        // Letters and digits are what every gateway takes (w8, no. 16).
        let name = rng.uuid().replace('-', "");
        Self {
            name,
            state: State::Idle,
            socket: Socket::default(),
            operation: None,
            renewal: None,
            rng,
        }
    }

    /// The subscription that stands, or whose socket is being opened.
    fn subscription(&self) -> Option<&Subscription> {
        self.state.subscription()
    }

    fn subscription_mut(&mut self) -> Option<&mut Subscription> {
        match &mut self.state {
            State::Opening(_, subscription) | State::Up(subscription) => Some(subscription),
            State::Idle | State::Posting(_) | State::Paused(..) | State::Closing(_) => None,
        }
    }

    /// True while requests are answered and notifications come, or will again by themselves.
    pub(super) fn is_up(&self) -> bool {
        match &self.state {
            State::Up(_) => true,
            State::Idle
            | State::Posting(_)
            | State::Paused(..)
            | State::Opening(..)
            | State::Closing(_) => false,
        }
    }

    /// True while there is a subscription, or may be one.
    pub(super) fn is_any(&self) -> bool {
        match &self.state {
            State::Idle => false,
            State::Posting(_)
            | State::Paused(..)
            | State::Opening(..)
            | State::Up(_)
            | State::Closing(_) => true,
        }
    }

    /// True while a service is subscribed to.
    pub(super) fn has(&self, service: &Service) -> bool {
        self.is_up() && self.subscription().is_some_and(|held| held.has(service))
    }

    /// True while the notification socket is open.
    pub(super) fn is_socket_up(&self) -> bool {
        self.socket.is_up()
    }

    fn is_pending(&self) -> bool {
        match &self.state {
            State::Posting(_) | State::Paused(..) | State::Opening(..) | State::Closing(_) => true,
            State::Idle | State::Up(_) => self.operation.is_some(),
        }
    }

    pub(super) fn subscriptions(&self) -> Subscriptions {
        let held = self.subscription().filter(|_| self.is_up());
        Subscriptions {
            subscribed: held.map(|held| held.services.clone()).unwrap_or_default(),
            available: Service::AVAILABLE.to_vec(),
            pending: self.is_pending(),
        }
    }

    pub(super) fn socket_info(&self, out: &Outbox) -> SocketInfo {
        let url = self.subscription().map(|held| out.socket_url(held.channel.as_str()));
        SocketInfo::new(self.socket.state(), self.socket.is_pinging(), url, &out.config)
    }

    /// The name by which the gateway tells this client from the user's others.
    pub(super) fn correlator(&self, out: &Outbox) -> String {
        let held = self.subscription().and_then(|held| held.correlator.clone());
        held.or_else(|| out.config.subscription.correlator.clone())
            .unwrap_or_else(|| self.name.clone())
    }

    /// Things that are remembered.
    pub(super) fn size(&self) -> usize {
        usize::from(!matches!(self.state, State::Idle))
    }

    // Commands: first what may be done, then doing it.

    /// Checks that services can be subscribed to.
    ///
    /// # Errors
    ///
    /// [`SubscriptionCode::InvalidState`] without credentials, [`SubscriptionCode::NoService`] without
    /// services, [`ErrorCode::Pending`] while the subscription changes.
    pub(super) fn may_subscribe(&self, services: &[Service], out: &Outbox) -> Result<(), Error> {
        if out.credentials.is_none() {
            return Err(Error::new(SubscriptionCode::InvalidState, "there are no credentials"));
        }
        if services.is_empty() {
            return Err(Error::new(SubscriptionCode::NoService, "no service is named"));
        }
        self.may_change()
    }

    fn may_change(&self) -> Result<(), Error> {
        if self.is_pending() {
            return Err(Error::new(ErrorCode::Pending, "the subscription is being changed"));
        }
        Ok(())
    }

    /// Checks that services can be given up.
    ///
    /// # Errors
    ///
    /// [`SubscriptionCode::NoService`] without services, [`AuthCode::UnsubscribeFailed`] where none of them is
    /// subscribed to, [`ErrorCode::Pending`] while the subscription changes.
    pub(super) fn may_unsubscribe(&self, services: &[Service]) -> Result<(), Error> {
        if services.is_empty() {
            return Err(Error::new(SubscriptionCode::NoService, "no service is named"));
        }
        match &self.state {
            State::Posting(_) | State::Paused(..) | State::Opening(..) => Ok(()),
            State::Idle => {
                let text = "No subscription found, can't unsubscribe.";
                Err(Error::new(AuthCode::UnsubscribeFailed, text))
            }
            State::Up(held) => {
                if services.iter().any(|service| held.has(service)) {
                    return self.may_change();
                }
                let text = format!("no subscription for {}", serde_json::json!(services));
                Err(Error::new(AuthCode::UnsubscribeFailed, text))
            }
            State::Closing(_) => self.may_change(),
        }
    }

    /// The limit of a command that subscribes: all attempts and pauses; none where there is no end of them.
    pub(super) fn subscribe_limit(out: &Outbox) -> Duration {
        let requests = out.config.subscription.unavailable_retries + 1;
        let each = out.config.rest_timeout + LONGEST_PAUSE;
        all_attempts(out).map_or(Duration::MAX, |socket| each * requests + socket)
    }

    pub(super) fn subscribe(
        &mut self,
        command: CommandId,
        services: &[Service],
        correlator: Option<String>,
        out: &mut Outbox,
    ) {
        if let State::Up(held) = &self.state {
            let mut wanted = held.services.clone();
            wanted.extend(services.iter().filter(|service| !held.has(service)).cloned());
            let resource = renewal(held, &wanted, out);
            self.operation = Some(Operation::Widen(command, wanted));
            self.stop_renewal(out);
            self.tell(ChangeReason::Pending, out);
            out.rest(LinkAsk::Update, resource);
            return;
        }
        let correlator = correlator
            .or_else(|| out.config.subscription.correlator.clone())
            .unwrap_or_else(|| self.name.clone());
        let services = services.to_vec();
        let creation = Creation { command, services, correlator, attempt: 0 };
        self.post(creation, out);
        self.tell(ChangeReason::Pending, out);
    }

    fn post(&mut self, mut creation: Creation, out: &mut Outbox) {
        creation.attempt += 1;
        let expires = out.config.subscription.expires;
        let name = Some(creation.correlator.as_str());
        let resource = out.resources().subscribe(&creation.services, expires, name);
        out.rest(LinkAsk::Create, resource);
        self.state = State::Posting(creation);
    }

    pub(super) fn unsubscribe(
        &mut self,
        command: CommandId,
        services: &[Service],
        out: &mut Outbox,
    ) {
        match std::mem::take(&mut self.state) {
            State::Up(held) => {
                let kept = held.services.iter().filter(|held| !services.contains(held));
                let rest: Vec<_> = kept.cloned().collect();
                if rest.is_empty() {
                    self.delete(command, &held, out);
                    return;
                }
                let resource = renewal(&held, &rest, out);
                self.state = State::Up(held);
                self.operation = Some(Operation::Narrow(command, rest));
                self.stop_renewal(out);
                self.tell(ChangeReason::Pending, out);
                out.rest(LinkAsk::Update, resource);
            }
            // It is not known whether the gateway has made it; if so, its answer says what to delete.
            State::Posting(creation) => {
                out.complete(creation.command, Err(cancelled()));
                self.state = State::Closing(command);
                self.tell(ChangeReason::Pending, out);
            }
            State::Paused(creation, _) => {
                out.complete(creation.command, Err(cancelled()));
                self.unsubscribed(command, Ok(()), out);
            }
            State::Opening(subscriber, held) => {
                out.complete(subscriber, Err(cancelled()));
                self.delete(command, &held, out);
            }
            state @ (State::Idle | State::Closing(_)) => {
                self.state = state;
                out.complete(command, Ok(Outcome::Done));
            }
        }
    }

    fn delete(&mut self, command: CommandId, held: &Subscription, out: &mut Outbox) {
        self.stop(out);
        self.state = State::Closing(command);
        self.tell(ChangeReason::Pending, out);
        out.rest(LinkAsk::Delete, Resources::unsubscribe(&held.path));
    }

    fn unsubscribed(&mut self, command: CommandId, result: Result<(), Error>, out: &mut Outbox) {
        self.state = State::Idle;
        out.session_over();
        self.tell(ChangeReason::Unsubscribed, out);
        out.complete(command, result.map(|()| Outcome::Done));
    }

    /// Stops all that a subscription needs while it stands.
    fn stop(&mut self, out: &mut Outbox) {
        self.stop_renewal(out);
        self.renewal = None;
        self.socket.close(out);
        out.forget_rest(|ask| *ask == LinkAsk::Update);
        if let Some(Operation::Widen(command, _) | Operation::Narrow(command, _)) =
            self.operation.take()
        {
            out.complete(command, Err(cancelled()));
        }
    }

    /// Lets go of a renewal under way: a change of the subscription renews it too.
    fn stop_renewal(&mut self, out: &mut Outbox) {
        out.forget_rest(|ask| *ask == LinkAsk::Renew);
    }

    /// Ends everything, as the client ends: the gateway is told in the background.
    pub(super) fn destroy(&mut self, out: &mut Outbox) {
        self.stop(out);
        match std::mem::take(&mut self.state) {
            State::Opening(_, held) | State::Up(held) => {
                out.rest(LinkAsk::Farewell, Resources::unsubscribe(&held.path));
            }
            // The answer says what to delete.
            State::Posting(_) | State::Idle | State::Paused(..) | State::Closing(_) => {}
        }
    }

    /// Answers a command whose time is up. True if it was one of the subscription's.
    pub(super) fn overdue(&mut self, command: CommandId, error: &Error, out: &mut Outbox) -> bool {
        match &self.state {
            State::Posting(creation) | State::Paused(creation, _)
                if creation.command == command =>
            {
                out.forget_rest(|ask| *ask == LinkAsk::Create);
                self.failed(command, error.clone(), out);
                true
            }
            State::Opening(subscriber, held) if *subscriber == command => {
                out.rest(LinkAsk::Orphan, Resources::unsubscribe(&held.path));
                self.stop(out);
                self.failed(command, error.clone(), out);
                true
            }
            State::Closing(closer) if *closer == command => {
                self.unsubscribed(command, Err(error.clone()), out);
                true
            }
            State::Idle
            | State::Posting(_)
            | State::Paused(..)
            | State::Opening(..)
            | State::Up(_)
            | State::Closing(_) => false,
        }
    }

    pub(super) fn check_connectivity(&mut self, enabled: bool, out: &mut Outbox) {
        self.socket.check(enabled, out);
    }

    /// Closes the socket and opens it anew, if there is one.
    pub(super) fn reset(&mut self, out: &mut Outbox) -> Option<News> {
        if !self.socket.is_up() {
            return None;
        }
        self.socket.close(out);
        self.socket_lost(false, out)
    }

    /// Tries at once what waits to be tried again: there are other credentials.
    pub(super) fn hurry(&mut self, out: &Outbox) {
        self.socket.hurry(out);
        if let Some(Renewal { attempt: 2.., at: Some(at) }) = &mut self.renewal {
            *at = out.now();
        }
    }

    // What the socket tells.

    /// Takes what happened to the socket.
    pub(super) fn handle_socket(
        &mut self,
        id: WsId,
        event: &WsEvent,
        out: &mut Outbox,
    ) -> Option<News> {
        let change = self.socket.handle(id, event, out)?;
        self.changed(change, out)
    }

    /// True if a text on this socket is to be read.
    pub(super) fn reads(&self, id: WsId) -> bool {
        self.socket.reads(id)
    }

    fn changed(&mut self, change: Change, out: &mut Outbox) -> Option<News> {
        match change {
            Change::Opened { again } => {
                self.tell_socket(out);
                match std::mem::take(&mut self.state) {
                    State::Opening(command, held) => {
                        self.state = State::Up(held);
                        self.renew_after(1, out);
                        self.tell(ChangeReason::Subscribed, out);
                        out.complete(command, Ok(Outcome::Done));
                    }
                    state @ (State::Idle
                    | State::Posting(_)
                    | State::Paused(..)
                    | State::Up(_)
                    | State::Closing(_)) => self.state = state,
                }
                Some(News::SocketOpened { again })
            }
            Change::Trying => {
                self.tell_socket(out);
                None
            }
            Change::Lost { for_good } => self.socket_lost(for_good, out),
            Change::GaveUp(error) => match std::mem::take(&mut self.state) {
                State::Opening(command, held) => {
                    out.rest(LinkAsk::Orphan, Resources::unsubscribe(&held.path));
                    let text = "the notification socket could not be opened";
                    let error =
                        Error::new(SubscriptionCode::Socket, text).caused_by(Cause::from(error));
                    self.tell_socket(out);
                    self.failed(command, error, out);
                    None
                }
                state @ (State::Idle
                | State::Posting(_)
                | State::Paused(..)
                | State::Up(_)
                | State::Closing(_)) => {
                    self.state = state;
                    self.tell_socket(out);
                    self.lost(ChangeReason::LostConnection, out);
                    Some(News::SocketLost)
                }
            },
        }
    }

    fn socket_lost(&mut self, for_good: bool, out: &mut Outbox) -> Option<News> {
        self.tell_socket(out);
        match self.subscription().map(|held| held.channel.clone()) {
            Some(channel) if out.config.connectivity.auto_reconnect && !for_good => {
                self.socket.open(channel.as_str(), true, out);
                self.tell_socket(out);
            }
            _ => self.lost(ChangeReason::LostConnection, out),
        }
        Some(News::SocketLost)
    }

    fn tell_socket(&self, out: &mut Outbox) {
        out.event(Event::SocketChanged { state: self.socket.state() });
    }

    /// The gateway says that the subscription is over (w2.7).
    pub(super) fn gone(&mut self, reason: ChangeReason, out: &mut Outbox) {
        if self.is_up() {
            self.lost(reason, out);
        }
    }

    /// The subscription is lost: everything is at rest until the application asks.
    fn lost(&mut self, reason: ChangeReason, out: &mut Outbox) {
        if !self.is_up() {
            return;
        }
        self.stop(out);
        self.state = State::Idle;
        out.session_over();
        self.tell(reason, out);
    }

    fn tell(&self, reason: ChangeReason, out: &mut Outbox) {
        let subscriptions = self.subscriptions();
        out.event(Event::SubscriptionChanged { reason, subscriptions });
    }

    // Time.

    pub(super) fn handle_timeout(&mut self, out: &mut Outbox) -> Option<News> {
        let now = out.now();
        if let State::Paused(creation, until) = &self.state
            && *until <= now
        {
            let creation = creation.clone();
            self.post(creation, out);
        }
        if self.operation.is_none()
            && let Some(Renewal { at: at @ Some(_), .. }) = &mut self.renewal
            && at.is_some_and(|at| at <= now)
        {
            *at = None;
            if let Some(held) = self.subscription() {
                let resource = renewal(held, &held.services, out);
                out.rest(LinkAsk::Renew, resource);
            }
        }
        let channel = self.state.subscription().map(|held| held.channel.as_str());
        let change = self.socket.handle_timeout(channel, out)?;
        self.changed(change, out)
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let renewal = self.renewal.filter(|_| self.operation.is_none());
        let renewal = renewal.and_then(|renewal| renewal.at);
        let renewal = renewal.map(|at| Wake { at, reason: "renewal" });
        let paused = match &self.state {
            State::Paused(_, at) => Some(Wake { at: *at, reason: "gateway busy" }),
            State::Idle
            | State::Posting(_)
            | State::Opening(..)
            | State::Up(_)
            | State::Closing(_) => None,
        };
        Wake::earliest(self.socket.next_wake(), Wake::earliest(renewal, paused))
    }
}

fn is_gone(fault: &Fault) -> bool {
    fault.refused().is_some_and(Refused::is_gone)
}

/// The request that renews a subscription, for these services from now on.
fn renewal(held: &Subscription, services: &[Service], out: &Outbox) -> Resource {
    out.resources().resubscribe(held, services, out.config.subscription.expires)
}

fn cancelled() -> Error {
    Error::new(ErrorCode::Cancelled, "the subscription was given up meanwhile")
}
