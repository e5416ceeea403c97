//! How a stream is set up on a socket: SASL, bind, session, discovery, pings (wire notes 1.4, 1.5).

use super::account::Account;
use super::attempts::AttemptError;
use super::ice::found;
use crate::genesys::ask::IqAsk;
use crate::genesys::config::Auth;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::{Frame, IqAnswer, IqKind, Payload};
use crate::machine::{Output, WsId};
use crate::xmpp::{self, Features, Jid, Open, PubSub, SaslFailure, SessionFeature, sasl};

/// A stream that is being set up.
#[derive(Debug)]
pub(super) struct Stream {
    ws: WsId,
    step: Step,
}

/// How far it is.
///
/// ```text
/// Hello ──> Auth ──> Restart ──> Bind ──┬───────────────┬──> Discovery ──┬───────────────────┬──> up
///                                       └──> Session ───┘                └──> ServerPings ───┘
/// ```
#[derive(Debug)]
enum Step {
    /// `<open/>` is sent; mechanisms are to come.
    Hello,
    /// `<auth/>` is sent.
    Auth,
    /// The second `<open/>` is sent; features are to come.
    Restart,
    /// `<bind/>` is sent.
    Bind(SessionFeature),
    /// `<session/>` is sent.
    Session,
    /// ICE servers are asked for: TURN and STUN, each known or not yet.
    Discovery { turn: bool, stun: bool },
    /// The service was asked to ping.
    ServerPings,
}

/// What setting a stream up comes to.
#[derive(Debug)]
pub(super) enum Negotiated {
    /// Nothing yet.
    Waits,
    /// ICE servers are to be asked for. That has a limit of its own (wire notes 1.5).
    Discovers,
    /// It is up, on this socket.
    Up(WsId, Pings),
    /// It cannot be set up; the socket is closed.
    Failed(AttemptError),
}

/// Who pings on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pings {
    Ours,
    Theirs,
}

impl Stream {
    /// A socket is open.
    pub(super) fn begin(ws: WsId, account: &Account, out: &mut Outbox) -> Self {
        out.socket = Some(ws);
        open(account, out);
        Self { ws, step: Step::Hello }
    }

    pub(super) fn ws(&self) -> WsId {
        self.ws
    }

    pub(super) fn features(
        &mut self,
        features: &Features,
        account: &mut Account,
        out: &mut Outbox,
    ) -> Negotiated {
        match self.step {
            Step::Hello => match sasl(features, account, &out.config.auth) {
                Some(auth) => {
                    self.step = Step::Auth;
                    out.send(&Frame::Auth(auth));
                    Negotiated::Waits
                }
                None => {
                    let text = "the service offers no usable SASL mechanism";
                    self.failed(AttemptError::Other(Error::new(ErrorKind::Protocol, text)), out)
                }
            },
            Step::Restart => {
                self.step = Step::Bind(features.session);
                let resource = account.resource(out);
                out.ask(IqAsk::Bind, None, IqKind::Set(Payload::Bind { resource, jid: None }));
                Negotiated::Waits
            }
            Step::Auth
            | Step::Bind(_)
            | Step::Session
            | Step::Discovery { .. }
            | Step::ServerPings => {
                out.malformed("features out of turn");
                Negotiated::Waits
            }
        }
    }

    /// SASL succeeded.
    pub(super) fn authenticated(&mut self, account: &Account, out: &mut Outbox) {
        if matches!(self.step, Step::Auth) {
            self.step = Step::Restart;
            open(account, out);
        }
    }

    /// SASL failed.
    pub(super) fn refused(&self, failure: SaslFailure, out: &mut Outbox) -> Negotiated {
        if matches!(self.step, Step::Auth) {
            self.failed(AttemptError::Sasl(failure), out)
        } else {
            Negotiated::Waits
        }
    }

    /// A question of the set-up is answered.
    pub(super) fn answered(
        &mut self,
        ask: &IqAsk,
        answer: &IqAnswer,
        account: &mut Account,
        out: &mut Outbox,
    ) -> Negotiated {
        match (&mut self.step, ask) {
            (Step::Bind(session), IqAsk::Bind) => {
                let session = *session;
                self.bound(session, answer, account, out)
            }
            (Step::Session, IqAsk::Session) => match answer {
                IqAnswer::Result(_) => self.discover(),
                IqAnswer::Error(_) | IqAnswer::Timeout | IqAnswer::Lost => {
                    self.unanswered("session", answer, out)
                }
            },
            (Step::Discovery { .. }, IqAsk::Turn | IqAsk::Stun) if found(answer).is_none() => {
                self.unanswered("ICE server discovery", answer, out)
            }
            (Step::Discovery { turn, .. }, IqAsk::Turn) => {
                *turn = true;
                self.discovered(out)
            }
            (Step::Discovery { stun, .. }, IqAsk::Stun) => {
                *stun = true;
                self.discovered(out)
            }
            (Step::ServerPings, IqAsk::ServerPings) => match answer {
                IqAnswer::Result(_) => Negotiated::Up(self.ws, Pings::Theirs),
                // Refused: ping ourselves (wire notes 2.2).
                IqAnswer::Error(_) | IqAnswer::Timeout | IqAnswer::Lost => {
                    Negotiated::Up(self.ws, Pings::Ours)
                }
            },
            // An answer that nobody waits for any more.
            _ => Negotiated::Waits,
        }
    }

    fn bound(
        &mut self,
        session: SessionFeature,
        answer: &IqAnswer,
        account: &mut Account,
        out: &mut Outbox,
    ) -> Negotiated {
        let jid = match answer {
            IqAnswer::Result(Some(Payload::Bind { jid: Some(jid), .. })) if jid.is_full() => jid,
            IqAnswer::Result(_) | IqAnswer::Error(_) | IqAnswer::Timeout | IqAnswer::Lost => {
                return self.unanswered("bind", answer, out);
            }
        };
        account.bound(jid);
        out.jid = Some(jid.clone());
        if session == SessionFeature::Required {
            self.step = Step::Session;
            out.ask(IqAsk::Session, None, IqKind::Set(Payload::Session));
            Negotiated::Waits
        } else {
            self.discover()
        }
    }

    /// Asks for ICE servers for the first time on a connection, which is not up before.
    fn discover(&mut self) -> Negotiated {
        self.step = Step::Discovery { turn: false, stun: false };
        Negotiated::Discovers
    }

    /// Once both kinds are known, it is agreed on who pings.
    fn discovered(&mut self, out: &mut Outbox) -> Negotiated {
        if !matches!(self.step, Step::Discovery { turn: true, stun: true }) {
            Negotiated::Waits
        } else if out.config.server_side_pings {
            self.step = Step::ServerPings;
            subscribe_node(IqAsk::ServerPings, "enable.server.side.pings", out);
            Negotiated::Waits
        } else {
            Negotiated::Up(self.ws, Pings::Ours)
        }
    }

    /// A question got no answer that can be used.
    fn unanswered(&self, what: &str, answer: &IqAnswer, out: &mut Outbox) -> Negotiated {
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
        self.failed(AttemptError::Other(error), out)
    }

    fn failed(&self, error: AttemptError, out: &mut Outbox) -> Negotiated {
        out.push(Output::CloseWebSocket { id: self.ws });
        Negotiated::Failed(error)
    }
}

fn open(account: &Account, out: &mut Outbox) {
    out.send(&Frame::Open(Open {
        to: account.domain().map(str::to_owned),
        from: None,
        id: None,
        version: Some("1.0".to_owned()),
        lang: Some("en".to_owned()),
    }));
}

/// How we say who we are, by a mechanism that the service offers.
fn sasl(features: &Features, account: &Account, auth: &Auth) -> Option<xmpp::Auth> {
    let offers = |name: &str| features.mechanisms.iter().any(|mechanism| mechanism == name);
    match auth {
        Auth::Token(token) => {
            account.jid().filter(|_| offers("PLAIN")).map(|jid| sasl::plain(jid, token))
        }
        Auth::Jwt(_) | Auth::Guest { .. } => offers("ANONYMOUS").then(sasl::anonymous),
    }
}

/// Subscribes to a node on the stream itself (wire notes 4.1).
pub(super) fn subscribe_node(ask: IqAsk, node: &str, out: &mut Outbox) {
    let Some(jid) = out.bare_jid() else { return };
    let to: Option<Jid> = out.config.pubsub_host().parse().ok();
    let subscribe = PubSub::Subscribe { node: node.to_owned(), jid };
    out.ask(ask, to, IqKind::Set(Payload::PubSub(subscribe)));
}
