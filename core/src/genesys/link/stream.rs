//! The way up, second half: socket, SASL, bind, session (wire notes 1.4, 1.5).

use super::Link;
use super::down::closed_text;
use super::ice::found;
use super::state::{Attempt, State, Step, Timer, Transition};
use crate::genesys::ask::IqAsk;
use crate::genesys::config::Auth;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::Event;
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::{Dialect, Frame, Iq, IqAnswer, IqKind, Payload};
use crate::link::Health;
use crate::machine::{NetErrorKind, Output, WsEvent, WsId};
use crate::xmpp::{Features, Jid, Open, PubSub, SessionFeature, sasl};

impl Link {
    /// Asks for ICE servers for the first time on a connection, which is not up before.
    fn discover(&mut self, ws: WsId, out: &mut Outbox) {
        // Discovery has a limit of its own (wire notes 1.5).
        self.timers.cancel(&Timer::Setup);
        self.state = State::Setup(ws, Step::Discovery { turn: false, stun: false });
        if let Some(identity) = &self.identity {
            self.ice.ask(&identity.domain, out);
        }
    }

    fn discovered(&mut self, ask: &IqAsk, answer: IqAnswer, out: &mut Outbox) {
        match &mut self.state {
            State::Setup(ws, Step::Discovery { turn, stun }) => {
                let ws = *ws;
                let Some(services) = found(&answer) else {
                    return self.setup_refused(ws, "ICE server discovery", &answer, out);
                };
                if *ask == IqAsk::Turn {
                    *turn = true;
                } else {
                    *stun = true;
                }
                let complete = *turn && *stun;
                self.ice.take(ask, services);
                if complete {
                    self.prepare_keepalive(ws, out);
                }
            }
            State::Online(..) => {
                if let Some(identity) = &self.identity {
                    self.ice.refreshed(ask, &answer, &identity.domain, out);
                }
            }
            State::Offline
            | State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_)
            | State::Setup(..)
            | State::Closing(..) => {}
        }
    }

    pub(in crate::genesys) fn handle_socket(
        &mut self,
        id: WsId,
        event: WsEvent,
        out: &mut Outbox,
    ) -> Option<Transition> {
        match (&self.state, event) {
            (State::Opening(ws), WsEvent::Opened { .. }) if *ws == id => {
                self.state = State::Setup(id, Step::Hello);
                out.socket = Some(id);
                self.send_open(out);
                None
            }
            (State::Opening(ws), WsEvent::Failed(error)) if *ws == id => {
                if matches!(error.kind, NetErrorKind::Refused(400..=499)) {
                    // The channel is gone: asking for it again would be answered alike.
                    self.hard = true;
                }
                let in_time = error.kind != NetErrorKind::Timeout;
                let kind = if in_time { ErrorKind::Network } else { ErrorKind::Timeout };
                let error = Error::new(kind, format!("WebSocket: {error}")).caused_by(error);
                self.attempt_failed(Attempt::Other(error), out);
                None
            }
            (State::Opening(ws) | State::Setup(ws, _), WsEvent::Closed { code, reason })
                if *ws == id =>
            {
                let error = Error::new(ErrorKind::Network, closed_text(code, &reason));
                self.attempt_failed(Attempt::Other(error), out);
                None
            }
            (State::Online(ws, _), WsEvent::Closed { code, reason }) if *ws == id => {
                let error = Error::new(ErrorKind::Network, closed_text(code, &reason));
                Some(self.drop_connection(Some(error), out))
            }
            (State::Closing(ws, then), WsEvent::Closed { .. }) if *ws == id => {
                let then = *then;
                self.closed(then, out);
                None
            }
            // A socket that is no longer ours, or an event that cannot be.
            _ => None,
        }
    }

    pub(super) fn send_open(&self, out: &mut Outbox) {
        let domain = self.identity.as_ref().map(|identity| identity.domain.clone());
        out.send(&Frame::Open(Open {
            to: domain,
            from: None,
            id: None,
            version: Some("1.0".to_owned()),
            lang: Some("en".to_owned()),
        }));
    }

    /// Takes frames of the stream itself; gives back stanzas that are not about the connection.
    pub(in crate::genesys) fn handle_frame(
        &mut self,
        frame: Frame,
        out: &mut Outbox,
    ) -> (Option<Transition>, Option<Frame>) {
        if matches!(self.state, State::Online(..)) {
            self.keepalive.heard(out.now());
        }
        match frame {
            Frame::Features(features) => self.handle_features(&features, out),
            Frame::Success => {
                if let State::Setup(ws, Step::Auth) = self.state {
                    self.state = State::Setup(ws, Step::Restart);
                    self.send_open(out);
                }
            }
            Frame::Failure(failure) => {
                if let State::Setup(ws, Step::Auth) = self.state {
                    out.push(Output::CloseWebSocket { id: ws });
                    self.attempt_failed(Attempt::Sasl(failure), out);
                }
            }
            Frame::Close(_) => return (self.handle_close(out), None),
            Frame::StreamError(error) => {
                // Only a close or a drop ends the connection (wire notes 1.6).
                let text = format!("stream error: {}", error.condition);
                let error = Error::new(ErrorKind::Protocol, text).caused_by(&error);
                out.event(Event::Error(error));
            }
            Frame::Open(open) => self.leading.opened(open.id),
            Frame::Auth(_) => out.malformed("auth from the service"),
            Frame::Other { name, .. } => out.malformed(format!("unknown frame {name}")),
            Frame::Iq(Iq {
                kind: IqKind::Set(Payload::Extension(Dialect::ConnectionTransfer)),
                from,
                ..
            }) if out.is_service(from.as_ref()) => {
                return (self.transfer(out), None);
            }
            stanza @ (Frame::Iq(_) | Frame::Message(_) | Frame::Presence(_)) => {
                return (None, Some(stanza));
            }
        }
        (None, None)
    }

    pub(super) fn handle_features(&mut self, features: &Features, out: &mut Outbox) {
        match &self.state {
            State::Setup(ws, Step::Hello) => {
                let ws = *ws;
                let auth = match &out.config.auth {
                    Auth::Token(token) => {
                        let jid = self.identity.as_ref().and_then(|i| i.jid.as_ref());
                        features
                            .mechanisms
                            .iter()
                            .find(|m| *m == "PLAIN")
                            .and(jid)
                            .map(|jid| sasl::plain(jid, token))
                    }
                    Auth::Jwt(_) | Auth::Guest { .. } => features
                        .mechanisms
                        .iter()
                        .find(|m| *m == "ANONYMOUS")
                        .map(|_| sasl::anonymous()),
                };
                match auth {
                    Some(auth) => {
                        self.state = State::Setup(ws, Step::Auth);
                        out.send(&Frame::Auth(auth));
                    }
                    None => {
                        out.push(Output::CloseWebSocket { id: ws });
                        let text = "the service offers no usable SASL mechanism";
                        let error = Error::new(ErrorKind::Protocol, text);
                        self.attempt_failed(Attempt::Other(error), out);
                    }
                }
            }
            State::Setup(ws, Step::Restart) => {
                self.state = State::Setup(*ws, Step::Bind(features.session));
                let resource = match (&self.resource, &out.config.auth) {
                    (Some(resource), _) => Some(resource.clone()),
                    (None, Auth::Token(_)) => Some(out.uuid()),
                    (None, Auth::Jwt(_) | Auth::Guest { .. }) => None,
                };
                self.resource.clone_from(&resource);
                out.ask(IqAsk::Bind, None, IqKind::Set(Payload::Bind { resource, jid: None }));
            }
            State::Offline
            | State::Waiting
            | State::Redeeming
            | State::Identifying { .. }
            | State::Channel
            | State::Opening(_)
            | State::Setup(..)
            | State::Online(..)
            | State::Closing(..) => out.malformed("features out of turn"),
        }
    }

    pub(in crate::genesys) fn handle_iq(
        &mut self,
        ask: &IqAsk,
        answer: IqAnswer,
        out: &mut Outbox,
    ) -> Option<Transition> {
        match ask {
            IqAsk::Bind => self.bound(answer, out),
            IqAsk::Session => {
                if let State::Setup(ws, Step::Session) = self.state {
                    match answer {
                        IqAnswer::Result(_) => self.discover(ws, out),
                        no @ (IqAnswer::Error(_) | IqAnswer::Timeout | IqAnswer::Lost) => {
                            self.setup_refused(ws, "session", &no, out);
                        }
                    }
                }
            }
            IqAsk::Turn | IqAsk::Stun => self.discovered(ask, answer, out),
            IqAsk::ServerPings => {
                if let State::Setup(ws, Step::ServerPings) = self.state {
                    if matches!(answer, IqAnswer::Result(_)) {
                        self.keepalive.listen(out.now());
                    } else {
                        // Refused: ping ourselves (wire notes 2.2).
                        self.keepalive.ping(out.now());
                    }
                    self.connected(ws, out);
                }
            }
            IqAsk::Ping => {
                let answered = matches!(answer, IqAnswer::Result(_));
                if self.keepalive.pinged(answered, out.now()) == Health::Dead {
                    return Some(self.silent(out));
                }
            }
            IqAsk::Conversations => self.conversations_subscribed(answer, out),
            IqAsk::Answer(_) | IqAsk::Update(_) | IqAsk::Terminate(_) => {}
        }
        None
    }

    pub(super) fn bound(&mut self, answer: IqAnswer, out: &mut Outbox) {
        let State::Setup(ws, Step::Bind(session)) = self.state else { return };
        match answer {
            IqAnswer::Result(Some(Payload::Bind { jid: Some(jid), .. })) if jid.is_full() => {
                if let Some(identity) = &mut self.identity {
                    identity.jid.get_or_insert_with(|| jid.bare());
                }
                out.jid = Some(jid);
                if session == SessionFeature::Required {
                    self.state = State::Setup(ws, Step::Session);
                    out.ask(IqAsk::Session, None, IqKind::Set(Payload::Session));
                } else {
                    self.discover(ws, out);
                }
            }
            no
            @ (IqAnswer::Result(_) | IqAnswer::Error(_) | IqAnswer::Timeout | IqAnswer::Lost) => {
                self.setup_refused(ws, "bind", &no, out);
            }
        }
    }

    pub(super) fn setup_refused(
        &mut self,
        ws: WsId,
        what: &str,
        answer: &IqAnswer,
        out: &mut Outbox,
    ) {
        out.push(Output::CloseWebSocket { id: ws });
        let text = match answer {
            IqAnswer::Result(_) => format!("{what}: unusable answer"),
            IqAnswer::Error(error) => format!("{what}: refused with {}", error.condition),
            IqAnswer::Timeout => format!("{what}: no answer"),
            IqAnswer::Lost => format!("{what}: connection lost"),
        };
        let mut error = Error::new(ErrorKind::Protocol, text);
        if let IqAnswer::Error(refusal) = answer {
            error = error.caused_by(refusal);
        }
        self.attempt_failed(Attempt::Other(error), out);
    }

    pub(super) fn prepare_keepalive(&mut self, ws: WsId, out: &mut Outbox) {
        if out.config.server_side_pings {
            self.state = State::Setup(ws, Step::ServerPings);
            self.pubsub(IqAsk::ServerPings, "enable.server.side.pings", out);
        } else {
            self.keepalive.ping(out.now());
            self.connected(ws, out);
        }
    }

    pub(super) fn pubsub(&self, ask: IqAsk, node: &str, out: &mut Outbox) {
        let Some(jid) = out.bare_jid() else { return };
        let to: Option<Jid> = out.config.pubsub_host().parse().ok();
        let subscribe = PubSub::Subscribe { node: node.to_owned(), jid };
        out.ask(ask, to, IqKind::Set(Payload::PubSub(subscribe)));
    }
}
