//! The wishes of whoever works the phone, whichever its service.

use offhook_sound::Direction;

use crate::news::CallKey;

/// A wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Something is to be done with a call.
    Call(CallKey, Act),
    /// Somebody is to be called.
    Dial(String),
    /// A meeting is to be joined: by the address of its room, or by its id.
    Meet(String),
    /// The presences that can be set are wanted.
    Presences,
    /// The user's presence is to be this, by its name or id at the service.
    Presence(String),
    /// The mailbox is to be looked at.
    Voicemail,
    /// A device is to be used; none for the system's default.
    Device(Place, Option<String>),
    /// All calls are to be heard so loud, up to 100.
    Volume(u8),
    /// A part that makes a voice better is to be on, or off.
    Voice(&'static str, bool),
    /// The user's headset is to be this phone's, or left to the user's other clients.
    Headset(bool),
    /// All calls are to end, and the phone with them.
    Quit,
}

impl Ask {
    /// The number that was typed for it, or the address.
    pub(crate) fn number(&self) -> Option<&str> {
        match self {
            Self::Dial(number)
            | Self::Meet(number)
            | Self::Call(_, Act::Transfer(number) | Act::Consult(number)) => Some(number),
            _ => None,
        }
    }
}

/// Something to be done with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Answer,
    Reject,
    /// It rings elsewhere.
    Ignore,
    /// It is sent on before it is answered.
    Forward(String),
    End,
    Mute(bool),
    Hold(bool),
    /// Keys are sent.
    Press(String),
    /// It is given away without a word.
    Transfer(String),
    /// Somebody is asked while its caller waits.
    Consult(String),
    /// Both others are connected, and this phone is out of it.
    Connect(CallKey),
    /// The other of the two is spoken to.
    SpeakToThem(bool),
    /// The caller is taken back.
    CancelConsult,
    /// All three speak. The other call, where the service has one for it.
    Conference(CallKey),
    /// It is told what it was about: a code, and words.
    WrapUp(String, Option<String>),
    /// A film of the meeting is to be made, or no longer.
    Film(bool),
    /// The pictures of that person are wanted; none for whomever the service chooses.
    See(Option<String>),
}

/// The place of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Speaker,
    Microphone,
    /// The loudspeaker that rings.
    Bell,
}

impl Place {
    pub(crate) const ALL: [Self; 3] = [Self::Speaker, Self::Microphone, Self::Bell];

    pub(crate) fn direction(self) -> Direction {
        match self {
            Self::Speaker | Self::Bell => Direction::Output,
            Self::Microphone => Direction::Input,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Speaker => "speaker",
            Self::Microphone => "microphone",
            Self::Bell => "ring",
        }
    }
}
