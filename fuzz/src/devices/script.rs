//! Bytes as devices, sessions, choices and answers.

use offhook::devices::{
    Choice, Constraint, DefaultDevices, Device, DeviceId, DeviceKind, Given, MediaSettings,
    OpenError, Outgoing, Preference, Resolution, Sends, Session, Size,
};

/// The bytes that are not read yet.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl Script<'_> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.0.split_off_first().copied()
    }

    /// A name, the kind in two bits, whether there is a label, and a group.
    pub(super) fn device(&mut self) -> Option<Device> {
        let byte = self.byte()?;
        let kind = match byte >> 3 & 3 {
            0 | 3 => DeviceKind::Microphone,
            1 => DeviceKind::Camera,
            _ => DeviceKind::Speaker,
        };
        let label = if byte & 0x20 == 0 { "label" } else { "" };
        let group = if byte & 0x40 == 0 { "" } else { "group" };
        Some(Device::new(kind, name(byte), label).group(group))
    }

    pub(super) fn session(&mut self) -> Option<Session> {
        let session = sending(self.byte()?);
        Some(session.microphone(choice(self.byte()?)).camera(choice(self.byte()?)))
    }

    pub(super) fn outgoing(&mut self) -> Option<Outgoing> {
        Some(outgoing(self.byte()?, self.byte()?))
    }

    pub(super) fn error(&mut self) -> Option<OpenError> {
        Some(error(self.byte()?))
    }

    pub(super) fn default_devices(&mut self) -> Option<DefaultDevices> {
        let mut change = DefaultDevices::default();
        change.audio = preference(self.byte()?);
        change.video = preference(self.byte()?);
        change.output = preference(self.byte()?);
        Some(change)
    }
}

/// One of eight names.
pub(super) fn name(byte: u8) -> DeviceId {
    match byte & 7 {
        0 => "".into(),
        6 => "x".repeat(255).into(),
        7 => "x".repeat(256).into(),
        n => ["a", "b", "c", "d", "e"][usize::from(n - 1)].into(),
    }
}

/// The device that an answer tells, if it does.
pub(super) fn named(byte: u8) -> Option<DeviceId> {
    (byte != 0).then(|| name(byte))
}

/// A session by five bits: the kinds that it sends, and whether it is heard.
pub(super) fn sending(byte: u8) -> Session {
    let sends = |bits| match bits & 3 {
        0 => Sends::Nothing,
        1 => Sends::Muted,
        _ => Sends::Live,
    };
    Session::default().audio(sends(byte)).video(sends(byte >> 2)).plays(byte & 16 != 0)
}

pub(super) fn choice(byte: u8) -> Choice {
    match byte & 15 {
        0..=2 => Choice::Default,
        3..=5 => Choice::System,
        6..=13 => Choice::Device(name(byte - 6)),
        _ => Choice::Given(Given(u64::from(byte & 1))),
    }
}

/// Choices of which each is none from 16 on.
pub(super) fn outgoing(audio: u8, video: u8) -> Outgoing {
    let some = |byte: u8| (byte & 16 == 0).then(|| choice(byte));
    let mut outgoing = Outgoing::default();
    outgoing.audio = some(audio);
    outgoing.video = some(video);
    outgoing
}

pub(super) fn preference(byte: u8) -> Option<Preference> {
    match byte & 15 {
        0..=7 => Some(Preference::Device(name(byte))),
        8..=11 => Some(Preference::System),
        _ => None,
    }
}

/// Two bits each for three constraints, then one for the watch of levels.
pub(super) fn settings(byte: u8) -> MediaSettings {
    let wish = |bits| match bits & 3 {
        0 => None,
        1 => Some(Constraint::ideal(true)),
        2 => Some(Constraint::exact(false)),
        _ => Some(Constraint { exact: Some(true), max: Some(false), ..Constraint::default() }),
    };
    let mut settings = MediaSettings::default();
    settings.gain_control = wish(byte);
    settings.echo_cancellation = wish(byte >> 2);
    // What cannot be met is rare enough without it.
    settings.noise_suppression = wish(byte >> 4 & 1);
    settings.monitor_microphone = (byte & 32 != 0).then_some(byte & 64 != 0);
    settings
}

pub(super) fn resolution(byte: u8) -> Option<Resolution> {
    let within = |min, max| Constraint { min: Some(min), max: Some(max), ..Constraint::default() };
    match byte & 7 {
        0 | 1 => None,
        n @ 2..=4 => Some(Resolution::ideal(super::square(n.into()))),
        5 => Some(Resolution::exact(super::square(3))),
        6 => Some(Resolution { width: within(1, 4), height: Constraint::default() }),
        _ => Some(Resolution { width: Constraint::ideal(3), height: within(4, 1) }),
    }
}

/// A size that pictures have, if it is known.
pub(super) fn size(byte: u8) -> Option<Size> {
    (byte != 0).then(|| super::square(u32::from(byte) + 1))
}

/// Well in two of eight, and each of the errors.
pub(super) fn result(byte: u8) -> Result<(), OpenError> {
    match byte {
        0 | 1 => Ok(()),
        byte => Err(error(byte - 2)),
    }
}

fn error(byte: u8) -> OpenError {
    match byte % 6 {
        0 => OpenError::Denied,
        1 => OpenError::NotFound,
        2 => OpenError::Overconstrained,
        3 => OpenError::Aborted,
        4 => OpenError::OneAtATime,
        _ => OpenError::Failed,
    }
}
