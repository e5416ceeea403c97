//! The way up, first half: who we are, and the channel, by REST (wire notes 1.2).

use serde_json::Value;

use super::Link;
use super::state::{Attempt, Identity, State, Timer};
use crate::Secret;
use crate::genesys::ask::{Ask, LinkAsk};
use crate::genesys::command::Outcome;
use crate::genesys::config::Auth;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::Event;
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::answers::{Me, NewChannel, Redeemed};
use crate::genesys::wire::jwt::Claims;
use crate::genesys::wire::requests;
use crate::machine::Output;
use crate::rest::{Failure, Retry};

impl Link {
    pub(super) fn attempt(&mut self, out: &mut Outbox) {
        self.attempted = true;
        self.timers.cancel(&Timer::Attempt);
        if !self.hard && self.channel.is_some() {
            self.soft_attempts += 1;
            if self.soft_attempts >= out.config.timing.channel_attempts {
                self.soft_attempts = 0;
                self.hard = true;
            }
        }
        match &out.config.auth {
            Auth::Jwt(jwt) => {
                let jwt = jwt.clone();
                self.enter_by_jwt(jwt, out);
            }
            Auth::Guest { organization, code } => match self.jwt.clone() {
                Some(jwt) => self.enter_by_jwt(jwt, out),
                None => {
                    self.state = State::Redeeming;
                    let resource = requests::redeem(organization, code);
                    out.rest(LinkAsk::Redeem, resource, Retry::Yes);
                }
            },
            Auth::Token(_) if self.identity.is_none() => {
                self.state = State::Identifying { organization: false, me: None };
                out.rest(LinkAsk::Organization, requests::organization(), Retry::Yes);
                out.rest(LinkAsk::User, requests::user(), Retry::Yes);
            }
            Auth::Token(_) if self.hard || self.channel.is_none() => self.ask_channel(out),
            Auth::Token(_) => self.open_socket(out),
        }
        if matches!(out.config.auth, Auth::Token(_)) && !matches!(self.state, State::Offline) {
            self.probe_network(out);
        }
    }

    /// Looks whether the service can be reached at all, beside the attempt and without a say in it
    /// (SG-7).
    fn probe_network(&self, out: &mut Outbox) {
        // That of the attempt before has nothing to say any more.
        out.forget_http(|ask| *ask == Ask::Link(LinkAsk::Probe));
        out.rest(LinkAsk::Probe, requests::probe(), Retry::No);
    }

    fn enter_by_jwt(&mut self, jwt: Secret, out: &mut Outbox) {
        match Claims::read(&jwt) {
            Ok(claims) => {
                self.identity = Some(Identity {
                    user: claims.user,
                    jid: None,
                    domain: claims.domain,
                    station: None,
                });
                self.jwt = Some(jwt);
                self.open_socket(out);
            }
            Err(error) => self.stopped(Some(error), out),
        }
    }

    /// The code is redeemed, or is not worth anything.
    fn redeemed(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        if !matches!(self.state, State::Redeeming) {
            return;
        }
        let redeemed =
            result.and_then(|body| Failure::or_parsed::<Redeemed>("conversations/codes", body));
        match redeemed {
            Ok(Redeemed { jwt }) => {
                let jwt = Secret::new(jwt);
                out.hide(&jwt);
                self.enter_by_jwt(jwt, out);
            }
            Err(failure) => self.login_failed(failure, out),
        }
    }

    pub(super) fn ask_channel(&mut self, out: &mut Outbox) {
        self.state = State::Channel;
        out.rest(LinkAsk::Channel, requests::channel(), Retry::No);
    }

    pub(super) fn open_socket(&mut self, out: &mut Outbox) {
        let base = out.config.ws_base();
        let uri = match (&self.jwt, &self.channel) {
            (Some(jwt), _) => format!("{base}/stream/jwt/{}", jwt.expose()),
            (None, Some(channel)) => format!("{base}/stream/channels/{channel}"),
            (None, None) => return self.ask_channel(out),
        };
        let request = http::Request::get(uri).header("sec-websocket-protocol", "xmpp").body(());
        match request {
            Ok(request) => {
                let id = out.ws_id();
                let deadline = out.now() + out.config.timing.setup;
                self.timers.arm(Timer::Setup, deadline);
                self.state = State::Opening(id);
                out.push(Output::OpenWebSocket { id, request, deadline });
            }
            // The error's text would show the JWT.
            Err(_) => {
                let error = Error::new(ErrorKind::InvalidOptions, "unusable WebSocket address");
                self.stopped(Some(error), out);
            }
        }
    }

    pub(in crate::genesys) fn handle_rest(
        &mut self,
        ask: &LinkAsk,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) {
        match (ask, result) {
            (LinkAsk::Redeem, result) => self.redeemed(result, out),
            (LinkAsk::Probe, Ok(_)) => {}
            (LinkAsk::Probe, Err(failure)) => {
                out.event(Event::NetworkConnectivityWarning(failure.into()));
            }
            (LinkAsk::Alertable, result) => {
                if let Some(again) = self.leading.alertable_answered(&result, out) {
                    self.timers.arm(Timer::Alertable, again);
                }
            }
            (LinkAsk::Leader, result) => self.leading.answered(result, out),
            (LinkAsk::Claim(command), result) => {
                out.complete(*command, result.map(|_| Outcome::Done).map_err(Error::from));
            }
            (LinkAsk::Station, result) => self.station_loaded(result, out),
            (LinkAsk::Topics, result) => self.topics_answered(result, out),
            (LinkAsk::Organization | LinkAsk::User, Err(failure)) => {
                self.identity_failed(failure, out);
            }
            (LinkAsk::Channel, Err(failure)) => self.attempt_failed(Attempt::Rest(failure), out),
            (LinkAsk::Organization, Ok(_)) => {
                if let State::Identifying { organization, .. } = &mut self.state {
                    *organization = true;
                }
                self.maybe_identified(out);
            }
            (LinkAsk::User, Ok(body)) => match Failure::or_parsed::<Me>("users/me", body) {
                Ok(user) => {
                    if let State::Identifying { me, .. } = &mut self.state {
                        *me = Some(user);
                    }
                    self.maybe_identified(out);
                }
                Err(failure) => self.identity_failed(failure, out),
            },
            (LinkAsk::Channel, Ok(body)) => match Failure::or_parsed::<NewChannel>("channel", body)
            {
                Ok(channel) if matches!(self.state, State::Channel) => {
                    self.channel = Some(channel.id);
                    self.open_socket(out);
                }
                Ok(_) => {}
                Err(failure) => self.attempt_failed(Attempt::Rest(failure), out),
            },
        }
    }

    pub(super) fn maybe_identified(&mut self, out: &mut Outbox) {
        let State::Identifying { organization: true, me: Some(me) } = &self.state else { return };
        match me.jid() {
            Ok(jid) => {
                self.identity = Some(Identity {
                    user: Some(me.id.clone()),
                    domain: jid.domain().to_owned(),
                    station: me.station().cloned(),
                    jid: Some(jid),
                });
                if out.config.alerting_leader {
                    self.topics
                        .want_internal(format!("v2.users.{}.alertingleader", me.id.as_str()));
                }
                self.topics.want_internal(format!("v2.users.{}.conversations", me.id.as_str()));
                self.topics
                    .want_internal(format!("v2.users.{}.persistentconnection", me.id.as_str()));
                self.topics.want_internal(format!("v2.users.{}.station", me.id.as_str()));
                self.ask_channel(out);
            }
            Err(failure) => self.identity_failed(failure, out),
        }
    }

    /// The retry helper has given up, or there is nothing to retry: initialising fails (API-6).
    pub(super) fn identity_failed(&mut self, failure: Failure, out: &mut Outbox) {
        if matches!(self.state, State::Identifying { .. }) {
            self.login_failed(failure, out);
        }
    }

    fn login_failed(&mut self, failure: Failure, out: &mut Outbox) {
        let error = Error::of_login(failure, Some(ErrorKind::Initialization));
        self.stopped(Some(error), out);
    }
}
