//! The topics of the channel by REST, and the commands that wait for them (wire notes 4).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::genesys::ask::{Ask, LinkAsk};
use crate::genesys::command::{Outcome, TopicAnswer};
use crate::genesys::config::{Auth, Config};
use crate::genesys::error::{Complaint, Error, ErrorKind};
use crate::genesys::ids::UserId;
use crate::genesys::outbox::Outbox;
use crate::genesys::topics::Topics;
use crate::genesys::wire::answers;
use crate::genesys::wire::requests;
use crate::genesys::wire::topics::{Own, is_possible, parts};
use crate::machine::CommandId;
use crate::rest::{Failure, Retry};

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    topics: Topics,
    subscribers: Vec<Subscriber>,
}

/// A command that waits for the channel.
#[derive(Debug)]
struct Subscriber {
    command: CommandId,
    topics: Vec<String>,
    /// True if it is answered topic by topic.
    many: bool,
    /// True while the request that will answer it is under way.
    sent: bool,
}

impl Subscriptions {
    /// Returns true if a topic's notifications belong to the application.
    pub(super) fn is_wanted(&self, topic: &str) -> bool {
        self.topics.is_wanted(topic)
    }

    /// The client's own topics, once it is known who we are.
    pub(super) fn want_own(&mut self, user: &UserId, config: &Config) {
        if config.alerting_leader {
            self.topics.want_internal(Own::AlertingLeader.of(user));
        }
        if config.presence {
            self.topics.want_internal(Own::Presence.of(user));
        }
        for own in [Own::Conversations, Own::PersistentConnection, Own::Station] {
            self.topics.want_internal(own.of(user));
        }
    }

    /// Wants a topic for ourselves.
    pub(super) fn want(&mut self, topic: String) {
        if is_possible(&topic) {
            self.topics.want_internal(topic);
        }
    }

    /// Wants a topic for ourselves no longer.
    pub(super) fn unwant(&mut self, topic: &str) {
        self.topics.unwant_internal(topic);
    }

    /// Checks that a command can ask for these.
    ///
    /// # Errors
    ///
    /// There is no channel for them, they cannot be topics, or there is no room.
    pub(super) fn may_subscribe(&self, topics: &[String], config: &Config) -> Result<(), Error> {
        if !matches!(config.auth, Auth::Token(_)) {
            let text = "topics need a channel, and so an access token";
            return Err(Error::new(ErrorKind::NotSupported, text));
        }
        if topics.iter().any(|topic| !is_possible(topic)) {
            return Err(Error::new(ErrorKind::InvalidOptions, "a topic that cannot be one"));
        }
        if !self.topics.have_room(topics.iter().map(String::as_str)) {
            return Err(Error::new(ErrorKind::InvalidOptions, "the channel is full of topics"));
        }
        Ok(())
    }

    /// With a priority it is answered topic by topic.
    pub(super) fn subscribe(
        &mut self,
        command: CommandId,
        topics: Vec<String>,
        priority: Option<i32>,
    ) {
        self.topics.want(topics.iter().map(String::as_str), priority.unwrap_or_default());
        let many = priority.is_some();
        self.subscribers.push(Subscriber { command, topics, many, sent: false });
    }

    pub(super) fn unsubscribe(&mut self, command: CommandId, topic: String) {
        self.topics.unwant(&topic);
        let topics = vec![topic];
        self.subscribers.push(Subscriber { command, topics, many: false, sent: false });
    }

    /// A command's time is up.
    pub(super) fn forget(&mut self, command: CommandId) {
        self.subscribers.retain(|s| s.command != command);
    }

    /// The commands that wait here are answered by others.
    pub(super) fn forget_all(&mut self) {
        self.subscribers.clear();
    }

    /// Asks for all of it.
    pub(super) fn send(&mut self, channel: Option<&str>, out: &mut Outbox) {
        let Some(channel) = channel else { return };
        for subscriber in &mut self.subscribers {
            subscriber.sent = true;
        }
        // A newer set replaces an older one that is still on its way.
        out.forget_http(|ask| *ask == Ask::Link(LinkAsk::Topics));
        let resource = requests::subscriptions(channel, &self.topics.ids());
        out.rest(LinkAsk::Topics, resource, Retry::Yes);
    }

    /// The channel has them, or does not; whoever waits is told.
    pub(super) fn answered(
        &mut self,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) -> Result<(), Failure> {
        let states = result.and_then(|body| {
            if body.is_null() {
                return Ok(answers::Subscriptions::default());
            }
            Failure::or_parsed::<answers::Subscriptions>("subscriptions", body)
        });
        let answered: Vec<_> = self.subscribers.extract_if(.., |s| s.sent).collect();
        if !answered.is_empty() {
            let carried = self.topics.carried();
            let refusals = states.as_ref().map(answers::Subscriptions::refusals);
            for subscriber in answered {
                let command = subscriber.command;
                let result = match &refusals {
                    Err(failure) => {
                        for topic in &subscriber.topics {
                            self.topics.unwant(topic);
                        }
                        Err(Error::from((*failure).clone()))
                    }
                    Ok(refusals) => self.answer(&subscriber, refusals, &carried),
                };
                out.complete(command, result);
            }
        }
        states.map(|_| ())
    }

    /// Returns the state of each topic that a command asked for; refused ones are wanted no more.
    fn answer(
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

    /// There will be no connection.
    pub(super) fn stopped(&mut self, why: &Error, out: &mut Outbox) {
        for Subscriber { command, .. } in std::mem::take(&mut self.subscribers) {
            out.complete(command, Err(why.clone()));
        }
    }
}
