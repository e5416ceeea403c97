//! The base of every part of a model service: the time, ids, what happened, and what is to be done.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use http::Response;
use offhook::Rng;
use offhook::machine::{UdpId, Wake};
use serde_json::Value;

use super::clock::Clock;
use super::contract::{Output, RequestId};
use super::http::json;
use super::record::Record;

/// The time, ids, events and outputs that all parts of a service use.
pub(crate) struct Base {
    pub(crate) now: Instant,
    pub(crate) clock: Clock,
    /// The generator of ids.
    pub(crate) rng: Rng,
    pub(crate) record: Record,
    next_udp: u64,
    /// The owners of the sockets that are open.
    media: BTreeMap<UdpId, String>,
    queue: VecDeque<Output>,
}

/// True if a character does something to a screen: controls, and changes of direction.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl Base {
    /// Nothing has happened yet. The wall clock is `unix_ms` now.
    pub(crate) fn new(now: Instant, unix_ms: u64, rng: Rng) -> Self {
        Self {
            now,
            clock: Clock::new(now, unix_ms),
            rng,
            record: Record::default(),
            next_udp: 0,
            media: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    // What is to be done

    pub(crate) fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// The next output.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    pub(crate) fn respond(&mut self, id: RequestId, response: Response<Vec<u8>>) {
        self.push(Output::Respond { id, response });
    }

    /// A line for a screen: what others said in it cannot steer that.
    pub(crate) fn log(&mut self, line: impl Into<String>) {
        let mut line = line.into();
        if line.contains(steers) {
            line = line.replace(steers, "\u{fffd}");
        }
        self.push(Output::Log(line));
    }

    /// A client did what no client may do.
    pub(crate) fn wrong(&mut self, what: String) {
        self.push(Output::Wrong(what));
    }

    // Media sockets

    /// Opens media sockets for somebody.
    pub(crate) fn open_media(&mut self, owner: &str) -> UdpId {
        self.next_udp += 1;
        let id = UdpId(self.next_udp);
        self.media.insert(id, owner.to_owned());
        self.push(Output::OpenUdp { id });
        id
    }

    /// The owner of these sockets, while they are open.
    pub(crate) fn owner_of(&self, id: UdpId) -> Option<&str> {
        self.media.get(&id).map(String::as_str)
    }

    pub(crate) fn close_media(&mut self, id: UdpId) {
        self.media.remove(&id);
        self.push(Output::CloseUdp { id });
    }

    // What happened

    /// Tells the control API's listeners.
    pub(crate) fn happened(&mut self, kind: &str, data: Value) {
        let t = self.clock.unix_ms(self.now);
        self.record.open().events.push(kind, t, data);
        self.answer_waiting();
    }

    /// Answers `GET events` requests that wait for something that has come, or long enough.
    pub(crate) fn answer_waiting(&mut self) {
        let answers = self.record.open().events.take_answers(self.now);
        for (id, body) in answers {
            self.respond(id, json(200, &body));
        }
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        self.record.open().events.next_wake()
    }

    /// Forgets what happened, and what was ordered to go wrong.
    pub(crate) fn clear(&mut self) {
        let mut pages = self.record.open();
        pages.faults.clear();
        pages.events.clear();
    }
}
