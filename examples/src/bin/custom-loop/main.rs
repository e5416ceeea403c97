//! A loop of your own: a phone on plain threads and blocking sockets, nothing but std around the
//! machine.
//!
//! This is the document for whoever writes another runtime. Read it top down: [`main`] is an
//! application; [`Loop`] is the runtime, and its [`Loop::perform`] has one arm for each duty of
//! the contract (`offhook::machine`). The other two files are an HTTP and a WebSocket client that
//! are just good enough for the emulator on loopback. It plays one call and exits: an agent logs in to an
//! emulator in this process, a customer calls, the agent answers and says back what it hears,
//! and hangs up.

mod http1;
mod websocket;

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, VecDeque};
use std::hash::BuildHasher as _;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::spawn;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use http::Request;
use offhook::genesys::{Client, Command, Config, Event};
use offhook::machine::{
    CommandId, Input, Machine, MediaId, NetError, NetErrorKind, Output, StreamEvent, TrackId,
    UdpEvent, UdpId, Wake, WsEvent, WsId,
};
use offhook::media::{AudioFrame, Frame, Local, MediaState, WebRtcFactory};
use offhook::{Seed, genesys};
use offhook_sim::serve::{Emulator, EmulatorOptions};
use serde_json::{Value, json};

use crate::http1::{exchange, failed};
use crate::websocket::{TEXT, Writer, run_websocket};

/// Frames to say back before hanging up: two seconds.
const ECHO: usize = 100;

fn main() -> Result<()> {
    let emulator = Emulator::start(EmulatorOptions::default())?;
    let user = control(&emulator, "users", &json!({ "station": {} }))?;

    let mut config = Config::agent("localhost", user["token"].as_str().context("no token")?);
    config.api_host = Some(emulator.http_url());
    config.ws_host = Some(emulator.ws_url());
    let seed = Seed::from(RandomState::new().hash_one("seed"));
    let now = Instant::now();
    let mut phone = Loop::new(Client::new(config, Box::new(WebRtcFactory::default()), seed, now)?);

    phone.complete(Command::Connect)?;
    println!("logged in");

    control(&emulator, "calls", &json!({ "kind": "inbound", "userId": user["userId"] }))?;
    let conversation = loop {
        if let Event::PendingSession(call) = phone.event()? {
            break call.conversation;
        }
    };
    println!("a customer is calling");
    phone.complete(Command::AcceptPendingSession { conversation: conversation.clone() })?;
    loop {
        if let Event::MediaState { state: MediaState::Connected, .. } = phone.event()? {
            break;
        }
    }
    println!("talking");

    let mut said = 0;
    while said < ECHO {
        let (media, heard) = phone.audio()?;
        let frame = AudioFrame { lost_before: 0, ..heard }.into();
        phone.handle(Input::Frame { track: TrackId::audio(media), frame });
        said += 1;
    }
    println!("said {said} frames back");

    phone.complete(Command::EndSession { conversation })?;
    phone.complete(Command::Disconnect)?;
    println!("hung up and logged out");
    Ok(())
}

/// Asks the emulator's control API to play a customer, an operator or a fault.
fn control(emulator: &Emulator, what: &str, body: &Value) -> Result<Value> {
    let request = Request::post(format!("{}/control/{what}", emulator.http_url()))
        .header("Content-Type", "application/json")
        .body(body.to_string().into_bytes())?;
    let response = exchange(&request, Instant::now() + Duration::from_secs(10))?;
    ensure!(response.status().is_success(), "control answered {}", response.status());
    Ok(serde_json::from_slice(response.body())?)
}

/// One machine, its sockets, and what it has told.
///
/// The machine lives on the application's thread. Whatever blocks has a thread of its own, and
/// all of them put inputs into one queue.
struct Loop<M: Machine> {
    machine: M,
    inputs: Receiver<Input>,
    sender: Sender<Input>,
    websockets: BTreeMap<WsId, Writer>,
    media: BTreeMap<UdpId, Vec<UdpSocket>>,
    wake: Option<Wake>,
    completed: BTreeMap<CommandId, Result<M::Outcome, M::Error>>,
    events: VecDeque<M::Event>,
    heard: VecDeque<(MediaId, AudioFrame)>,
}

impl<M: Machine<Error = genesys::Error>> Loop<M> {
    fn new(machine: M) -> Self {
        let (sender, inputs) = channel();
        let mut new = Self {
            machine,
            inputs,
            sender,
            websockets: BTreeMap::new(),
            media: BTreeMap::new(),
            wake: None,
            completed: BTreeMap::new(),
            events: VecDeque::new(),
            heard: VecDeque::new(),
        };
        new.drain();
        new
    }

    /// Submits a command and runs until it has completed. Each accepted command does.
    fn complete(&mut self, command: M::Command) -> Result<M::Outcome> {
        let id = self.machine.submit(Instant::now(), command)?;
        self.drain();
        loop {
            match self.completed.remove(&id) {
                Some(result) => return Ok(result?),
                None => self.turn()?,
            }
        }
    }

    /// Runs until there is an event.
    fn event(&mut self) -> Result<M::Event> {
        loop {
            match self.events.pop_front() {
                Some(event) => return Ok(event),
                None => self.turn()?,
            }
        }
    }

    /// Runs until the far side has said something.
    fn audio(&mut self) -> Result<(MediaId, AudioFrame)> {
        loop {
            match self.heard.pop_front() {
                Some(heard) => return Ok(heard),
                None => self.turn()?,
            }
        }
    }

    /// Waits for the next input, or until the machine wants to be woken: then, not before.
    fn turn(&mut self) -> Result<()> {
        // A program that has nothing else to do gives up after a while; yours may wait for ever.
        let patience = Instant::now() + Duration::from_secs(60);
        let until = self.wake.map_or(patience, |wake| wake.at.min(patience));
        let left = until.saturating_duration_since(Instant::now());
        match self.inputs.recv_timeout(left) {
            Ok(input) => self.handle(input),
            Err(RecvTimeoutError::Timeout) => match self.wake {
                Some(wake) if wake.at <= Instant::now() => self.handle(Input::Timeout),
                _ => ensure!(Instant::now() < patience, "nothing happens any more"),
            },
            Err(RecvTimeoutError::Disconnected) => bail!("we hold a sender ourselves"),
        }
        Ok(())
    }

    /// Tells the machine one thing, then does all that it wants done.
    fn handle(&mut self, input: Input) {
        if let Input::WebSocket { id, event: WsEvent::Closed { .. } | WsEvent::Failed(_) } = input {
            self.websockets.remove(&id);
        }
        self.machine.handle_input(Instant::now(), input);
        self.drain();
    }

    /// Nothing may be told to the machine before it has been drained, so what `perform` finds out
    /// at once takes the way through the queue as well.
    fn drain(&mut self) {
        loop {
            match self.machine.poll_output() {
                Output::Timeout(wake) => break self.wake = wake,
                output => self.perform(output),
            }
        }
    }

    fn perform(&mut self, output: Output<M::Event, M::Outcome, M::Error>) {
        let sender = self.sender.clone();
        // An input is lost only when the loop is gone, and then nobody misses it.
        let tell = move |input| drop(sender.send(input));
        match output {
            Output::OpenWebSocket { id, request, deadline } => {
                let writer = Writer::default();
                self.websockets.insert(id, writer.clone());
                spawn(move || {
                    run_websocket(&request, deadline, &writer, |event| {
                        tell(Input::WebSocket { id, event });
                    });
                });
            }
            // Blocks while the far side does not read; a runtime for more than one phone gives
            // each socket a bounded queue and a thread that writes.
            Output::SendText { id, text } => {
                if let Some(writer) = self.websockets.get(&id) {
                    writer.send(TEXT, text.as_bytes());
                }
            }
            Output::CloseWebSocket { id } => {
                if let Some(writer) = self.websockets.remove(&id) {
                    writer.close();
                }
            }
            Output::Http { id, request, deadline } => {
                spawn(move || tell(Input::Http { id, result: exchange(&request, deadline) }));
            }
            // One socket for each address that may carry media; here that is loopback.
            Output::OpenUdp { id, .. } => {
                let event = match bind(id, &self.sender) {
                    Ok(socket) => {
                        let local = Local::in_order(socket.local_addr());
                        self.media.insert(id, vec![socket]);
                        UdpEvent::Opened { local }
                    }
                    Err(error) => UdpEvent::Failed(failed(NetErrorKind::Local)(error)),
                };
                tell(Input::Udp { id, event });
            }
            // A datagram that cannot be sent is lost, as it may be anywhere else.
            Output::Transmit { id, local, remote, data } => {
                let sockets = self.media.get(&id).into_iter().flatten();
                for socket in sockets.filter(|s| s.local_addr().is_ok_and(|a| a == local)) {
                    let _ = socket.send_to(&data, remote);
                }
            }
            // The empty datagram to itself wakes the thread that receives, which then ends.
            Output::CloseUdp { id } => {
                for socket in self.media.remove(&id).into_iter().flatten() {
                    let _ = socket.local_addr().and_then(|local| socket.send_to(&[], local));
                }
            }
            Output::Frame { track, frame: Frame::Audio(frame) } => {
                self.heard.push_back((track.media, frame));
            }
            Output::Event(event) => self.events.push_back(event),
            Output::Completed { command, result } => {
                self.completed.insert(command, result);
            }
            // This client needs neither yet. What cannot be done is answered all the same.
            Output::OpenStream { id, .. } => {
                let error = NetError::new(NetErrorKind::Local, "no streams here");
                tell(Input::Stream { id, event: StreamEvent::Failed(error) });
            }
            Output::Resolve { id, .. } => {
                let error = NetError::new(NetErrorKind::Local, "no names here");
                tell(Input::Resolved { id, result: Err(error) });
            }
            other => eprintln!(
                "this loop is older than its machine: {:?}",
                std::mem::discriminant(&other)
            ),
        }
    }
}

fn bind(id: UdpId, sender: &Sender<Input>) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((IpAddr::from(Ipv4Addr::LOCALHOST), 0))?;
    let (local, receiving, sender) = (socket.local_addr()?, socket.try_clone()?, sender.clone());
    spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, remote)) = receiving.recv_from(&mut buffer) {
            let data = buffer[..length].to_vec();
            let event = UdpEvent::Datagram { local, remote, data };
            let ended = length == 0 && remote == local;
            if ended || sender.send(Input::Udp { id, event }).is_err() {
                break;
            }
        }
    });
    Ok(socket)
}
