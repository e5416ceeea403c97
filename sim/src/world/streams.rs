//! Streams of bytes, and names of hosts: the way to relays.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use offhook::Output;
use offhook::machine::{
    Input as ClientInput, NameId, NetError, NetErrorKind, OutputOf, StreamEvent, StreamId,
};

use super::pair::Pair;
use super::phone::{Letter, MAX_WAITING, Socket};
use super::phone_id::PhoneId;
use super::seen::Observer;
use super::wires::{BREAK_SEEN, SILENCE_SEEN};
use super::{Happening, World};
use crate::service::{ConnId, Service as _, StreamInput};

/// Sets the names of streams apart from those of WebSockets.
const STREAM: u64 = 1 << 63;
/// The first of the ports that streams leave from.
const FIRST_PORT: u16 = 49_152;
/// Bytes of each message beside its content, for its time on the wire.
const HEAD: usize = 60;

fn conn(phone: PhoneId, id: StreamId) -> ConnId {
    ConnId(STREAM | ((phone.0 as u64) << 32) | (id.0 & 0xffff_ffff))
}

fn stream_of(conn: ConnId) -> (PhoneId, StreamId) {
    (PhoneId(((conn.0 & !STREAM) >> 32) as usize), StreamId(conn.0 & 0xffff_ffff))
}

fn port(id: StreamId) -> u16 {
    FIRST_PORT + (id.0 % u64::from(u16::MAX - FIRST_PORT)) as u16
}

impl<O: Observer<P>, P: Pair> World<O, P> {
    /// Gives a host these addresses. Other names there are none.
    pub fn set_name(&mut self, host: &str, addresses: impl Into<Vec<IpAddr>>) {
        self.names.insert(host.to_ascii_lowercase(), addresses.into());
    }

    /// Does what a phone wants of streams of bytes and of names. What it wants is given back when it
    /// is neither.
    pub(super) fn bytes_output(
        &mut self,
        phone: PhoneId,
        output: OutputOf<P::Client>,
    ) -> Option<OutputOf<P::Client>> {
        match output {
            Output::Resolve { id, host, deadline } => {
                self.resolve(phone, id, &host, deadline - self.start);
            }
            Output::OpenStream { id, to, tls, from, deadline } => {
                let site = &self.phones[phone.0].site;
                if from.is_some_and(|from| from != site.inside) {
                    let error = NetError::new(NetErrorKind::Local, "no such address here");
                    let input = ClientInput::Stream { id, event: StreamEvent::Failed(error) };
                    self.queue.push(self.now, Happening::ToPhone { phone, ws: None, input });
                    return None;
                }
                let from = SocketAddr::new(site.outside, port(id));
                let (up_at, down_at) = (self.now, self.now);
                let conn = conn(phone, id);
                let stream = Socket { conn, opened: false, dead: false, up_at, down_at };
                self.phones[phone.0].streams.insert(id, stream);
                let at = deadline - self.start;
                self.queue.push(at, Happening::StreamDeadline { phone, id });
                self.stream_up(phone, id, StreamInput::Opened { from, to, tls });
            }
            Output::SendStream { id, data } => self.stream_up(phone, id, StreamInput::Data(data)),
            Output::CloseStream { id } => {
                self.stream_up(phone, id, StreamInput::Closed);
                self.phones[phone.0].streams.remove(&id);
            }
            other => return Some(other),
        }
        None
    }

    /// Looks a host up: there and back once.
    fn resolve(&mut self, phone: PhoneId, id: NameId, host: &str, deadline: Duration) {
        let site = &self.phones[phone.0].site;
        let at = self.now + site.conditions.latency * 2;
        let known = || self.names.get(host.trim_end_matches('.').to_ascii_lowercase().as_str());
        let (at, result) = match host.parse() {
            Ok(address) => (self.now, Ok(vec![address])),
            Err(_) if site.cut.is_some() || at > deadline => {
                (deadline, Err(NetError::new(NetErrorKind::Timeout, "no answer")))
            }
            Err(_) => {
                let none = || NetError::new(NetErrorKind::Resolve, "no such host");
                (at, known().cloned().ok_or_else(none))
            }
        };
        let input = ClientInput::Resolved { id, result };
        self.queue.push(at, Happening::ToPhone { phone, ws: None, input });
    }

    /// Sends something to the service, after what went before it on the same stream.
    pub(super) fn stream_up(&mut self, phone_id: PhoneId, id: StreamId, event: StreamInput) {
        let phone = &mut self.phones[phone_id.0];
        let Some(stream) = phone.streams.get_mut(&id).filter(|stream| !stream.dead) else {
            return;
        };
        if let Some(cut) = &mut phone.site.cut {
            if cut.waiting.len() < MAX_WAITING {
                cut.waiting.push(Letter::StreamUp { id, conn: stream.conn, event });
            }
            return;
        }
        let size = HEAD + if let StreamInput::Data(data) = &event { data.len() } else { 0 };
        let (site, after) = (&mut phone.site, stream.up_at);
        let at = site.up.stream(self.now, size, after, &site.conditions, &mut self.dice);
        stream.up_at = at;
        self.queue.push(at, Happening::StreamUp { conn: stream.conn, event });
    }

    /// Something of a stream reaches the service, or where it might be.
    pub(super) fn stream_arrives(&mut self, conn: ConnId, event: StreamInput) {
        let (phone, id) = stream_of(conn);
        match &event {
            StreamInput::Opened { to, .. } if self.service.listens(*to) => {
                self.service_streams.insert(conn);
                let local = SocketAddr::new(self.phones[phone.0].site.inside, port(id));
                self.stream_down(phone, id, StreamEvent::Opened { local });
            }
            StreamInput::Opened { .. } => {
                let error = NetError::new(NetErrorKind::Connect, "connection refused");
                return self.stream_down(phone, id, StreamEvent::Failed(error));
            }
            StreamInput::Closed if self.service_streams.remove(&conn) => {}
            StreamInput::Data(_) if self.service_streams.contains(&conn) => {}
            // The service has closed it.
            StreamInput::Closed | StreamInput::Data(_) => return,
        }
        self.feed_stream(conn, event);
    }

    /// The service sends on a stream.
    pub(super) fn stream_answer(&mut self, conn: ConnId, event: StreamEvent) {
        if let StreamEvent::Closed { .. } = event {
            self.service_streams.remove(&conn);
        }
        let (phone, id) = stream_of(conn);
        self.stream_down(phone, id, event);
    }

    /// Sends something to a phone.
    pub(super) fn stream_down(&mut self, phone_id: PhoneId, id: StreamId, event: StreamEvent) {
        let phone = &mut self.phones[phone_id.0];
        let Some(stream) = phone.streams.get_mut(&id).filter(|stream| !stream.dead) else {
            return;
        };
        if let Some(cut) = &mut phone.site.cut {
            if cut.waiting.len() < MAX_WAITING {
                cut.waiting.push(Letter::StreamDown { id, event });
            }
            return;
        }
        let size = HEAD + if let StreamEvent::Data(data) = &event { data.len() } else { 0 };
        let (site, after) = (&mut phone.site, stream.down_at);
        let at = site.down.stream(self.now, size, after, &site.conditions, &mut self.dice);
        stream.down_at = at;
        let input = ClientInput::Stream { id, event };
        self.queue.push(at, Happening::ToPhone { phone: phone_id, ws: None, input });
    }

    /// True if a phone is still to be told that of a stream.
    pub(super) fn stream_is_told(
        &mut self,
        phone: PhoneId,
        id: StreamId,
        event: &StreamEvent,
    ) -> bool {
        let streams = &mut self.phones[phone.0].streams;
        match event {
            StreamEvent::Opened { .. } => {
                streams.get_mut(&id).map(|stream| stream.opened = true).is_some()
            }
            StreamEvent::Closed { .. } | StreamEvent::Failed(_) => streams.remove(&id).is_some(),
            _ => streams.contains_key(&id),
        }
    }

    pub(super) fn stream_deadline(&mut self, phone: PhoneId, id: StreamId) {
        let streams = &mut self.phones[phone.0].streams;
        if let Some(stream) = streams.get(&id).filter(|stream| !stream.opened) {
            let closed = Happening::StreamUp { conn: stream.conn, event: StreamInput::Closed };
            self.queue.push(self.now, closed);
            let error = NetError::new(NetErrorKind::Timeout, "not opened");
            let input = ClientInput::Stream { id, event: StreamEvent::Failed(error) };
            self.queue.push(self.now, Happening::ToPhone { phone, ws: None, input });
        }
    }

    /// All of a phone's streams break; both sides learn it soon.
    pub(super) fn break_streams(&mut self, phone: PhoneId, why: &str) {
        let streams: Vec<_> = self.phones[phone.0].streams.iter_mut().collect();
        let mut broken = Vec::new();
        for (id, stream) in streams {
            stream.dead = true;
            broken.push((*id, stream.conn, stream.opened));
        }
        for (id, conn, opened) in broken {
            let seen = self.now + self.dice.between(BREAK_SEEN);
            self.queue.push(seen, Happening::StreamUp { conn, event: StreamInput::Closed });
            let error = NetError::new(NetErrorKind::Lost, why);
            let event = if opened {
                StreamEvent::Closed { error: Some(error) }
            } else {
                StreamEvent::Failed(error)
            };
            let seen = self.now + self.dice.between(BREAK_SEEN);
            let input = ClientInput::Stream { id, event };
            self.queue.push(seen, Happening::ToPhone { phone, ws: None, input });
        }
    }

    /// All of a phone's streams fall silent; the service gives up after a while.
    pub(super) fn silence_streams(&mut self, phone: PhoneId) {
        for stream in self.phones[phone.0].streams.values_mut() {
            stream.dead = true;
            let closed = Happening::StreamUp { conn: stream.conn, event: StreamInput::Closed };
            self.queue.push(self.now + SILENCE_SEEN, closed);
        }
    }
}
