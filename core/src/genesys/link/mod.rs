//! Getting connected and staying so (wire notes 1 to 4).
//!
//! Identity and channel by REST, socket, SASL, bind, session, discovery, topics; then keep-alive
//! until something breaks, and all over again with growing pauses.
//!
//! Each part keeps one matter and says what it comes to; [`Link`] routes what comes in, and tells
//! each part what the others came to:
//!
//! | part | its matter |
//! | --- | --- |
//! | `connection` | one connection after another: from wanted to up, and how each ends |
//! | `account`, `channel` | who we are, and the way in that the service gave us |
//! | `attempts` | when to try again, and whether to |
//! | `entry` | asking by REST for what a socket takes |
//! | `stream` | setting a stream up on a socket |
//! | `readiness` | what a connection that is up needs: `subscriptions`, `user_station`, `ice`, `leader`; what is `missing` of it |
//! | `callers` | `Connect` and `Disconnect` commands |

mod account;
mod attempts;
mod callers;
mod channel;
mod connection;
mod entry;
mod ice;
mod leader;
mod missing;
mod readiness;
mod stream;
mod subscriptions;
mod user_station;

use serde_json::Value;

use self::account::Identity;
pub(crate) use self::account::Invited;
use self::callers::Callers;
use self::connection::{Change, Connection};
use self::readiness::{Prepared, Readiness};
use self::stream::Pings;
use crate::genesys::ask::{IqAsk, LinkAsk};
use crate::genesys::command::Outcome;
use crate::genesys::config::Config;
use crate::genesys::error::{Error, ErrorKind};
use crate::genesys::event::{Event, IceServers};
use crate::genesys::outbox::Outbox;
use crate::genesys::timing::Timing;
use crate::genesys::wire::{Dialect, Frame, Iq, IqAnswer, IqKind, Payload};
use crate::link::{Health, Keepalive, Patience};
use crate::machine::{CommandId, Wake, WsEvent, WsId};
use crate::report::TraceDirection;
use crate::rest::Failure;

/// The connection, and what stands on it. See the [module](self).
#[derive(Debug)]
pub(crate) struct Link {
    connection: Connection,
    keepalive: Keepalive,
    pub(crate) readiness: Readiness,
    callers: Callers,
}

/// A change of the connection that its owner has to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// Frames can no longer be sent.
    Lost,
}

impl Link {
    pub(crate) fn new(timing: &Timing, resource: Option<String>) -> Self {
        let (pause, forgiven, silence) = (timing.ping, timing.pings_missed, timing.silence);
        Self {
            connection: Connection::new(timing, resource),
            keepalive: Keepalive::new(Patience { pause, forgiven, silence }),
            readiness: Readiness::default(),
            callers: Callers::default(),
        }
    }

    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.connection.account.identity()
    }

    /// Returns true if a socket is the connection's.
    pub(crate) fn owns(&self, id: WsId) -> bool {
        self.connection.owns(id)
    }

    pub(crate) fn is_online(&self) -> bool {
        self.connection.is_online()
    }

    /// Returns true if a topic's notifications belong to the application.
    pub(crate) fn is_wanted(&self, topic: &str) -> bool {
        self.readiness.is_wanted(topic)
    }

    /// The servers for a session that starts now, which keeps them.
    pub(crate) fn ice_servers(&self, config: &Config) -> IceServers {
        self.readiness.ice_servers(config)
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let timers = Wake::earliest(self.connection.next_wake(), self.readiness.next_wake());
        Wake::earliest(timers, self.keepalive.next_wake())
    }

    // Commands

    pub(crate) fn may_connect(&self) -> Result<(), Error> {
        self.callers.may_connect()?;
        match self.connection.is_stopping() {
            true => Err(Error::new(ErrorKind::Session, "disconnecting")),
            false => Ok(()),
        }
    }

    pub(crate) fn connect(&mut self, command: CommandId, out: &mut Outbox) {
        if self.readiness.is_ready() {
            return out.complete(command, Ok(Outcome::Done));
        }
        self.callers.connect(command);
        self.connection.connect(out);
        self.settle(out);
    }

    pub(crate) fn may_disconnect(&self) -> Result<(), Error> {
        self.callers.may_disconnect()
    }

    pub(crate) fn disconnect(
        &mut self,
        command: CommandId,
        out: &mut Outbox,
    ) -> Option<Transition> {
        self.callers.disconnect(command);
        self.connection.disconnect(out);
        self.settle(out)
    }

    /// The commands that wait here are answered by others.
    pub(crate) fn forget_commands(&mut self) {
        self.callers.forget();
        self.readiness.forget_commands();
    }

    /// Returns true if it is a `Connect` that is not answered.
    pub(crate) fn waits(&self, command: CommandId) -> bool {
        self.callers.is_connecting(command)
    }

    /// A `Connect`'s time is up: it fails with the last reason. Where nobody else waits, and the
    /// client was not ready since it set out, it stops trying, and is as it was before the command.
    pub(crate) fn connect_overdue(
        &mut self,
        command: CommandId,
        out: &mut Outbox,
    ) -> Option<Transition> {
        let error = self.connection.overdue(out);
        if self.connection.stays() || self.callers.are_several() {
            self.callers.refuse(command, error, out);
            return None;
        }
        self.connection.give_up(error.clone(), out);
        let lost = self.settle(out);
        if self.callers.is_connecting(command) {
            self.callers.refuse(command, error, out);
        }
        lost
    }

    /// There is a network, perhaps another one.
    pub(crate) fn network_changed(&mut self, out: &mut Outbox) {
        self.connection.network_changed();
        self.probe(out);
    }

    /// There is no network: the next attempt waits for [`Link::network_changed`].
    pub(crate) fn went_offline(&mut self) {
        self.connection.network_gone();
    }

    /// Something may have changed: a connection that stands is tested now, one that is waited for
    /// is tried now.
    pub(crate) fn probe(&mut self, out: &mut Outbox) {
        self.keepalive.probe(out.now());
        self.connection.hurry(out.now());
    }

    // What comes in

    pub(crate) fn handle_socket(
        &mut self,
        id: WsId,
        event: WsEvent,
        out: &mut Outbox,
    ) -> Option<Transition> {
        self.connection.handle_socket(id, event, out);
        self.settle(out)
    }

    /// Takes frames of the stream itself; gives back stanzas that are not about the connection.
    pub(crate) fn handle_frame(
        &mut self,
        frame: Frame,
        out: &mut Outbox,
    ) -> (Option<Transition>, Option<Frame>) {
        self.keepalive.heard(out.now());
        match frame {
            Frame::Features(features) => self.connection.handle_features(&features, out),
            Frame::Success => self.connection.handle_success(out),
            Frame::Failure(failure) => self.connection.handle_failure(failure, out),
            Frame::Close(_) => self.connection.handle_close(out),
            Frame::StreamError(error) => {
                // Only a close or a drop ends the connection (wire notes 1.6).
                let text = format!("stream error: {}", error.condition);
                let error = Error::new(ErrorKind::Protocol, text).caused_by(&error);
                out.event(Event::Error(error));
            }
            Frame::Open(open) => self.readiness.opened(open.id),
            Frame::Auth(_) => out.malformed("auth from the service"),
            Frame::Other { name, .. } => out.malformed(format!("unknown frame {name}")),
            Frame::Iq(Iq {
                kind: IqKind::Set(Payload::Extension(Dialect::ConnectionTransfer)),
                from,
                ..
            }) if out.is_service(from.as_ref()) => self.connection.transfer(out),
            stanza @ (Frame::Iq(_) | Frame::Message(_) | Frame::Presence(_)) => {
                return (None, Some(stanza));
            }
        }
        (self.settle(out), None)
    }

    /// Tells that a frame came that could not be read at all.
    pub(crate) fn unreadable(&mut self, text: &str, out: &mut Outbox) {
        self.keepalive.heard(out.now());
        out.trace_frame(TraceDirection::Received, None, text);
    }

    pub(crate) fn handle_iq(
        &mut self,
        ask: &IqAsk,
        answer: IqAnswer,
        out: &mut Outbox,
    ) -> Option<Transition> {
        match ask {
            IqAsk::Bind | IqAsk::Session | IqAsk::ServerPings => {
                self.connection.handle_iq(ask, &answer, out);
            }
            IqAsk::Turn | IqAsk::Stun => {
                self.readiness.discovered(ask, &answer, &self.connection.account, out);
                self.connection.handle_iq(ask, &answer, out);
            }
            IqAsk::Ping => {
                let answered = matches!(answer, IqAnswer::Result(_));
                if self.keepalive.pinged(answered, out.now()) == Health::Dead {
                    self.connection.silent(out);
                }
            }
            IqAsk::Conversations => {
                let channel = &self.connection.account.channel;
                self.readiness.conversations_subscribed(answer, channel, out);
            }
            IqAsk::Answer(_) | IqAsk::Update(_) | IqAsk::Terminate(_) | IqAsk::Mute { .. } => {}
        }
        self.settle(out)
    }

    pub(crate) fn handle_rest(
        &mut self,
        ask: &LinkAsk,
        result: Result<Value, Failure>,
        out: &mut Outbox,
    ) {
        match ask {
            LinkAsk::Entry(ask) => self.connection.handle_entry(*ask, result, out),
            LinkAsk::Probe => {
                if let Err(failure) = result {
                    out.event(Event::NetworkConnectivityWarning(failure.into()));
                }
            }
            LinkAsk::Alertable => self.readiness.alertable_answered(&result, out),
            LinkAsk::Leader => self.readiness.leader_answered(result, out),
            LinkAsk::Claim(command) => {
                out.complete(*command, result.map(|_| Outcome::Done).map_err(Error::from));
            }
            LinkAsk::Station => {
                if let Err(failure) = self.readiness.station_loaded(result, out) {
                    self.goes_without(failure, out);
                }
            }
            LinkAsk::Topics => self.subscribed(result, out),
        }
        self.settle(out);
    }

    fn subscribed(&mut self, result: Result<Value, Failure>, out: &mut Outbox) {
        let channel = &mut self.connection.account.channel;
        match self.readiness.subscribed(result, channel, out) {
            (Prepared::Enough, Err(failure)) if self.callers.want_connection() => {
                self.connection.login_failed(failure, out);
            }
            (prepared, result) => {
                // Calls still come by their proposals.
                if let Err(failure) = result {
                    self.goes_without(failure, out);
                }
                if prepared == Prepared::Enough {
                    self.ready(out);
                }
            }
        }
    }

    /// The user's station changed (STN-2).
    pub(crate) fn handle_station(&mut self, json: &Value, out: &mut Outbox) {
        self.readiness.handle_station(json, out);
    }

    /// Takes a notification of a change of the alerting leader (SG-9).
    pub(crate) fn handle_leader(&mut self, body: &Value, out: &mut Outbox) {
        self.readiness.handle_leader(body, out);
    }

    /// Service notices (wire notes 4.6). True when the node was one.
    pub(crate) fn handle_notice(&mut self, node: &str, out: &Outbox) -> bool {
        if node.contains("no_longer_subscribed") || node.contains("duplicate_id") {
            // Another socket has the channel. The service closes this one.
            self.keepalive.stop();
            self.connection.account.channel.discard();
            true
        } else if node == "streaming-subscriptions-expiring" {
            self.readiness.schedule_topics(out);
            true
        } else {
            false
        }
    }

    /// Asks the service for ICE servers anew, if it can be asked.
    pub(crate) fn discover(&mut self, out: &mut Outbox) {
        if self.is_online() {
            self.readiness.discover(&self.connection.account, out);
        }
    }

    pub(crate) fn handle_timeout(&mut self, out: &mut Outbox) -> Option<Transition> {
        self.connection.handle_timeout(out);
        let lost = self.settle(out);
        self.readiness.handle_timeout(&self.connection.account, out);
        match self.keepalive.handle_timeout(out.now()) {
            Health::Fine => {}
            Health::Ping => out.ask(IqAsk::Ping, None, IqKind::Get(Payload::Ping)),
            Health::Dead => self.connection.silent(out),
        }
        self.settle(out).or(lost)
    }

    // What parts come to

    /// Tells each part what the connection came to.
    fn settle(&mut self, out: &mut Outbox) -> Option<Transition> {
        let mut transition = None;
        for change in self.connection.take_changes() {
            match change {
                Change::Identified(station) => {
                    self.readiness.identified(station, &self.connection.account, &out.config);
                }
                Change::Discovers => self.readiness.discover(&self.connection.account, out),
                Change::Up { pings, reconnect } => {
                    match pings {
                        Pings::Ours => self.keepalive.ping(out.now()),
                        Pings::Theirs => self.keepalive.listen(out.now()),
                    }
                    let account = &mut self.connection.account;
                    match self.readiness.connected(reconnect, account, out) {
                        Prepared::Waits => {}
                        Prepared::Enough => self.ready(out),
                    }
                }
                Change::Lost => {
                    self.lost(out);
                    transition = Some(Transition::Lost);
                }
                Change::Failed => self.lost(out),
                Change::Stopped(why) => {
                    self.callers.refuse_all(&why, out);
                    self.readiness.stopped(&why, out);
                    self.callers.disconnected(out);
                }
            }
        }
        transition
    }

    fn lost(&mut self, out: &mut Outbox) {
        self.keepalive.stop();
        self.readiness.lost(out);
    }

    fn ready(&mut self, out: &mut Outbox) {
        self.readiness.ready(self.connection.ready(), out);
        self.callers.connected(out);
    }

    /// Something that a connection needs could not be had, and the application is told.
    fn goes_without(&mut self, failure: Failure, out: &mut Outbox) {
        self.ask_again(&failure, out);
        out.event(Event::Error(failure.into()));
    }

    /// Something that a connection needs could not be had: it is asked for again in a while, or
    /// with the next token.
    pub(crate) fn ask_again(&mut self, failure: &Failure, out: &Outbox) {
        if self.connection.is_set_up() {
            self.readiness.ask_again(failure, out);
        }
    }
}
