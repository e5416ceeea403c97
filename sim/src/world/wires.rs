//! WebSockets and HTTP between phones and the service: streams that delay, break, hang and heal.

use std::time::Duration;

use offhook::machine::{
    HttpId, Input as ClientInput, NetError, NetErrorKind, OutputOf, WsEvent, WsId,
};

use super::pair::{Pair, Text};
use super::phone::{Exchange, Letter, MAX_WAITING, Socket};
use super::phone_id::PhoneId;
use super::seen::Observer;
use super::weather::NoticeWeather;
use super::{Happening, World};
use crate::service::{ConnId, Input as ServiceInput, RequestId, StreamInput};

/// A wire that was cut longer than this has lost its streams.
const STREAMS_DIE: Duration = Duration::from_secs(60);
/// Extra bytes of a request's head, for its time on the wire.
const HEAD: usize = 600;
/// Until the service takes a silent stream for dead.
pub(super) const SILENCE_SEEN: Duration = Duration::from_secs(90);
/// Until a stream that was broken is known to be, on each side.
pub(super) const BREAK_SEEN: (Duration, Duration) =
    (Duration::from_millis(1), Duration::from_millis(300));

fn conn(phone: PhoneId, ws: WsId) -> ConnId {
    ConnId(((phone.0 as u64) << 32) | (ws.0 & 0xffff_ffff))
}

fn socket_of(conn: ConnId) -> (PhoneId, WsId) {
    (PhoneId((conn.0 >> 32) as usize), WsId(conn.0 & 0xffff_ffff))
}

fn request(phone: PhoneId, http: HttpId) -> RequestId {
    RequestId(((phone.0 as u64) << 32) | (http.0 & 0xffff_ffff))
}

fn exchange_of(request: RequestId) -> (PhoneId, HttpId) {
    (PhoneId((request.0 >> 32) as usize), HttpId(request.0 & 0xffff_ffff))
}

impl<O: Observer<P>, P: Pair> World<O, P> {
    /// Does what a phone wants of a stream. What it wants is given back when it is not that.
    pub(super) fn stream_output(
        &mut self,
        phone: PhoneId,
        output: OutputOf<P::Client>,
    ) -> Option<OutputOf<P::Client>> {
        use offhook::Output;
        match output {
            Output::OpenWebSocket { id, request, deadline } => {
                let conn = conn(phone, id);
                let socket =
                    Socket { conn, opened: false, dead: false, up_at: self.now, down_at: self.now };
                let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
                let path = path.to_owned();
                self.phones[phone.0].sockets.insert(id, socket);
                let at = deadline - self.start;
                self.queue.push(at, Happening::OpenDeadline { phone, ws: id });
                let input = ServiceInput::SocketRequested { conn, path };
                self.up(phone, Some(id), HEAD, input);
            }
            Output::SendText { id, text } => {
                self.meddle(phone, id, &text);
                if let Some(socket) = self.phones[phone.0].sockets.get(&id) {
                    let (conn, size) = (socket.conn, text.len());
                    self.up(phone, Some(id), size, ServiceInput::SocketText { conn, text });
                }
            }
            Output::CloseWebSocket { id } => {
                if let Some(socket) = self.phones[phone.0].sockets.get(&id) {
                    let input = ServiceInput::SocketClosed { conn: socket.conn };
                    self.up(phone, Some(id), 10, input);
                    self.phones[phone.0].sockets.remove(&id);
                }
            }
            Output::Http { id, request, deadline } => {
                self.exchange(phone, id, request, deadline - self.start);
            }
            other => return Some(other),
        }
        None
    }

    fn exchange(
        &mut self,
        phone: PhoneId,
        id: HttpId,
        asked: http::Request<Vec<u8>>,
        deadline: Duration,
    ) {
        let weather = self.phones[phone.0].site.rest.clone();
        let size = HEAD + asked.body().len();
        let answer_lost = self.dice.chance(weather.answers_lost);
        self.phones[phone.0].exchanges.insert(id, Exchange { answer_lost });
        self.queue.push(deadline, Happening::HttpDeadline { phone, id });
        if self.dice.chance(weather.unreachable) {
            let error = NetError::new(NetErrorKind::Connect, "no route");
            let at = self.now + self.dice.exponential(Duration::from_millis(50));
            return self.queue.push(at, Happening::Answer { phone, id, result: Err(error) });
        }
        if self.dice.chance(weather.fails) {
            let response = self.failure();
            let at = self.now + self.phones[phone.0].site.conditions.latency * 2;
            return self.queue.push(at, Happening::Answer { phone, id, result: Ok(response) });
        }
        let input = ServiceInput::Request { id: request(phone, id), request: asked };
        if weather.slow.is_zero() {
            self.up(phone, None, size, input);
        } else {
            let at = self.now + self.dice.exponential(weather.slow);
            self.queue.push(at, Happening::Up { phone, ws: None, size, input });
        }
    }

    /// The answer of a service in trouble.
    fn failure(&mut self) -> http::Response<Vec<u8>> {
        let kinds = [(500, None), (502, None), (503, Some(2)), (429, Some(1)), (504, None)];
        let (status, retry_after) = kinds[self.dice.below(kinds.len())];
        let mut response = http::Response::new(b"{\"message\":\"in trouble\"}".to_vec());
        *response.status_mut() =
            http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::BAD_GATEWAY);
        if let Some(seconds) = retry_after {
            let value = http::HeaderValue::from(seconds);
            response.headers_mut().insert(http::header::RETRY_AFTER, value);
        }
        response
    }

    /// Sends something to the service, after what went before it on the same stream.
    pub(super) fn up(
        &mut self,
        phone: PhoneId,
        ws: Option<WsId>,
        size: usize,
        input: ServiceInput,
    ) {
        let now = self.now;
        let phone = &mut self.phones[phone.0];
        if let Some(cut) = &mut phone.site.cut {
            if cut.waiting.len() < MAX_WAITING {
                cut.waiting.push(Letter::Up { ws, size, input });
            }
            return;
        }
        let socket = ws.and_then(|ws| phone.sockets.get_mut(&ws));
        if socket.as_ref().is_some_and(|socket| socket.dead) {
            return;
        }
        let site = &mut phone.site;
        let after = socket.as_ref().map_or(now, |socket| socket.up_at);
        let at = site.up.stream(now, size, after, &site.conditions, &mut self.dice);
        if let Some(socket) = socket {
            socket.up_at = at;
        }
        self.queue.push(at, Happening::ToService(input));
    }

    /// Sends something to a phone.
    pub(super) fn down(
        &mut self,
        phone_id: PhoneId,
        ws: Option<WsId>,
        size: usize,
        input: ClientInput,
    ) {
        let now = self.now;
        let phone = &mut self.phones[phone_id.0];
        if let Some(cut) = &mut phone.site.cut {
            if cut.waiting.len() < MAX_WAITING {
                cut.waiting.push(Letter::Down { ws, size, input });
            }
            return;
        }
        let socket = ws.and_then(|ws| phone.sockets.get_mut(&ws));
        if ws.is_some() && socket.as_ref().is_none_or(|socket| socket.dead) {
            return;
        }
        let site = &mut phone.site;
        let after = socket.as_ref().map_or(now, |socket| socket.down_at);
        let at = site.down.stream(now, size, after, &site.conditions, &mut self.dice);
        if let Some(socket) = socket {
            socket.down_at = at;
        }
        self.queue.push(at, Happening::ToPhone { phone: phone_id, ws, input });
    }

    // From the service

    pub(super) fn answered(&mut self, id: RequestId, response: http::Response<Vec<u8>>) {
        let (phone, http) = exchange_of(id);
        let Some(exchange) = self.phones[phone.0].exchanges.get(&http) else { return };
        if exchange.answer_lost {
            return;
        }
        let size = HEAD + response.body().len();
        self.down(phone, None, size, ClientInput::Http { id: http, result: Ok(response) });
    }

    pub(super) fn socket_event(&mut self, conn: ConnId, size: usize, event: WsEvent) {
        let (phone, id) = socket_of(conn);
        let notices = &self.phones[phone.0].site.notices;
        let text = match &event {
            WsEvent::Text(text)
                if *notices != NoticeWeather::default() && P::kind_of(text) != Text::Other =>
            {
                Some(text.clone())
            }
            _ => None,
        };
        let Some(text) = text else {
            return self.down(phone, Some(id), size, ClientInput::WebSocket { id, event });
        };
        let notices = notices.clone();
        let is_event = P::kind_of(&text) == Text::Notification;
        if is_event && self.dice.chance(notices.lost) {
            return self.counts.add("notification lost");
        }
        if self.dice.chance(notices.rubbish) {
            let rubbish = self.rubbish(&text);
            let event = WsEvent::Text(rubbish);
            self.down(phone, Some(id), size, ClientInput::WebSocket { id, event });
            self.counts.add("rubbish before a message");
        }
        if self.dice.chance(notices.late) {
            let at = self.now + self.dice.exponential(Duration::from_millis(400));
            self.counts.add("message late");
            return self.queue.push(at, Happening::Late { phone, ws: id, text });
        }
        if self.dice.chance(notices.twice) {
            let event = WsEvent::Text(text.clone());
            self.down(phone, Some(id), size, ClientInput::WebSocket { id, event });
            self.counts.add("message twice");
        }
        let event = WsEvent::Text(text);
        self.down(phone, Some(id), size, ClientInput::WebSocket { id, event });
    }

    /// Rubbish that should harm no client, made from a good message.
    fn rubbish(&mut self, text: &str) -> String {
        let cut = text.char_indices().map(|(at, _)| at).nth(self.dice.below(text.len().max(1)));
        match self.dice.below(4) {
            0 => text[..cut.unwrap_or(text.len())].to_owned(),
            1 => P::RUBBISH.to_owned(),
            2 => text.replace("id", "di"),
            _ => text.replace(':', ""),
        }
    }

    pub(super) fn socket_closed_by_service(&mut self, conn: ConnId, code: Option<u16>) {
        let (phone, id) = socket_of(conn);
        let event = WsEvent::Closed { code, reason: String::new() };
        self.down(phone, Some(id), 10, ClientInput::WebSocket { id, event });
        let latency = self.phones[phone.0].site.conditions.latency;
        self.queue
            .push(self.now + latency, Happening::ToService(ServiceInput::SocketClosed { conn }));
    }

    /// True if a phone is still to be told what a stream brings it; notes what the network notes of
    /// it.
    pub(super) fn arrives(
        &mut self,
        phone_id: PhoneId,
        ws: Option<WsId>,
        input: &ClientInput,
    ) -> bool {
        let phone = &mut self.phones[phone_id.0];
        match (input, ws) {
            (ClientInput::Http { id, .. }, _) => phone.exchanges.remove(id).is_some(),
            (ClientInput::Stream { id, event }, _) => self.stream_is_told(phone_id, *id, event),
            (ClientInput::WebSocket { event, .. }, Some(ws)) => {
                let Some(socket) = phone.sockets.get_mut(&ws) else { return false };
                match event {
                    WsEvent::Opened { .. } => socket.opened = true,
                    WsEvent::Closed { .. } | WsEvent::Failed(_) => {
                        phone.sockets.remove(&ws);
                    }
                    _ => {}
                }
                true
            }
            _ => true,
        }
    }

    // Deadlines, which are the runtime's

    pub(super) fn http_deadline(&mut self, phone: PhoneId, id: HttpId) {
        if self.phones[phone.0].exchanges.remove(&id).is_some() {
            let error = NetError::new(NetErrorKind::Timeout, "no answer");
            self.feed_phone(phone, ClientInput::Http { id, result: Err(error) });
        }
    }

    pub(super) fn open_deadline(&mut self, phone: PhoneId, id: WsId) {
        let sockets = &mut self.phones[phone.0].sockets;
        if sockets.get(&id).is_some_and(|socket| !socket.opened) {
            if let Some(socket) = sockets.remove(&id) {
                let input = ServiceInput::SocketClosed { conn: socket.conn };
                self.queue.push(self.now, Happening::ToService(input));
            }
            let error = NetError::new(NetErrorKind::Timeout, "not opened");
            let event = WsEvent::Failed(error);
            self.feed_phone(phone, ClientInput::WebSocket { id, event });
        }
    }

    // Faults of the wires

    /// All of a phone's WebSockets and streams break; both sides learn it soon.
    pub(super) fn break_sockets(&mut self, phone: PhoneId, why: &str) {
        self.break_streams(phone, why);
        let sockets = std::mem::take(&mut self.phones[phone.0].sockets);
        for (id, socket) in sockets {
            let seen = self.dice.between(BREAK_SEEN);
            let input = ServiceInput::SocketClosed { conn: socket.conn };
            self.queue.push(self.now + seen, Happening::ToService(input));
            let event = if socket.opened {
                WsEvent::Closed { code: None, reason: why.to_owned() }
            } else {
                WsEvent::Failed(NetError::new(NetErrorKind::Lost, why))
            };
            let seen = self.dice.between(BREAK_SEEN);
            let input = ClientInput::WebSocket { id, event };
            self.queue.push(self.now + seen, Happening::ToPhone { phone, ws: None, input });
        }
    }

    /// All of a phone's WebSockets and streams fall silent; the service gives up after a while.
    pub(super) fn silence_sockets(&mut self, phone: PhoneId) {
        self.silence_streams(phone);
        for socket in self.phones[phone.0].sockets.values_mut() {
            socket.dead = true;
            let input = ServiceInput::SocketClosed { conn: socket.conn };
            self.queue.push(self.now + SILENCE_SEEN, Happening::ToService(input));
        }
    }

    /// Makes the wire whole again: streams go on with what waited, if they lived that long.
    pub(super) fn mend(&mut self, phone: PhoneId) {
        let Some(cut) = self.phones[phone.0].site.cut.take() else { return };
        if self.now - cut.since > STREAMS_DIE {
            for letter in cut.waiting {
                match letter {
                    Letter::Up { input: input @ ServiceInput::SocketClosed { .. }, .. } => {
                        self.queue.push(self.now, Happening::ToService(input));
                    }
                    Letter::StreamUp { conn, event: event @ StreamInput::Closed, .. } => {
                        self.queue.push(self.now, Happening::StreamUp { conn, event });
                    }
                    Letter::Up { .. }
                    | Letter::Down { .. }
                    | Letter::StreamUp { .. }
                    | Letter::StreamDown { .. } => {}
                }
            }
            return self.break_sockets(phone, "timed out");
        }
        for letter in cut.waiting {
            match letter {
                Letter::Up { ws, size, input } => self.up(phone, ws, size, input),
                Letter::Down { ws, size, input } => self.down(phone, ws, size, input),
                Letter::StreamUp { id, event, .. }
                    if self.phones[phone.0].streams.contains_key(&id) =>
                {
                    self.stream_up(phone, id, event);
                }
                // It was closed meanwhile, and is gone here.
                Letter::StreamUp { conn, event, .. } => {
                    let at = self.now + self.phones[phone.0].site.conditions.latency;
                    self.queue.push(at, Happening::StreamUp { conn, event });
                }
                Letter::StreamDown { id, event } => self.stream_down(phone, id, event),
            }
        }
    }
}
