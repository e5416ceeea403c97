//! The devices of PulseAudio, and of PipeWire.

mod address;
mod connection;

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CreatePlaybackStreamReply, CreateRecordStreamReply, LatencyParams,
    PlaybackLatency, PlaybackStreamParams, Prop, Props, RecordLatency, RecordStreamParams, Request,
    SampleFormat, SampleSpec, ServerInfo, SinkInfo, SourceInfo, SubscriptionMask,
};

use self::connection::{Connection, Message};
use crate::card::{Card, CardError, Changes, Device, Devices, Stream};
use crate::ends::{Microphone, Speaker};
use crate::{FRAME, RATE};

/// Bytes in a sample.
const SAMPLE: usize = size_of::<i16>();
/// Bytes in 20 ms.
const FRAME_BYTES: u32 = (FRAME * SAMPLE) as u32;
/// The most that is sent at once, whatever is asked for: two seconds.
const MAX_REQUEST: u32 = 2 * RATE * SAMPLE as u32;
/// The time between two looks at the delay of what is open.
const LOOK: Duration = Duration::from_secs(1);
/// The longest time for which a server may owe an answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The devices of PulseAudio, and of PipeWire, which speaks the same protocol.
///
/// Streams are opened on a device by its name and stay there: where the server would move one, as when its device
/// vanishes, it is ended, and another is opened in its place.
pub struct Pulse {
    /// The server's socket, where it is not the environment that names it.
    path: Option<PathBuf>,
    connection: Option<Connection>,
    streams: Streams,
    /// The streams opened so far: those of one number would have to be at one device.
    opened: u32,
}

/// The open streams, and the news of them.
#[derive(Default)]
struct Streams {
    outputs: BTreeMap<Stream, Open<Speaker>>,
    inputs: BTreeMap<Stream, Open<Microphone>>,
    changes: Changes,
    /// The time of the last look, and since when an answer is owed.
    looked: Option<Instant>,
    owed: Option<Instant>,
    /// Room for what was recorded.
    pcm: Vec<i16>,
}

/// A stream, its number at this connection, and the number of the question about its delay.
struct Open<End> {
    end: End,
    channel: u32,
    asked: Option<u32>,
}

impl Pulse {
    /// The server that the environment names: `PULSE_SERVER`, or that of `XDG_RUNTIME_DIR`. Nothing is looked for yet.
    #[must_use]
    pub fn from_env() -> Self {
        Self { path: None, connection: None, streams: Streams::default(), opened: 0 }
    }

    /// The server with this socket.
    #[must_use]
    pub fn at(socket: PathBuf) -> Self {
        Self { path: Some(socket), ..Self::from_env() }
    }

    /// Connects, unless that is done.
    fn connected(&mut self) -> Result<(), CardError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let path = match &self.path {
            Some(path) => path.clone(),
            None => {
                address::from_env(|name| std::env::var(name).ok()).map_err(CardError::Missing)?
            }
        };
        // Without one, a server may let us in as its own user.
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        let mut connection = Connection::open(&path, cookie.unwrap_or_default())?;
        let news = SubscriptionMask::SINK | SubscriptionMask::SOURCE | SubscriptionMask::SERVER;
        let number = connection.send(&Command::Subscribe(news))?;
        connection.answer(number, |_, _| Ok(()))?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Has something done on the connection; with an error of it, it is gone.
    fn on<T>(
        &mut self,
        work: impl FnOnce(&mut Connection, &mut Streams) -> Result<T, CardError>,
    ) -> Result<T, CardError> {
        let done = self.connected().and_then(|()| match &mut self.connection {
            Some(connection) => work(connection, &mut self.streams),
            None => Err(CardError::Stalled),
        });
        if matches!(&done, Err(error) if !matches!(error, CardError::Refused { .. })) {
            self.connection = None;
            self.streams = Streams::default();
        }
        done
    }
}

/// Sends a command and waits for its reply, while what is open goes on.
fn ask(
    connection: &mut Connection,
    streams: &mut Streams,
    command: &Command,
) -> Result<Vec<u8>, CardError> {
    let number = connection.send(command)?;
    connection.answer(number, |connection, message| streams.take(connection, message))
}

/// Takes the stream of this number at the connection out, if it is not one that was closed.
fn take<End>(streams: &mut BTreeMap<Stream, Open<End>>, channel: u32) -> Option<Stream> {
    let (stream, _) = streams.iter().find(|(_, open)| open.channel == channel)?;
    let stream = *stream;
    streams.remove(&stream).map(|_| stream)
}

/// A device that refused.
fn about(device: &str) -> impl FnOnce(CardError) -> CardError {
    move |error| match error {
        CardError::Refused { why, .. } => CardError::Refused { device: device.to_owned(), why },
        other => other,
    }
}

fn text(name: &CStr) -> String {
    name.to_string_lossy().into_owned()
}

fn name_of(device: &str) -> Result<CString, CardError> {
    CString::new(device)
        .map_err(|_| CardError::Refused { device: device.to_owned(), why: "no name".to_owned() })
}

fn form() -> SampleSpec {
    SampleSpec { format: SampleFormat::S16Le, channels: 1, sample_rate: RATE }
}

fn flags() -> StreamFlags {
    StreamFlags { adjust_latency: true, no_move: true, ..StreamFlags::default() }
}

fn props(name: &CStr) -> Props {
    let mut props = Props::new();
    props.set(Prop::MediaName, name);
    props.set(Prop::MediaRole, c"phone");
    props
}

impl Streams {
    /// Takes a message that answers nothing that is waited for.
    fn take(&mut self, connection: &mut Connection, message: Message) -> Result<(), CardError> {
        match message {
            Message::Sound { channel, data } => self.recorded(channel, &data),
            Message::Told(command) => self.told(connection, *command)?,
            Message::Reply { to, body } => self.measured(connection, to, &body)?,
            // Of a stream that ended meanwhile.
            Message::Refused { .. } => self.owed = None,
        }
        Ok(())
    }

    /// Takes news that nobody asked for.
    fn told(&mut self, connection: &mut Connection, command: Command) -> Result<(), CardError> {
        match command {
            Command::Request(Request { channel, length }) => {
                self.play(connection, channel, length)?;
            }
            Command::SubscribeEvent(_) => self.changes.devices = true,
            Command::PlaybackStreamKilled(channel) => {
                self.changes.stopped.extend(take(&mut self.outputs, channel));
            }
            Command::RecordStreamKilled(channel) => {
                self.changes.stopped.extend(take(&mut self.inputs, channel));
            }
            Command::Underflow(underflow) => {
                if let Some(open) = self.output_of(underflow.channel) {
                    open.end.underrun();
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn output_of(&mut self, channel: u32) -> Option<&mut Open<Speaker>> {
        self.outputs.values_mut().find(|open| open.channel == channel)
    }

    /// Gives what is asked for, be it silence: what is not given in time is a gap.
    fn play(
        &mut self,
        connection: &mut Connection,
        channel: u32,
        bytes: u32,
    ) -> Result<(), CardError> {
        let Some(open) = self.output_of(channel) else { return Ok(()) };
        let mut pcm = vec![0; bytes.min(MAX_REQUEST) as usize / SAMPLE];
        open.end.fill(&mut pcm);
        connection.play(channel, &pcm)
    }

    fn recorded(&mut self, channel: u32, data: &[u8]) {
        let mut inputs = self.inputs.values_mut();
        let Some(open) = inputs.find(|open| open.channel == channel) else { return };
        self.pcm.clear();
        self.pcm.extend(data.as_chunks().0.iter().map(|sample| i16::from_le_bytes(*sample)));
        open.end.hear(&self.pcm);
    }

    /// Asks for the delay of what is open, once a second: so a server that does not answer is noticed, too.
    fn look(&mut self, connection: &mut Connection, now: Instant) -> Result<(), CardError> {
        if self.owed.is_some_and(|since| now.saturating_duration_since(since) > PATIENCE) {
            return Err(CardError::Stalled);
        }
        if self.looked.is_some_and(|at| now.saturating_duration_since(at) < LOOK) {
            return Ok(());
        }
        self.looked = Some(now);
        let about = |channel| LatencyParams { channel, now: SystemTime::now() };
        for open in self.outputs.values_mut() {
            open.asked = Some(connection.send(&Command::GetPlaybackLatency(about(open.channel)))?);
            self.owed.get_or_insert(now);
        }
        for open in self.inputs.values_mut() {
            open.asked = Some(connection.send(&Command::GetRecordLatency(about(open.channel)))?);
            self.owed.get_or_insert(now);
        }
        Ok(())
    }

    /// Takes the answer to such a question.
    fn measured(&mut self, connection: &Connection, to: u32, body: &[u8]) -> Result<(), CardError> {
        self.owed = None;
        let bytes = |from: i64, to: i64| {
            let waiting = u64::try_from(to - from).unwrap_or(0);
            Duration::from_micros(waiting * 1_000_000 / (u64::from(RATE) * SAMPLE as u64))
        };
        let (outputs, inputs) = (self.outputs.values_mut(), self.inputs.values_mut());
        if let Some(open) = { outputs }.find(|open| open.asked == Some(to)) {
            let told: PlaybackLatency = connection.parse(body)?;
            let device = Duration::from_micros(told.sink_usec);
            open.end.set_latency(device + bytes(told.read_offset, told.write_offset));
        } else if let Some(open) = { inputs }.find(|open| open.asked == Some(to)) {
            let told: RecordLatency = connection.parse(body)?;
            let device = Duration::from_micros(told.source_usec);
            open.end.set_latency(device + bytes(told.read_offset, told.write_offset));
        }
        Ok(())
    }
}

impl Card for Pulse {
    fn devices(&mut self) -> Result<Devices, CardError> {
        self.on(|connection, streams| {
            let body = ask(connection, streams, &Command::GetServerInfo)?;
            let server: ServerInfo = connection.parse(&body)?;
            let body = ask(connection, streams, &Command::GetSinkInfoList)?;
            let sinks: Vec<SinkInfo> = connection.parse(&body)?;
            let body = ask(connection, streams, &Command::GetSourceInfoList)?;
            let sources: Vec<SourceInfo> = connection.parse(&body)?;
            let device = |name: &CStr, description: Option<&CString>, monitor| Device {
                name: text(name),
                description: text(description.map_or(name, |words| words)),
                monitor,
            };
            Ok(Devices {
                outputs: sinks
                    .iter()
                    .map(|one| device(&one.name, one.description.as_ref(), false))
                    .collect(),
                inputs: sources
                    .iter()
                    .map(|one| {
                        let monitor = one.monitor_of_sink_index.is_some();
                        device(&one.name, one.description.as_ref(), monitor)
                    })
                    .collect(),
                default_output: server.default_sink_name.as_deref().map(text),
                default_input: server.default_source_name.as_deref().map(text),
            })
        })
    }

    fn play(&mut self, stream: Stream, device: &str, from: Speaker) -> Result<(), CardError> {
        self.opened = self.opened.wrapping_add(1);
        let params = PlaybackStreamParams {
            sync_id: self.opened,
            sample_spec: form(),
            channel_map: ChannelMap::mono(),
            sink_name: Some(name_of(device)?),
            buffer_attr: BufferAttr {
                target_length: 2 * FRAME_BYTES,
                minimum_request_length: FRAME_BYTES / 2,
                ..BufferAttr::default()
            },
            props: props(c"call"),
            flags: flags(),
            ..PlaybackStreamParams::default()
        };
        self.on(|connection, streams| {
            let body = ask(connection, streams, &Command::CreatePlaybackStream(params))
                .map_err(about(device))?;
            let made: CreatePlaybackStreamReply = connection.parse(&body)?;
            let open = Open { end: from, channel: made.channel, asked: None };
            streams.outputs.insert(stream, open);
            streams.play(connection, made.channel, made.requested_bytes)
        })
    }

    fn record(&mut self, stream: Stream, device: &str, into: Microphone) -> Result<(), CardError> {
        let params = RecordStreamParams {
            sample_spec: form(),
            channel_map: ChannelMap::mono(),
            source_name: Some(name_of(device)?),
            buffer_attr: BufferAttr { fragment_size: FRAME_BYTES, ..BufferAttr::default() },
            props: props(c"call"),
            flags: flags(),
            ..RecordStreamParams::default()
        };
        self.on(|connection, streams| {
            let body = ask(connection, streams, &Command::CreateRecordStream(params))
                .map_err(about(device))?;
            let made: CreateRecordStreamReply = connection.parse(&body)?;
            streams.inputs.insert(stream, Open { end: into, channel: made.channel, asked: None });
            Ok(())
        })
    }

    fn close(&mut self, stream: Stream) {
        let Some(connection) = &mut self.connection else { return };
        let (outputs, inputs) = (&mut self.streams.outputs, &mut self.streams.inputs);
        let output =
            outputs.remove(&stream).map(|open| Command::DeletePlaybackStream(open.channel));
        let input = inputs.remove(&stream).map(|open| Command::DeleteRecordStream(open.channel));
        for command in output.into_iter().chain(input) {
            // If that fails the next turn says so.
            let _ = connection.send(&command);
        }
    }

    fn turn(&mut self, wait: Duration) -> Result<Changes, CardError> {
        if self.connection.is_none() {
            std::thread::sleep(wait);
            return Err(CardError::Gone("not connected".to_owned()));
        }
        self.on(|connection, streams| {
            let until = Instant::now() + wait;
            streams.look(connection, Instant::now())?;
            while streams.changes == Changes::default()
                && let Some(message) = connection.receive(until)?
            {
                streams.take(connection, message)?;
            }
            Ok(std::mem::take(&mut streams.changes))
        })
    }
}
