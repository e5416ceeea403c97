//! The news of a phone, whichever its service: what is shown, as lines or on a screen.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use console::{Alignment, pad_str};
use offhook::media::PathState;
use offhook::report::{CallQuality, TraceRecord};

/// The receiver of news, from any thread.
pub(crate) type Tell = Arc<dyn Fn(News) + Send + Sync>;

/// The name of a call, as its service has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CallKey(String);

impl<T: AsRef<str>> From<T> for CallKey {
    fn from(name: T) -> Self {
        Self(name.as_ref().to_owned())
    }
}

impl CallKey {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The words for a call that has no microphone.
pub(crate) const SPEECHLESS: &str =
    "there is no microphone: you are muted, and heard again once there is one and you unmute";

/// Something that happened.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// A line for people. It may have colours.
    Said(String),
    /// Something that somebody asked for a while ago is done.
    Done(String),
    /// Something that did not work.
    Failed(String),
    /// A call is another one than before, or new.
    Call(CallKey, Change),
    /// The connection by which calls are told is there, or not.
    Network(Network),
    /// The user's own presence is this from now on.
    Presence(String),
    /// The presences that can be set, as they were asked for.
    Presences(Vec<PresenceView>),
    /// Another of the user's clients has the headset than before.
    Headset(Owner),
    /// A call has no microphone: it is to be muted.
    Speechless(CallKey),
    /// A message on the wire.
    Wire(TraceRecord),
}

/// A presence that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PresenceView {
    pub(crate) id: String,
    pub(crate) label: String,
    /// True if it is the user's now.
    pub(crate) ours: bool,
}

/// A change of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// It is there, in this phase, whatever was told of it before.
    Is(Phase),
    /// It is in another phase, unless it is over or further by now.
    Phase(Phase),
    /// Its words for lines, as the service has them.
    Words(String),
    /// The other side is known.
    Who(Who),
    /// Sound flows, or does not.
    Sound(bool),
    /// The far side does not hear us, by our wish.
    Muted(bool),
    /// We hold it.
    Held(bool),
    /// The far side holds it.
    HeldByThem(bool),
    /// Somebody is asked about it, while its caller waits.
    Consults(Option<String>),
    /// During that, it is them who are spoken to; else the caller.
    SpeaksToThem(bool),
    /// It was made to ask somebody about that one.
    About(CallKey),
    /// It is a meeting.
    Meeting,
    /// These people are in it.
    People(Vec<Person>),
    /// A film of it is made, in that file; or no longer.
    Film(Option<PathBuf>),
    /// Its path is good or bad.
    Path(PathState),
    /// Its figures so far.
    Quality(CallQuality),
    /// Its times and figures when it is over, a line each.
    Report(Vec<String>),
    /// It is over, for this reason.
    Over(String),
}

/// The phase of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It rings here.
    Rings,
    /// It is being placed.
    Dials,
    /// It was answered.
    Up,
}

/// The other side of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) name: Option<String>,
    pub(crate) number: Option<String>,
    /// The queue that it came through.
    pub(crate) queue: Option<String>,
}

impl Who {
    /// Somebody of whom a name or a number is known.
    pub(crate) fn of(number: impl Into<String>) -> Self {
        Self { number: Some(number.into()), ..Self::default() }
    }

    /// True if nothing is known.
    pub(crate) fn is_nobody(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.number) {
            (Some(name), Some(number)) if name != number => write!(f, "{name} ({number})")?,
            (Some(one), _) | (None, Some(one)) => f.write_str(one)?,
            (None, None) => f.write_str("somebody")?,
        }
        match &self.queue {
            Some(queue) => write!(f, ", for {queue}"),
            None => Ok(()),
        }
    }
}

/// Somebody in a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    /// The service's name for them.
    pub(crate) id: String,
    /// A name for people.
    pub(crate) name: String,
    /// True if it is whoever works this phone.
    pub(crate) us: bool,
    pub(crate) speaks: bool,
    /// True if their pictures come.
    pub(crate) seen: bool,
    /// True if their pictures were asked for.
    pub(crate) pinned: bool,
    pub(crate) muted: bool,
    /// True if their camera is off.
    pub(crate) hidden: bool,
    pub(crate) shows_screen: bool,
}

impl Person {
    /// The columns of a name, where a list has them.
    pub(crate) const NAME: usize = 24;
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = [
            (self.us, "you"),
            (self.speaks, "SPEAKS"),
            (self.muted, "muted"),
            (self.hidden, "camera off"),
            (self.shows_screen, "shows a screen"),
            (self.seen, "seen here"),
            (self.pinned, "pinned"),
        ];
        let facts = facts.into_iter().filter(|(is, _)| *is).map(|(_, word)| word);
        let sign = if self.speaks { '*' } else { ' ' };
        let name = pad_str(&self.name, Self::NAME, Alignment::Left, None);
        write!(f, "{sign} {name}  {}", facts.collect::<Vec<_>>().join(", "))
    }
}

/// The state of the connection by which calls are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// It is there.
    Up,
    /// It is gone, and looked for.
    Lost(String),
}

/// The owner of the user's headset, among the user's clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Nobody that is known: this phone has not asked.
    Nobody,
    /// The others are asked.
    Asking,
    /// Another client.
    Other,
    /// This phone.
    Us,
}

/// A time as people read it: `0:07`, `1:02:03`.
pub(crate) fn clock(time: Duration) -> String {
    let s = time.as_secs();
    match s / 3600 {
        0 => format!("{}:{:02}", s / 60, s % 60),
        hours => format!("{hours}:{:02}:{:02}", s / 60 % 60, s % 60),
    }
}
