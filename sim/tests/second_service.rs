//! A service and a client of it that have nothing to do with Genesys Cloud stand on the same floors:
//! in a world, and on real sockets.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use offhook::machine::{
    CommandId, Input as ClientInput, MediaId, NameId, Output as ClientOutput, OutputOf,
    StreamEvent, StreamId, Track, TrackId, VideoCodec, VideoFrame, Wake, WsEvent, WsId,
};
use offhook::{Machine, Output as AnyOutput};
use offhook_sim::serve::{Emulator, EmulatorOptions};
use offhook_sim::service::{Input, Output, Service};
use offhook_sim::world::{
    Application, Conditions, Dice, Fidelity, Keys, Moment, Observer, Pair, Seen, ServiceParts,
    Text, World,
};

/// A word for which a client looks around in the network.
const ELSEWHERE: &str = "elsewhere";

const S: fn(u64) -> Duration = Duration::from_secs;

/// A service that says everything back in capitals, a second later.
#[derive(Default)]
struct Loud {
    queue: VecDeque<Output>,
    later: VecDeque<(Instant, Output)>,
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
        if self.said.last().is_some_and(|word| word == ELSEWHERE) {
            let (to, tls, from) = (([192, 0, 2, 1], 443).into(), None, None);
            let stream = StreamId(id);
            self.queue.push_back(ClientOutput::OpenStream { id: stream, to, tls, from, deadline });
            let host = "relay.test".to_owned();
            self.queue.push_back(ClientOutput::Resolve { id: NameId(id), host, deadline });
        }
        self.queue.push_back(ClientOutput::OpenWebSocket { id: WsId(id), request, deadline });
        Ok(CommandId(id))
    }

    fn handle_input(&mut self, _: Instant, input: ClientInput) {
        let (id, event) = match input {
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

/// Says one word.
struct Once;

impl Application<LoudPair> for Once {
    fn handle(&mut self, _: Duration, moment: Moment<'_, LoudPair>, keys: &mut Keys<'_, LoudPair>) {
        if let Moment::Start = moment {
            keys.submit(ELSEWHERE.to_owned()).unwrap();
        }
    }
}

#[test]
fn what_a_simulated_network_does_not_have_is_answered_at_once() {
    let mut world = World::<_, LoudPair>::empty(1, Fidelity::Signaling, Ears::default());
    let phone = world.install("ada", Box::new(Once), |_| Caller::default());
    world.set_conditions(phone, Conditions::good());
    assert_eq!(world.run(S(60)), None);
    let told: Vec<_> = world.observer().told.iter().map(|(_, word)| &**word).collect();
    let none = |what| format!("the simulated network has no {what}");
    assert_eq!(told, [&*none("streams"), &*none("names"), "ELSEWHERE"]);
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
