//! The loop that feeds the machines and does what they ask for.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use offhook::Machine as _;
use offhook::machine::{
    Frame, Input as ClientInput, NetError, NetErrorKind, Output, OutputOf, StreamEvent, Track,
    TrackId, UdpEvent, Wake, WsEvent,
};

use offhook::media::{AudioFrame, Digit};

use super::alarm::Ring;
use super::application::{Keys, Moment, Pressed, drain};
use super::digest::decided;
use super::pair::Pair;
use super::phone::MAX_WAITING;
use super::phone_id::PhoneId;
use super::relay::{Relay, Sent};
use super::seen::{Observer, Seen};
use super::story::Line;
use super::{Fidelity, Happening, MAX_TURNS, World};
use crate::service::{
    ConnId, Input as ServiceInput, Output as ServiceOutput, Service as _, StreamInput,
};

/// The digest's kinds of what goes in and out.
mod kind {
    pub(super) const TEXT_IN: u8 = 1;
    pub(super) const HTTP_IN: u8 = 2;
    pub(super) const DATAGRAM: u8 = 3;
    pub(super) const OTHER: u8 = 4;
    pub(super) const OUT: u8 = 5;
    pub(super) const SERVICE: u8 = 6;
    pub(super) const HEARD: u8 = 7;
}

/// The way between the relay and the service.
const BACKBONE: Duration = Duration::from_millis(5);

/// The digest's name for the service.
const SERVICE: usize = usize::MAX;

/// The part of a frame that the digest is told: when it was said, what came before it, and its end,
/// where our own have their number. What an encoder made of it may differ from one machine to
/// another.
fn frame_bytes(frame: &AudioFrame) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&frame.time.to_le_bytes());
    bytes[8..12].copy_from_slice(&frame.lost_before.to_le_bytes());
    bytes[12] = u8::from(frame.talkspurt);
    if let Some(number) = frame.data.last_chunk::<8>() {
        bytes[16..].copy_from_slice(number);
    }
    bytes
}

impl<O: Observer<P>, P: Pair> World<O, P> {
    pub(super) fn step(&mut self) {
        let Some((at, what)) = self.queue.pop() else { return };
        self.now = self.now.max(at);
        self.happened += 1;
        match what {
            Happening::ToPhone { phone, ws, input } => {
                self.delivered += 1;
                if self.arrives(phone, ws, &input) {
                    let mut forged = self.forge(phone, ws, &input);
                    if let Some(ws) = ws
                        && let Some(first) = forged.take_if(|text| self.comes_first(phone, text))
                    {
                        self.forged(phone, ws, first);
                    }
                    self.hand_over(phone, input);
                    if let (Some(ws), Some(forged)) = (ws, forged) {
                        self.forged(phone, ws, forged);
                    }
                }
            }
            Happening::ToService(input) => {
                self.delivered += 1;
                self.feed_service(input);
            }
            Happening::Up { phone, ws, size, input } => self.up(phone, ws, size, input),
            Happening::Answer { phone, id, result } => {
                self.delivered += 1;
                if self.phones[phone.0].exchanges.remove(&id).is_some() {
                    self.feed_phone(phone, ClientInput::Http { id, result });
                }
            }
            Happening::Stranger { phone, ws, text } => self.forged(phone, ws, text),
            Happening::Late { phone, ws, text } => {
                let (size, event) = (text.len(), WsEvent::Text(text));
                self.down(phone, Some(ws), size, ClientInput::WebSocket { id: ws, event });
            }
            Happening::WakePhone(phone) => match self.phones[phone.0].alarm.ring(at) {
                Ring::Wake => {
                    if self.phones[phone.0].asleep.is_none() {
                        let machine = &self.phones[phone.0];
                        let makes_one =
                            !machine.sockets.is_empty() || !machine.exchanges.is_empty();
                        let wired = makes_one || P::is_connected(&machine.client);
                        let reason = machine.reason;
                        self.observer.see(self.now, Seen::Woken { phone, reason, wired });
                    }
                    self.feed_phone(phone, ClientInput::Timeout);
                }
                Ring::Later(at) => self.queue.push(at, Happening::WakePhone(phone)),
                Ring::Nothing => {}
            },
            Happening::WakeApp(phone) => match self.phones[phone.0].app_alarm.ring(at) {
                // Nothing runs on a phone that sleeps; it is told when it goes on.
                Ring::Wake if self.phones[phone.0].asleep.is_some() => {}
                Ring::Wake => {
                    self.moment(phone, Moment::Wake);
                    self.serve_phone(phone);
                }
                Ring::Later(at) => self.queue.push(at, Happening::WakeApp(phone)),
                Ring::Nothing => {}
            },
            Happening::WakeService => match self.service_alarm.ring(at) {
                Ring::Wake => self.feed_service(ServiceInput::Timeout),
                Ring::Later(at) => self.queue.push(at, Happening::WakeService),
                Ring::Nothing => {}
            },
            Happening::HttpDeadline { phone, id } => self.http_deadline(phone, id),
            Happening::OpenDeadline { phone, ws } => self.open_deadline(phone, ws),
            Happening::StreamUp { conn, event } => {
                self.delivered += 1;
                self.stream_arrives(conn, event);
            }
            Happening::ToRelay { from, to, data } => {
                self.delivered += 1;
                self.relay(from, to, data);
            }
            Happening::StreamDeadline { phone, id } => self.stream_deadline(phone, id),
            Happening::Resume(phone) => self.resume(phone),
            Happening::Mend(phone) => self.mend(phone),
            Happening::Errand(number) => self.errands.push_back(number),
        }
    }

    /// Gives a phone what came for it; a message that its client has taken is shown.
    fn hand_over(&mut self, phone: PhoneId, input: ClientInput) {
        let text = self.message(phone, &input);
        self.feed_phone(phone, input);
        if let Some(text) = text {
            self.observer.see(self.now, Seen::Received { phone, text: &text });
        }
    }

    /// The message that a client takes now, unless it is asleep.
    fn message(&self, phone: PhoneId, input: &ClientInput) -> Option<String> {
        match input {
            // What waited while it slept may be of a connection that it has given up since.
            ClientInput::WebSocket { id, event: WsEvent::Text(text) }
                if self.phones[phone.0].asleep.is_none()
                    && self.phones[phone.0].sockets.contains_key(id) =>
            {
                Some(text.to_string())
            }
            _ => None,
        }
    }

    // Phones

    /// Gives an input to a client, now or when it wakes up, and does what it asks for.
    pub(super) fn feed_phone(&mut self, phone: PhoneId, input: ClientInput) {
        if let Some(waiting) = &mut self.phones[phone.0].asleep {
            if waiting.len() < MAX_WAITING && !matches!(input, ClientInput::Timeout) {
                waiting.push(input);
            }
            return;
        }
        self.note_input(phone, &input);
        self.observer.see(self.now, Seen::Given { phone, input: &input });
        let at = self.start + self.now;
        let machine = &mut self.phones[phone.0];
        self.meter.core(|| {
            machine.client.handle_input(at, input);
            drain(&mut machine.client, &mut machine.outputs);
        });
        self.serve_phone(phone);
    }

    /// Does all that a client asks for, until it is content.
    pub(super) fn serve_phone(&mut self, phone: PhoneId) {
        while let Some(output) = self.phones[phone.0].outputs.pop_front() {
            self.note_output(phone, &output);
            self.observer.see(self.now, Seen::Wanted { phone, output: &output });
            self.phone_output(phone, output);
        }
        let client = &mut self.phones[phone.0].client;
        let wake = match self.meter.core(|| client.poll_output()) {
            Output::Timeout(wake) => wake,
            output => unreachable!("drained, yet {output:?}"),
        };
        let at = wake.map(|wake| self.since_start(wake));
        self.phones[phone.0].reason = wake.map_or("", |wake| wake.reason);
        if at == Some(self.now) {
            self.count_turn(phone.0, wake);
        }
        if let Some(at) = self.phones[phone.0].alarm.set(at) {
            self.queue.push(at, Happening::WakePhone(phone));
        }
        let wanted = self.phones[phone.0].app.as_ref().and_then(|app| app.next_wake());
        let wanted = wanted.map(|at| at.max(self.now));
        if let Some(at) = self.phones[phone.0].app_alarm.set(wanted) {
            self.queue.push(at, Happening::WakeApp(phone));
        }
    }

    fn since_start(&self, wake: Wake) -> Duration {
        wake.at.saturating_duration_since(self.start).max(self.now)
    }

    /// Tells of a machine that wants to be woken at once, over and over.
    fn count_turn(&mut self, who: usize, wake: Option<Wake>) {
        if self.turns.0 != self.now {
            self.turns = (self.now, 0);
        }
        self.turns.1 += 1;
        if self.turns.1 == MAX_TURNS {
            let reason = wake.map_or("", |wake| wake.reason);
            let what = format!("machine {who} turns in circles: {reason}");
            self.observer.see(self.now, Seen::Wrong { what: &what });
        }
    }

    fn phone_output(&mut self, phone: PhoneId, output: OutputOf<P::Client>) {
        let Some(output) = self.stream_output(phone, output) else { return };
        let Some(output) = self.bytes_output(phone, output) else { return };
        match output {
            Output::OpenUdp { id, from, .. } => {
                let machine = &mut self.phones[phone.0];
                let event = if from.is_some_and(|from| from != machine.site.inside) {
                    let gone = "the address is none of this computer";
                    UdpEvent::Failed(NetError::new(NetErrorKind::Local, gone))
                } else {
                    let address = machine.site.bind();
                    machine.udp.insert(address, id);
                    machine.fixed.extend(from.map(|_| id));
                    UdpEvent::Opened { local: vec![address.into()] }
                };
                let input = ClientInput::Udp { id, event };
                self.queue.push(self.now, Happening::ToPhone { phone, ws: None, input });
            }
            Output::CloseUdp { id } => {
                self.phones[phone.0].udp.retain(|_, open| *open != id);
                self.phones[phone.0].fixed.remove(&id);
            }
            Output::Transmit { local, remote, data, .. } => {
                let (now, weight) = (self.now, self.weight(remote, &data));
                let site = &mut self.phones[phone.0].site;
                if site.cut.is_some() || local.ip() != site.inside {
                    return;
                }
                let from = site.nat.leave(now, local, remote);
                let fate = site.up.datagram(now, weight, &site.conditions, &mut self.dice);
                if Relay::has(remote) {
                    for at in fate.into_iter().flatten() {
                        let data = data.clone();
                        self.queue.push(at, Happening::ToRelay { from, to: remote, data });
                    }
                    return;
                }
                let Some(id) = self.service_udp.get(&remote).copied() else { return };
                for at in fate.into_iter().flatten() {
                    let input = ServiceInput::Datagram {
                        id,
                        local: remote,
                        remote: from,
                        data: data.clone(),
                    };
                    self.queue.push(at, Happening::ToService(input));
                }
            }
            Output::Frame {
                track: TrackId { media, track: Track::AUDIO },
                frame: Frame::Audio(frame),
            } => {
                self.observer.see(self.now, Seen::AgentHeard { phone, media, frame: &frame });
                self.moment(phone, Moment::Audio { media, frame: &frame });
            }
            Output::Frame { track, frame } => {
                self.moment(phone, Moment::Frame { track, frame: &frame });
            }
            Output::Event(event) => {
                P::told(&mut self.phones[phone.0].notes, &event);
                self.observer.see(self.now, Seen::Told { phone, event: &event });
                self.observer.look(self.now, phone, &self.phones[phone.0].client, &event);
                self.moment(phone, Moment::Event(&event));
            }
            Output::Completed { command, result } => {
                let seen = Seen::Completed { phone, id: command, result: &result };
                self.observer.see(self.now, seen);
                let machine = &mut self.phones[phone.0];
                let (notes, user) = (&mut machine.notes, &machine.user);
                let stand = P::completed(notes, command, result.is_ok(), &self.service, user);
                if let Some(stand) = stand {
                    self.observer.see(self.now, Seen::Stands { phone, stand: &stand });
                }
                self.moment(phone, Moment::Completed { command, result: &result });
            }
            _ => {}
        }
    }

    /// Tells an application something; what it does is seen.
    pub(super) fn moment(&mut self, phone: PhoneId, moment: Moment<'_, P>) {
        let Some(mut app) = self.phones[phone.0].app.take() else { return };
        let now = self.now;
        self.with_keys(phone, |keys| app.handle(now, moment, keys));
        self.phones[phone.0].app = Some(app);
    }

    /// Presses a phone's keys from outside of its application, as its operating system might.
    pub fn press<T>(&mut self, phone: PhoneId, press: impl FnOnce(&mut Keys<'_, P>) -> T) -> T {
        let result = self.with_keys(phone, press);
        self.serve_phone(phone);
        result
    }

    /// Lends a phone's keys, and notes what was pressed.
    fn with_keys<T>(&mut self, phone: PhoneId, press: impl FnOnce(&mut Keys<'_, P>) -> T) -> T {
        let mut pressed = Vec::new();
        let machine = &mut self.phones[phone.0];
        let mut keys = Keys {
            phone,
            client: &mut machine.client,
            now: self.start + self.now,
            outputs: &mut machine.outputs,
            meter: &mut self.meter,
            pressed: &mut pressed,
        };
        let result = press(&mut keys);
        self.note_pressed(phone, &pressed);
        result
    }

    /// Tells all applications that the working hours are over.
    pub fn evening(&mut self) {
        for phone in self.phones() {
            self.moment(phone, Moment::Evening);
            self.serve_phone(phone);
        }
    }

    fn note_pressed(&mut self, phone: PhoneId, pressed: &[Pressed<P>]) {
        for pressed in pressed {
            self.note(Some(phone), |text| match pressed {
                Pressed::Submitted { id, command } => write!(text, "asks {command:?} as {id:?}"),
                Pressed::Refused { command, error } => {
                    write!(text, "asks {command:?}, refused: {error}")
                }
                Pressed::Spoke { media, frame } => write!(text, "speaks into {media:?} {frame:?}"),
                Pressed::Sent { track, frame } => write!(text, "sends on {track:?} {frame:?}"),
            });
            match pressed {
                Pressed::Submitted { id, command } => {
                    self.counts.add("commands");
                    let machine = &mut self.phones[phone.0];
                    P::submitted(&mut machine.notes, *id, command);
                    if let Some((delay, errand)) = machine.amid.take() {
                        self.queue.push(self.now + delay, Happening::Errand(errand));
                    }
                    self.observer.see(self.now, Seen::Submitted { phone, id: *id, command });
                }
                Pressed::Refused { .. } => self.counts.add("commands refused"),
                Pressed::Sent { track, frame } => {
                    self.counts.add("frames of further tracks");
                    self.observer.see(self.now, Seen::AgentSent { phone, track: *track, frame });
                }
                Pressed::Spoke { media, frame } => {
                    self.observer.see(self.now, Seen::AgentSpoke { phone, media: *media, frame });
                }
            }
        }
    }

    // Sleep

    /// Closes the lid: nothing runs on this phone until then.
    pub fn sleep(&mut self, phone: PhoneId, until: Duration) {
        if self.phones[phone.0].asleep.is_none() {
            self.phones[phone.0].asleep = Some(Vec::new());
            self.observer.see(self.now, Seen::Slept { phone });
            self.queue.push(until, Happening::Resume(phone));
        }
    }

    pub(super) fn resume(&mut self, phone: PhoneId) {
        let Some(waiting) = self.phones[phone.0].asleep.take() else { return };
        self.observer.see(self.now, Seen::Resumed { phone });
        self.note(Some(phone), |text| write!(text, "wakes up"));
        for input in waiting {
            self.hand_over(phone, input);
        }
        self.feed_phone(phone, ClientInput::Timeout);
        self.moment(phone, Moment::Wake);
        self.serve_phone(phone);
    }

    // The service

    pub(super) fn feed_service(&mut self, input: ServiceInput) {
        self.note_service_input(&input);
        let now = self.start + self.now;
        self.meter.service(|| self.service.handle_input(now, input));
        self.serve_service();
    }

    /// Gives the service what happened on a stream.
    pub(super) fn feed_stream(&mut self, conn: ConnId, event: StreamInput) {
        if let StreamInput::Data(data) = &event {
            self.digest.add(self.now, SERVICE, kind::SERVICE, data);
        }
        let now = self.start + self.now;
        self.meter.service(|| self.service.handle_stream(now, conn, event));
        self.serve_service();
    }

    /// Does all that the service asks for, until it is content.
    fn serve_service(&mut self) {
        loop {
            match self.meter.service(|| self.service.poll_output()) {
                ServiceOutput::Timeout(wake) => {
                    let at = wake.map(|wake| self.since_start(wake));
                    if at == Some(self.now) {
                        self.count_turn(SERVICE, wake);
                    }
                    if let Some(at) = self.service_alarm.set(at) {
                        self.queue.push(at, Happening::WakeService);
                    }
                    return;
                }
                output => self.service_output(output),
            }
        }
    }

    fn service_output(&mut self, output: ServiceOutput) {
        match output {
            ServiceOutput::Respond { id, response } if id.0 > u64::MAX / 2 => {
                let body = serde_json::from_slice(response.body()).unwrap_or_default();
                self.answers.insert(id, (response.status().as_u16(), body));
            }
            ServiceOutput::Respond { id, response } => self.answered(id, response),
            ServiceOutput::Accept { conn, protocol } => {
                let event = WsEvent::Opened { protocol: protocol.map(str::to_owned) };
                self.socket_event(conn, 200, event);
            }
            ServiceOutput::Refuse { conn, status } => {
                let error = NetError::new(NetErrorKind::Refused(status), "refused");
                self.socket_event(conn, 200, WsEvent::Failed(error));
            }
            ServiceOutput::SendText { conn, text } => {
                self.socket_event(conn, text.len(), WsEvent::Text(text));
            }
            ServiceOutput::CloseSocket { conn, code } => self.socket_closed_by_service(conn, code),
            ServiceOutput::OpenUdp { id } => {
                self.service_port = self.service_port.checked_add(1).unwrap_or(1024);
                let address = SocketAddr::new(super::SERVICE, self.service_port);
                self.service_udp.insert(address, id);
                let input = ServiceInput::UdpOpened { id, local: vec![address] };
                self.queue.push(self.now, Happening::ToService(input));
            }
            ServiceOutput::SendStream { conn, data } => {
                self.stream_answer(conn, StreamEvent::Data(data));
            }
            ServiceOutput::CloseStream { conn } => {
                self.stream_answer(conn, StreamEvent::Closed { error: None });
            }
            ServiceOutput::CloseUdp { id } => self.service_udp.retain(|_, open| *open != id),
            ServiceOutput::Transmit { local, remote, data, .. } if Relay::has(remote) => {
                let to_relay = Happening::ToRelay { from: local, to: remote, data };
                self.queue.push(self.now + BACKBONE, to_relay);
            }
            ServiceOutput::Transmit { local, remote, data, .. } => {
                self.datagram_to_phone(local, remote, &data);
            }
            ServiceOutput::FarAudio { conversation, frame } => {
                self.digest.add(self.now, SERVICE, kind::HEARD, &frame_bytes(&frame));
                let conversation = &conversation;
                let seen = Seen::CustomerHeard { conversation, frame: &frame };
                self.observer.see(self.now, seen);
                self.note(None, |text| write!(text, "{conversation} hears {frame:?}"));
            }
            ServiceOutput::FarPicture { conversation, frame } => {
                let conversation = &conversation;
                self.observer.see(self.now, Seen::RoomSaw { conversation, frame: &frame });
                self.note(None, |text| write!(text, "{conversation} sees {frame:?}"));
            }
            ServiceOutput::Wrong(what) => self.observer.see(self.now, Seen::Wrong { what: &what }),
            ServiceOutput::Log(line) => self.note(None, |text| write!(text, "{line}")),
            ServiceOutput::Timeout(_) => {}
        }
    }

    /// The relay takes a datagram, and passes on what it makes of it.
    fn relay(&mut self, from: SocketAddr, to: SocketAddr, data: Vec<u8>) {
        let Some(relay) = &mut self.relay else { return };
        for sent in relay.handle(self.now, from, to, data) {
            let Sent { from, to, data } = sent;
            if Relay::has(to) {
                self.queue.push(self.now, Happening::ToRelay { from, to, data });
            } else if let Some(id) = self.service_udp.get(&to).copied() {
                let input = ServiceInput::Datagram { id, local: to, remote: from, data };
                self.queue.push(self.now + BACKBONE, Happening::ToService(input));
            } else {
                self.datagram_to_phone(from, to, &data);
            }
        }
    }

    fn datagram_to_phone(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8]) {
        let Some(phone) = self.by_address.get(&to.ip()).copied() else { return };
        let (now, weight) = (self.now, self.weight(from, data));
        let machine = &mut self.phones[phone.0];
        let site = &mut machine.site;
        if site.cut.is_some() {
            return;
        }
        let fate = site.down.datagram(now, weight, &site.conditions, &mut self.dice);
        let Some(inside) = site.nat.enter(now, to, from) else { return };
        let Some(id) = machine.udp.get(&inside).copied() else { return };
        for at in fate.into_iter().flatten() {
            let event = UdpEvent::Datagram { local: inside, remote: from, data: data.to_vec() };
            let input = ClientInput::Udp { id, event };
            self.queue.push(at, Happening::ToPhone { phone, ws: None, input });
        }
    }

    /// A customer speaks on a conversation whose far end is played outside.
    pub fn customer_speaks(&mut self, conversation: &str, frame: AudioFrame) {
        self.observer.see(self.now, Seen::CustomerSpoke { conversation, frame: &frame });
        let conversation = conversation.to_owned();
        self.feed_service(ServiceInput::FarAudio { conversation, frame });
    }

    /// A customer presses keys on a conversation whose far end is played outside.
    pub fn customer_presses(&mut self, conversation: &str, digits: Vec<Digit>) {
        let seen = Seen::CustomerPressed { conversation, digits: &digits };
        self.observer.see(self.now, seen);
        let conversation = conversation.to_owned();
        self.feed_service(ServiceInput::FarKeys { conversation, digits });
    }

    // Noting

    /// The part of a text that the digest is told.
    fn told<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.fidelity {
            Fidelity::Signaling => Cow::Borrowed(text),
            Fidelity::Full => decided(text),
        }
    }

    /// The part of a body that the digest is told.
    fn told_of<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        match std::str::from_utf8(body).map(|text| self.told(text)) {
            Ok(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Ok(Cow::Borrowed(_)) | Err(_) => Cow::Borrowed(body),
        }
    }

    /// The bytes that a datagram takes of a path's capacity. The size of a handshake depends on its
    /// signatures, which no seed decides, also where a relay carries it.
    fn weight(&self, far: SocketAddr, data: &[u8]) -> usize {
        /// The bytes of what goes by a relay, about.
        const RELAYED: usize = 250;
        /// The bytes that handshakes have, about, without IP.
        const HANDSHAKE: usize = 600;
        if Relay::has(far) {
            return RELAYED;
        }
        // RFC 7983 section 7.
        let handshake = self.fidelity == Fidelity::Full && matches!(data, [20..=63, ..]);
        if handshake { HANDSHAKE } else { data.len() }
    }

    /// Adds words to the story.
    pub fn remark(&mut self, phone: Option<PhoneId>, words: &str) {
        self.note(phone, |text| write!(text, "{words}"));
    }

    fn note(
        &mut self,
        phone: Option<PhoneId>,
        write: impl FnOnce(&mut String) -> std::fmt::Result,
    ) {
        if let Some(story) = &mut self.story {
            let mut text = String::new();
            // Writing to a string cannot fail.
            let _ = write(&mut text);
            story.add(Line { at: self.now, phone, text });
        }
    }

    pub(super) fn note_input(&mut self, phone: PhoneId, input: &ClientInput) {
        let (now, who, full) = (self.now, phone.0, self.fidelity == Fidelity::Full);
        match input {
            ClientInput::WebSocket { event: WsEvent::Text(text), .. } => {
                self.counts.add("texts");
                self.digest.add(now, who, kind::TEXT_IN, self.told(text).as_bytes());
            }
            ClientInput::Http { result: Ok(response), .. } => {
                self.counts.add("answers");
                self.digest.add(now, who, kind::HTTP_IN, &self.told_of(response.body()));
            }
            ClientInput::Udp { event: UdpEvent::Datagram { data, .. }, .. } => {
                let told: &[u8] = if full { &[] } else { data };
                self.digest.add(now, who, kind::DATAGRAM, told);
                return;
            }
            ClientInput::Timeout => self.digest.add(now, who, kind::OTHER, b"time"),
            _ => self.digest.add(now, who, kind::OTHER, &[]),
        }
        if self.story.is_some() {
            self.note(Some(phone), |text| match input {
                ClientInput::WebSocket { event: WsEvent::Text(frame), .. } => {
                    write!(text, "hears {frame}")
                }
                ClientInput::Http { id, result: Ok(response) } => {
                    let body = String::from_utf8_lossy(response.body());
                    write!(text, "is answered {id:?} {} {body}", response.status())
                }
                other => write!(text, "gets {other:?}"),
            });
        }
    }

    fn note_output(&mut self, phone: PhoneId, output: &OutputOf<P::Client>) {
        let (now, who) = (self.now, phone.0);
        match output {
            Output::SendText { text, .. } => {
                self.digest.add(now, who, kind::OUT, self.told(text).as_bytes());
            }
            Output::Http { request, .. } => {
                self.digest.add(now, who, kind::OUT, request.uri().path().as_bytes());
                self.digest.add(now, who, kind::OUT, &self.told_of(request.body()));
            }
            Output::Frame { frame: Frame::Audio(frame), .. } => {
                self.digest.add(now, who, kind::HEARD, &frame_bytes(frame));
                return;
            }
            Output::Transmit { .. } => return,
            // Of what is traced, when it was is the machine's own time, which no two runs have in common.
            Output::Event(event) => match P::traced(event) {
                Some(body) => self.digest.add(now, who, kind::OUT, self.told(body).as_bytes()),
                None => {
                    let mut text = String::new();
                    // Writing to a string cannot fail.
                    let _ = write!(text, "{event:?}");
                    self.digest.add(now, who, kind::OUT, self.told(&text).as_bytes());
                }
            },
            Output::Completed { command, result } => {
                let told = [&command.0.to_le_bytes()[..], &[u8::from(result.is_ok())]].concat();
                self.digest.add(now, who, kind::OUT, &told);
            }
            _ => self.digest.add(now, who, kind::OUT, &[]),
        }
        // A message that is traced is told already, as what was said, heard, asked or answered.
        let is_told = matches!(output, Output::Event(event) if P::traced(event).is_some());
        if self.story.is_some() && !is_told {
            self.note(Some(phone), |text| match output {
                Output::SendText { text: frame, .. } => write!(text, "says {frame}"),
                Output::Http { id, request, .. } => {
                    let body = String::from_utf8_lossy(request.body());
                    write!(text, "asks {id:?} {} {} {body}", request.method(), request.uri().path())
                }
                Output::Event(event) => write!(text, "tells {event:?}"),
                Output::Completed { command, result } => {
                    write!(text, "completes {command:?}: {result:?}")
                }
                other => write!(text, "wants {other:?}"),
            });
        }
    }

    fn note_service_input(&mut self, input: &ServiceInput) {
        let (text, body);
        let bytes: &[u8] = match input {
            ServiceInput::SocketText { text: told, .. } => {
                text = self.told(told);
                text.as_bytes()
            }
            ServiceInput::Request { request, .. } => {
                body = self.told_of(request.body());
                &body
            }
            ServiceInput::Datagram { data, .. } if self.fidelity == Fidelity::Signaling => data,
            _ => &[],
        };
        self.digest.add(self.now, SERVICE, kind::SERVICE, bytes);
        if self.story.is_some()
            && let ServiceInput::Request { request, .. } = input
            && let Some(what) = request.uri().path().strip_prefix("/control/")
        {
            let what = format!("is ordered {} {what}", request.method());
            let body = String::from_utf8_lossy(request.body()).into_owned();
            self.note(None, |text| write!(text, "{what} {body}"));
        }
    }
}
