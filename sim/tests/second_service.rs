//! A service and a client of it that have nothing to do with Genesys Cloud stand on the same floors:
//! in a world, and on real sockets.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use offhook::machine::{
    CommandId, Input as ClientInput, MediaId, NameId, Output as ClientOutput, OutputOf,
    StreamEvent, StreamId, Track, TrackId, VideoCodec, VideoFrame, Wake, WsEvent, WsId,
};
use offhook::{Machine, Output as AnyOutput};
use offhook_sim::serve::{Emulator, EmulatorOptions};
use offhook_sim::service::{ConnId, Input, Output, Service, StreamInput};
use offhook_sim::world::{
    Application, Conditions, Dice, Fidelity, Keys, Moment, Observer, Pair, Seen, ServiceParts,
    Text, World,
};

/// A word for which a client goes to a relay first, and the relay's address.
const ELSEWHERE: &str = "elsewhere";
const RELAY: &str = "192.0.2.1:443";

const S: fn(u64) -> Duration = Duration::from_secs;

/// A service that says everything back in capitals, a second later.
#[derive(Default)]
struct Loud {
    queue: VecDeque<Output>,
    later: VecDeque<(Instant, Output)>,
    /// The events of streams.
    relayed: Vec<String>,
}

impl Service for Loud {
    fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::SocketRequested { conn, .. } => {
                self.queue.push_back(Output::Accept { conn, protocol: None });
            }
            Input::SocketText { conn, text } => {
                let text = text.to_uppercase();
                self.later.push_back((now + S(1), Output::SendText { conn, text }));
            }
            Input::Request { id, request } => {
                let body = request.uri().path().to_uppercase().into_bytes();
                self.queue.push_back(Output::Respond { id, response: http::Response::new(body) });
            }
            _ => {}
        }
        let due = self.later.iter().take_while(|(at, _)| *at <= now).count();
        self.queue.extend(self.later.drain(..due).map(|(_, output)| output));
    }

    fn listens(&self, to: SocketAddr) -> bool {
        to == RELAY.parse().unwrap()
    }

    fn handle_stream(&mut self, _: Instant, conn: ConnId, event: StreamInput) {
        match event {
            StreamInput::Opened { tls, .. } => self.relayed.push(format!("to {tls:?}")),
            StreamInput::Data(data) if data == b"bye" => {
                self.queue.push_back(Output::CloseStream { conn });
            }
            StreamInput::Data(data) => {
                let data = data.to_ascii_uppercase();
                self.queue.push_back(Output::SendStream { conn, data });
            }
            StreamInput::Closed => self.relayed.push("closed".to_owned()),
        }
    }

    fn poll_output(&mut self) -> Output {
        let wake = self.later.front().map(|(at, _)| Wake { at: *at, reason: "echo" });
        self.queue.pop_front().unwrap_or(Output::Timeout(wake))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing to say")]
struct Nothing;

/// A client that opens a socket for each word.
#[derive(Default)]
struct Caller {
    said: Vec<String>,
    queue: VecDeque<AnyOutput<String, (), Nothing>>,
}

impl Machine for Caller {
    type Command = String;
    type Event = String;
    type Outcome = ();
    type Error = Nothing;

    fn submit(&mut self, now: Instant, word: String) -> Result<CommandId, Nothing> {
        if word.is_empty() {
            return Err(Nothing);
        }
        self.said.push(word);
        let id = self.said.len() as u64;
        let request = http::Request::get("wss://loud.test/words").body(()).unwrap();
        let deadline = now + S(5);
        // Of two words the second is a host.
        if let Some((ELSEWHERE, host)) = self.said.last().and_then(|word| word.split_once(' ')) {
            let host = host.to_owned();
            self.queue.push_back(ClientOutput::Resolve { id: NameId(id), host, deadline });
            return Ok(CommandId(id));
        }
        self.queue.push_back(ClientOutput::OpenWebSocket { id: WsId(id), request, deadline });
        Ok(CommandId(id))
    }

    fn handle_input(&mut self, now: Instant, input: ClientInput) {
        let tell = |text: String| ClientOutput::Event(text);
        let (id, event) = match input {
            ClientInput::Resolved { id, result: Ok(addresses) } => {
                self.queue.push_back(tell(format!("{addresses:?}")));
                let (to, tls) = ((addresses[0], 443).into(), Some("relay.test".to_owned()));
                let (id, deadline) = (StreamId(id.0), now + S(5));
                let open = ClientOutput::OpenStream { id, to, tls, from: None, deadline };
                return self.queue.push_back(open);
            }
            ClientInput::Stream { id, event: StreamEvent::Opened { .. } } => {
                let data = b"hello".to_vec();
                return self.queue.push_back(ClientOutput::SendStream { id, data });
            }
            ClientInput::Stream { id, event: StreamEvent::Data(data) } => {
                self.queue.push_back(tell(String::from_utf8(data).unwrap()));
                let bye = b"bye".to_vec();
                return self.queue.push_back(ClientOutput::SendStream { id, data: bye });
            }
            ClientInput::Stream { event: StreamEvent::Closed { error }, .. } => {
                let why = error.map(|error| error.message);
                return self.queue.push_back(tell(format!("closed: {why:?}")));
            }
            ClientInput::WebSocket { id, event } => (id, event),
            // Its far side says back what it is shown.
            ClientInput::Frame { track, frame } => {
                return self.queue.push_back(ClientOutput::Frame { track, frame });
            }
            ClientInput::Stream { event: StreamEvent::Failed(error), .. }
            | ClientInput::Resolved { result: Err(error), .. } => {
                return self.queue.push_back(ClientOutput::Event(error.message));
            }
            _ => return,
        };
        match event {
            WsEvent::Opened { .. } => {
                let text = self.said[id.0 as usize - 1].clone();
                self.queue.push_back(ClientOutput::SendText { id, text });
            }
            WsEvent::Text(text) => {
                self.queue.push_back(ClientOutput::Event(text));
                self.queue.push_back(ClientOutput::CloseWebSocket { id });
                let done = ClientOutput::Completed { command: CommandId(id.0), result: Ok(()) };
                self.queue.push_back(done);
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> OutputOf<Self> {
        self.queue.pop_front().unwrap_or(ClientOutput::Timeout(None))
    }
}

#[derive(Clone, Copy, Debug)]
struct LoudPair;

impl Pair for LoudPair {
    type Client = Caller;
    type Service = Loud;
    type Notes = ();
    type Stand = ();

    const RUBBISH: &'static str = "?";

    fn service(_: ServiceParts) -> Loud {
        Loud::default()
    }
    fn is_connected(_: &Caller) -> bool {
        true
    }
    fn digest(client: &Caller) -> u64 {
        client.said.len() as u64
    }
    fn traced(_: &String) -> Option<&str> {
        None
    }
    fn submitted((): &mut (), _: CommandId, _: &String) {}
    fn told((): &mut (), _: &String) {}
    fn completed((): &mut (), _: CommandId, _: bool, _: &Loud, _: &str) -> Option<()> {
        None
    }
    fn kind_of(_: &str) -> Text {
        Text::Message
    }
    fn is_question(_: &str) -> bool {
        false
    }
    fn forge(_: &mut Dice, (): &(), _: &Loud, _: &str, _: &str) -> Option<String> {
        None
    }
    fn comes_first((): &(), _: &str) -> bool {
        false
    }
    fn meddle(_: &mut Dice, _: &str) -> Option<String> {
        None
    }
    fn is_harmless(_: &OutputOf<Caller>) -> bool {
        true
    }
}

/// Says a word, and again what it heard until it has heard three.
struct Parrot(usize);

impl Application<LoudPair> for Parrot {
    fn handle(&mut self, _: Duration, moment: Moment<'_, LoudPair>, keys: &mut Keys<'_, LoudPair>) {
        match moment {
            Moment::Start => {
                assert_eq!(keys.submit(String::new()), Err(Nothing));
                keys.submit("hello".to_owned()).unwrap();
            }
            Moment::Event(heard) if self.0 < 3 => {
                self.0 += 1;
                keys.submit(format!("{heard} again")).unwrap();
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Ears {
    told: Vec<(Duration, String)>,
    completed: usize,
}

impl Observer<LoudPair> for Ears {
    fn see(&mut self, at: Duration, seen: Seen<'_, LoudPair>) {
        match seen {
            Seen::Told { event, .. } => self.told.push((at, event.clone())),
            Seen::Completed { result, .. } => {
                assert_eq!(*result, Ok(()));
                self.completed += 1;
            }
            Seen::Wrong { what } => panic!("{what}"),
            _ => {}
        }
    }
}

fn run(seed: u64) -> World<Ears, LoudPair> {
    let mut world = World::<_, LoudPair>::empty(seed, Fidelity::Signaling, Ears::default());
    let phone = world.install("ada", Box::new(Parrot(0)), |_| Caller::default());
    world.set_conditions(phone, Conditions::good());
    assert_eq!(world.run(S(60)), None);
    world
}

#[test]
fn another_service_and_its_client_run_in_a_world_in_virtual_time() {
    let world = run(1);
    let ears = world.observer();
    let words: Vec<_> = ears.told.iter().map(|(_, word)| &**word).collect();
    let expected = ["HELLO", "HELLO AGAIN", "HELLO AGAIN AGAIN", "HELLO AGAIN AGAIN AGAIN"];
    assert_eq!((words, ears.completed), (expected.to_vec(), 4));
    // Each waits its second, and the network's time.
    assert!(ears.told.iter().zip(1..).all(|((at, _), n)| *at > S(n) && *at < S(n + 1)));
    assert_eq!(world.digest(), run(1).digest());
}

/// Shows a picture, and says what comes back.
struct Mirror;

impl Application<LoudPair> for Mirror {
    fn handle(&mut self, _: Duration, moment: Moment<'_, LoudPair>, keys: &mut Keys<'_, LoudPair>) {
        let camera = TrackId { media: MediaId(7), track: Track::video(1) };
        match moment {
            Moment::Start => {
                let frame = VideoFrame::new(VideoCodec::Vp8, 90, true, &b"picture"[..]);
                keys.send(camera, frame.into());
            }
            Moment::Frame { track, frame } => {
                assert_eq!(track, camera);
                keys.submit(format!("{frame:?}")).unwrap();
            }
            _ => {}
        }
    }
}

#[test]
fn frames_of_any_track_reach_the_client_and_the_application() {
    let mut world = World::<_, LoudPair>::empty(1, Fidelity::Signaling, Ears::default());
    let phone = world.install("ada", Box::new(Mirror), |_| Caller::default());
    world.set_conditions(phone, Conditions::good());
    assert_eq!(world.run(S(60)), None);
    let told: Vec<_> = world.observer().told.iter().map(|(_, word)| &**word).collect();
    assert_eq!(told, ["VP8@90 (7 BYTES, KEY)"]);
}

/// Goes to one relay.
struct Once(&'static str);

impl Application<LoudPair> for Once {
    fn handle(&mut self, _: Duration, moment: Moment<'_, LoudPair>, keys: &mut Keys<'_, LoudPair>) {
        if let Moment::Start = moment {
            keys.submit(format!("{ELSEWHERE} {}", self.0)).unwrap();
        }
    }
}

/// The events of a client that goes to a relay of that host, and those of the relay. After so long
/// its connections are reset.
fn relayed(host: &'static str, reset: Option<Duration>) -> (Vec<String>, Vec<String>) {
    let mut world = World::<_, LoudPair>::empty(1, Fidelity::Signaling, Ears::default());
    world.set_name("relay.test", ["192.0.2.1".parse().unwrap()]);
    world.set_name("other.test", ["192.0.2.2".parse().unwrap()]);
    let phone = world.install("ada", Box::new(Once(host)), |_| Caller::default());
    world.set_conditions(phone, Conditions { latency: S(1), ..Conditions::good() });
    if let Some(after) = reset {
        assert_eq!(world.run(after), None);
        assert_eq!(world.open_sockets(phone), 1);
        world.reset(phone);
    }
    assert_eq!(world.run(S(60)), None);
    assert_eq!(world.open_sockets(phone), 0, "nothing is left");
    let told = world.observer().told.iter().map(|(_, word)| word.clone()).collect();
    (told, world.service().relayed.clone())
}

#[test]
fn a_simulated_network_has_names_and_streams_to_where_a_service_listens() {
    let (told, relay) = relayed("Relay.test.", None);
    assert_eq!(told, ["[192.0.2.1]", "HELLO", "closed: None"]);
    assert_eq!(relay, ["to Some(\"relay.test\")"]);
    let (told, _) = relayed("192.0.2.1", None);
    assert_eq!(told[..2], ["[192.0.2.1]", "HELLO"], "an address is its own answer");
    let (told, relay) = relayed("other.test", None);
    assert_eq!(told, ["[192.0.2.2]", "connection refused"]);
    assert!(relay.is_empty());
    let (told, _) = relayed("nobody.test", None);
    assert_eq!(told, ["no such host"]);
}

#[test]
fn a_stream_that_breaks_is_told_of_once_on_both_sides() {
    // Connected after two seconds, greeted after four.
    let (told, relay) = relayed("relay.test", Some(Duration::from_millis(3_500)));
    assert_eq!(told, ["[192.0.2.1]", "closed: Some(\"connection reset\")"]);
    assert_eq!(relay, ["to Some(\"relay.test\")", "closed"]);
    let (told, _) = relayed("relay.test", Some(Duration::from_millis(1_500)));
    assert_eq!(told, ["[192.0.2.1]", "connection reset"], "it never opened");
}

#[test]
fn another_service_is_served_on_real_sockets() {
    let emulator = Emulator::serve(EmulatorOptions::default(), |_, _, _| Loud::default()).unwrap();
    let address = emulator.http_url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(S(20))).unwrap();
    let request =
        format!("GET /rest/words HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(
        response.starts_with("HTTP/1.1 200") && response.ends_with("/REST/WORDS"),
        "{response}"
    );
    emulator.shutdown();
}
