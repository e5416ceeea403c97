//! What a new connection needs before it takes calls: topics and station (wire notes 4).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Link;
use super::ice::no_relay;
use super::state::{Network, Readiness, State, Subscriber, Timer};
use crate::genesys::ask::{Ask, IqAsk, LinkAsk};
use crate::genesys::command::{Outcome, TopicAnswer};
use crate::genesys::config::Auth;
use crate::genesys::error::{Complaint, Error, ErrorKind};
use crate::genesys::event::Event;
use crate::genesys::outbox::Outbox;
use crate::genesys::station::Station;
use crate::genesys::wire::IqAnswer;
use crate::genesys::wire::answers::{StationBody, Subscriptions};
use crate::genesys::wire::requests;
use crate::genesys::wire::topics::parts;
use crate::machine::{Output, WsId};
use crate::rest::{Failure, Retry};

impl Link {
    pub(super) fn connected(&mut self, ws: WsId, out: &mut Outbox) {
        self.backoff.connected(out.now());
        self.network = Network::There;
        out.trouble = None;
        self.timers.arm(Timer::IceRefresh, out.now() + out.config.timing.ice_refresh);
        out.event(Event::Connected { reconnect: self.was_connected });
        self.ice.tell(out);
        let user = self.identity.as_ref().and_then(|identity| identity.user.as_ref());
        self.leading.offer(user, out);
        let first = !self.was_connected;
        self.came_back = false;
        self.was_connected = true;
        let resubscribe = std::mem::take(&mut self.hard) || self.missing.topics;
        self.leading.begin(first || resubscribe);
        let user = self.identity.as_ref().and_then(|identity| identity.user.clone());
        let agent = matches!(out.config.auth, Auth::Token(_));
        // Until they are taken: this connection may be gone before they are asked for.
        self.missing.topics = agent && (first || resubscribe);
        match user {
            Some(user) if agent && first => {
                self.state = State::Online(ws, Readiness::Conversations);
                let topic = format!("v2.users.{}.conversations", user.as_str());
                self.pubsub(IqAsk::Conversations, &topic, out);
                self.load_station(out);
            }
            Some(_) if agent && resubscribe => {
                self.state = State::Online(ws, Readiness::Topics);
                self.send_topics(out);
            }
            _ => {
                self.state = State::Online(ws, Readiness::Topics);
                self.ready(out);
            }
        }
    }

    pub(super) fn conversations_subscribed(&mut self, answer: IqAnswer, out: &mut Outbox) {
        if let State::Online(ws, Readiness::Conversations) = self.state {
            if let IqAnswer::Error(error) = answer {
                // The REST subscription that follows covers the same topic.
                let text = format!("conversations: refused with {}", error.condition);
                let refused = Error::new(ErrorKind::Protocol, text).caused_by(&error);
                out.event(Event::Error(refused));
            }
            self.state = State::Online(ws, Readiness::Topics);
            self.send_topics(out);
        }
    }

    /// Topics that are known late become one request with those of the next moment.
    pub(super) fn schedule_topics(&mut self, out: &Outbox) {
        if self.is_online() && !self.timers.is_armed(&Timer::Topics) {
            self.timers.arm(Timer::Topics, out.now() + out.config.timing.topics);
        }
    }

    /// Those that are known now are asked for at once: a login waits for the answer.
    pub(super) fn send_topics(&mut self, out: &mut Outbox) {
        self.timers.cancel(&Timer::Topics);
        let Some(channel) = &self.channel else { return };
        for subscriber in &mut self.subscribers {
            subscriber.sent = true;
        }
        // A newer set replaces an older one that is still on its way.
        out.forget_http(|ask| *ask == Ask::Link(LinkAsk::Topics));
        let resource = requests::subscriptions(channel, &self.topics.ids());
        out.rest(LinkAsk::Topics, resource, Retry::Yes);
    }

    pub(super) fn topics_answered(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        let states = result.and_then(|body| {
            if body.is_null() {
                return Ok(Subscriptions::default());
            }
            Failure::or_parsed::<Subscriptions>("subscriptions", body)
        });
        let answered: Vec<_> = self.subscribers.extract_if(.., |s| s.sent).collect();
        if !answered.is_empty() {
            let carried = self.topics.carried();
            let refusals = states.as_ref().map(Subscriptions::refusals);
            for subscriber in answered {
                let command = subscriber.command;
                let result = match &refusals {
                    Err(failure) => {
                        for topic in &subscriber.topics {
                            self.topics.unwant(topic);
                        }
                        Err(Error::from((*failure).clone()))
                    }
                    Ok(refusals) => self.answer_subscriber(&subscriber, refusals, &carried),
                };
                out.complete(command, result);
            }
        }
        self.missing.topics = states.is_err();
        if states.is_ok() {
            self.leading.hear(out);
        }
        if states.as_ref().is_err_and(Failure::is_final) {
            // The channel is of no use.
            self.hard = true;
        }
        match (states, &self.state) {
            (Ok(_), State::Online(_, Readiness::Topics)) => self.ready(out),
            (Err(failure), State::Online(ws, Readiness::Topics)) if !self.connecting.is_empty() => {
                // The first subscription failing fails the login (wire notes 4.7).
                let ws = *ws;
                let error = Error::of_login(failure, Some(ErrorKind::Initialization));
                out.push(Output::CloseWebSocket { id: ws });
                self.lose(out);
                self.stopped(Some(error), out);
            }
            (Err(failure), State::Online(_, Readiness::Topics)) => {
                // Calls still come by their proposals.
                self.ask_again(&failure, out);
                out.event(Event::Error(failure.into()));
                self.ready(out);
            }
            (Err(failure), _) => {
                self.ask_again(&failure, out);
                out.event(Event::Error(failure.into()));
            }
            (Ok(_), _) => {}
        }
    }

    /// What became of the topics that a command asked for; refused ones are wanted no more.
    fn answer_subscriber(
        &mut self,
        subscriber: &Subscriber,
        refusals: &BTreeMap<String, String>,
        carried: &BTreeSet<String>,
    ) -> Result<Outcome, Error> {
        let mut answers = Vec::new();
        for topic in &subscriber.topics {
            let parts = parts(topic);
            let why = if !parts.iter().any(|part| self.topics.is_wanted(part)) {
                None
            } else if !parts.iter().all(|part| carried.contains(part)) {
                // More of our own came, once it was known who we are.
                Some("the channel is full of topics")
            } else {
                parts.iter().find_map(|part| refusals.get(part).map(String::as_str))
            };
            let refusal = why.map(str::to_owned);
            if refusal.is_some() {
                self.topics.unwant(topic);
            }
            answers.push(TopicAnswer { topic: topic.clone(), refusal });
        }
        match answers.as_slice() {
            _ if subscriber.many => Ok(Outcome::Subscribed(answers)),
            [TopicAnswer { topic, refusal: Some(why) }] => {
                let error = Error::new(ErrorKind::Generic, format!("{topic}: {why}"));
                Err(error.caused_by(Complaint::new("", Some(why))))
            }
            _ => Ok(Outcome::Done),
        }
    }

    pub(super) fn ready(&mut self, out: &mut Outbox) {
        if let State::Online(_, readiness) = &mut self.state {
            *readiness = Readiness::Ready;
        }
        self.came_back = self.was_ready;
        self.was_ready = true;
        self.stays = true;
        out.event(Event::Ready);
        for command in std::mem::take(&mut self.connecting) {
            out.complete(command, Ok(Outcome::Done));
        }
    }

    pub(super) fn station_loaded(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        match result.and_then(|body| Failure::or_parsed::<StationBody>("station", body)) {
            Ok(body) => {
                let station = Station::from(body);
                let concurrent = station.call_appearances > 1;
                if station.force_turn && !self.phone.as_ref().is_some_and(|p| p.force_turn) {
                    let text = "the station wants relayed media, which is not supported yet";
                    out.event(Event::Error(no_relay(text)));
                }
                self.phone = Some(station.clone());
                self.missing.station = false;
                out.event(Event::ConcurrentSoftphoneSessionsEnabled(concurrent));
                out.event(Event::Station(station));
            }
            // LC-3: a phone without a station still works.
            Err(failure) => {
                self.missing.station = true;
                self.ask_again(&failure, out);
                out.event(Event::Error(failure.into()));
            }
        }
    }
}
