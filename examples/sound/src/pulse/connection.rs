//! One connection to a sound server: messages out, messages in, each within its time.

use std::io::{Cursor, ErrorKind, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use pulseaudio::protocol::{
    AuthParams, AuthReply, Command, CommandReply, CommandTag, DESCRIPTOR_SIZE, Descriptor,
    DescriptorFlags, MAX_VERSION, Prop, Props, PulseError, SetClientNameReply, TagStructReader,
    encode_descriptor, read_descriptor, write_command_message,
};
use socket2::{Domain, SockAddr, Socket, Type};

use super::address;
use crate::card::CardError;

/// The longest wait for a reply, and for the server to take what is written.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest message that is read: a list of many devices has some ten kilobytes.
const MAX_MESSAGE: usize = 4 << 20;

/// Something that the server says.
pub(super) enum Message {
    /// The answer to a command.
    Reply { to: u32, body: Vec<u8> },
    /// The server's refusal of a command.
    Refused { to: u32, why: PulseError },
    /// News that nobody asked for.
    Told(Box<Command>),
    /// A piece of a recording.
    Sound { channel: u32, data: Vec<u8> },
}

/// See the [module](self).
pub(super) struct Connection {
    socket: UnixStream,
    /// The beginning of a message that is not whole yet.
    read: Vec<u8>,
    version: u16,
    next: u32,
}

fn gone(error: impl std::fmt::Display) -> CardError {
    CardError::Gone(error.to_string())
}

impl Connection {
    /// Connects, and says who we are.
    pub(super) fn open(path: &Path, cookie: Vec<u8>) -> Result<Self, CardError> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(gone)?;
        // A server that is stopped takes some connections, and then none: that must not hold us up.
        socket.set_nonblocking(true).map_err(gone)?;
        let address = SockAddr::unix(path).map_err(gone)?;
        socket.connect(&address).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => CardError::Stalled,
            _ => CardError::Missing(address::silent(path, &error)),
        })?;
        socket.set_nonblocking(false).map_err(gone)?;
        socket.set_write_timeout(Some(PATIENCE)).map_err(gone)?;
        let mut connection = Self {
            socket: OwnedFd::from(socket).into(),
            read: Vec::new(),
            version: MAX_VERSION,
            next: 0,
        };
        let auth =
            AuthParams { version: MAX_VERSION, supports_shm: false, supports_memfd: false, cookie };
        let reply: AuthReply = connection.ask(&Command::Auth(auth)).map_err(|error| match error {
            CardError::Refused { why, .. } => CardError::Missing(format!(
                "the sound server at {} lets us not in: {why}. It is another user's, or wants another cookie (PULSE_COOKIE, \
                 ~/.config/pulse/cookie)",
                path.display()
            )),
            other => other,
        })?;
        connection.version = reply.version.min(MAX_VERSION);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, c"offhook");
        let _: SetClientNameReply = connection.ask(&Command::SetClientName(props))?;
        Ok(connection)
    }

    /// Sends a command; the reply will have this number.
    pub(super) fn send(&mut self, command: &Command) -> Result<u32, CardError> {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let mut message = Vec::new();
        write_command_message(&mut message, number, command, self.version).map_err(gone)?;
        self.write(&message)?;
        Ok(number)
    }

    /// Sends what is to be played.
    pub(super) fn play(&mut self, channel: u32, pcm: &[i16]) -> Result<(), CardError> {
        let mut message = vec![0; DESCRIPTOR_SIZE];
        let length = size_of_val(pcm) as u32;
        let descriptor = Descriptor { length, channel, offset: 0, flags: DescriptorFlags::empty() };
        if let Some(head) = message.first_chunk_mut() {
            encode_descriptor(head, &descriptor);
        }
        message.extend(pcm.iter().flat_map(|sample| sample.to_le_bytes()));
        self.write(&message)
    }

    fn write(&mut self, message: &[u8]) -> Result<(), CardError> {
        self.socket.write_all(message).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => CardError::Stalled,
            _ => gone(error),
        })
    }

    /// Sends a command and waits for its reply, while nothing else is expected.
    pub(super) fn ask<R: CommandReply>(&mut self, command: &Command) -> Result<R, CardError> {
        let number = self.send(command)?;
        let body = self.answer(number, |_, _| Ok(()))?;
        self.parse(&body)
    }

    /// Waits for the reply with this number. What comes before it is handed on.
    pub(super) fn answer(
        &mut self,
        number: u32,
        mut other: impl FnMut(&mut Self, Message) -> Result<(), CardError>,
    ) -> Result<Vec<u8>, CardError> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.receive(until)? {
                None => return Err(CardError::Stalled),
                Some(Message::Reply { to, body }) if to == number => return Ok(body),
                Some(Message::Refused { to, why }) if to == number => {
                    // Whoever asks knows which device it was about.
                    return Err(CardError::Refused { device: String::new(), why: why.to_string() });
                }
                Some(message) => other(self, message)?,
            }
        }
    }

    /// Reads the body of a reply.
    pub(super) fn parse<R: CommandReply>(&self, mut body: &[u8]) -> Result<R, CardError> {
        R::read(&mut TagStructReader::new(&mut body, self.version), self.version).map_err(gone)
    }

    /// The next message; none if there is none by then.
    pub(super) fn receive(&mut self, until: Instant) -> Result<Option<Message>, CardError> {
        loop {
            if let Some(message) = self.next_message()? {
                return Ok(Some(message));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left)).map_err(gone)?;
            let mut some = [0; 16 << 10];
            match self.socket.read(&mut some) {
                Ok(0) => return Err(gone("it closed the connection")),
                Ok(read) => self.read.extend(&some[..read]),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Err(gone(error)),
                },
            }
        }
    }

    /// A whole message of what was read.
    fn next_message(&mut self) -> Result<Option<Message>, CardError> {
        if self.read.len() < DESCRIPTOR_SIZE {
            return Ok(None);
        }
        let head = read_descriptor(&mut &self.read[..]).map_err(gone)?;
        let length = DESCRIPTOR_SIZE + head.length as usize;
        if length > MAX_MESSAGE {
            return Err(gone("it sends too much at once"));
        }
        if self.read.len() < length {
            return Ok(None);
        }
        let rest = self.read.split_off(length);
        let whole = std::mem::replace(&mut self.read, rest);
        let body = &whole[DESCRIPTOR_SIZE..];
        if head.channel != u32::MAX {
            return Ok(Some(Message::Sound { channel: head.channel, data: body.to_vec() }));
        }
        let mut cursor = Cursor::new(body);
        let mut reader = TagStructReader::new(&mut cursor, self.version);
        let tag: CommandTag = reader.read_enum().map_err(gone)?;
        let to = reader.read_u32().map_err(gone)?;
        Ok(Some(match tag {
            CommandTag::Reply => {
                let at = cursor.position() as usize;
                Message::Reply { to, body: body[at..].to_vec() }
            }
            CommandTag::Error => {
                let why = reader.read_enum().unwrap_or(PulseError::Unknown);
                Message::Refused { to, why }
            }
            _ => match Command::read_tag_prefixed(&mut Cursor::new(body), self.version) {
                Ok((_, command)) => Message::Told(Box::new(command)),
                // News that this version does not know of.
                Err(_) => Message::Told(Box::new(Command::Timeout)),
            },
        }))
    }
}
