mod ladder;
mod scenarios;
mod story;

use super::*;
use crate::machine::MediaKind::{self, Audio, Video};

/// Two devices of each kind, of which those are there that are named.
fn list(names: &str) -> Vec<Device> {
    let kind = |name: &str| match name {
        "desk" | "head" => DeviceKind::Microphone,
        "cam" | "web" => DeviceKind::Camera,
        "box" | "ear" => DeviceKind::Speaker,
        other => panic!("{other}"),
    };
    names
        .split_whitespace()
        .map(|name| Device::new(kind(name), name, name.to_uppercase()))
        .collect()
}

/// Defaults of which each is there, and is the first of its kind.
fn defaults() -> Defaults {
    Defaults::default().audio_device("desk").video_device("cam").output_device("box")
}

fn with(defaults: Defaults) -> Devices<&'static str> {
    let mut devices = Devices::new(Options::default(), defaults);
    devices.permission_told(Audio, true);
    devices.permission_told(Video, true);
    devices.listed(list("desk head cam web box ear"));
    devices
}

fn device(id: &str) -> Choice {
    Choice::Device(id.into())
}

fn audio(choice: Choice) -> Outgoing {
    Outgoing::default().audio(choice)
}

fn video(choice: Choice) -> Outgoing {
    Outgoing::default().video(choice)
}

fn source(source: Source) -> String {
    match source {
        Source::Opened(RequestId(n)) => format!("#{n}"),
        Source::Given(Given(n)) => format!("own {n}"),
    }
}

fn name(device: Option<&DeviceId>) -> String {
    device.map_or_else(|| "system".to_owned(), ToString::to_string)
}

fn pixels(resolution: Option<Resolution>) -> String {
    let side = |side: Constraint<u32>| side.exact.or(side.ideal).unwrap_or_default();
    resolution
        .map_or_else(String::new, |size| format!(" {}x{}", side(size.width), side(size.height)))
}

fn kind(kind: MediaKind) -> &'static str {
    kind.name()
}

fn told<S: std::fmt::Display>(event: &Event<S>) -> String {
    match event {
        Event::Done { command: CommandId(n), result } => match result {
            Ok(()) => format!("done {n}"),
            Err(failure) => format!("done {n}: {failure:?}"),
        },
        Event::InUse { session, kind, source: Source::Given(Given(n)), rung, .. } => {
            format!("{session} has {} own {n} {rung:?}", kind.name())
        }
        Event::InUse { session, kind, source: Source::Opened(RequestId(n)), device, rung } => {
            format!("{session} has {} #{n} {} {rung:?}", kind.name(), name(device.as_ref()))
        }
        Event::Lost { session, kind, source: from } => {
            format!("{session} lost {} {}", kind.name(), source(*from))
        }
        Event::Silent { session, kind, error } => {
            format!("{session} has no {}: {error:?}", kind.name())
        }
        Event::DevicesChanged => "devices".to_owned(),
        Event::PermissionChanged { kind, granted } => format!("{} granted: {granted}", kind.name()),
        Event::ResolutionUpdated { session, source: from, requested, actual } => {
            let (requested, Size { width, height }) = (pixels(*requested), actual);
            format!("{session} {} asked{requested}, is {width}x{height}", source(*from))
        }
        Event::AudioTrackVolume { session, source: from, volume, muted } => {
            format!("{session} {} at {volume}{}", source(*from), if *muted { " muted" } else { "" })
        }
        Event::Warned(Warning::UnknownOutput(id)) => format!("no output {id}"),
        Event::Warned(Warning::OutputFailed { session, device }) => {
            format!("{session} not heard by {}", name(device.as_ref()))
        }
        Event::Warned(Warning::TooManySessions(session)) => format!("too many: {session}"),
    }
}

fn one<S: std::fmt::Display>(effect: &Effect<S>) -> String {
    match effect {
        Effect::Open { request: RequestId(n), session, constraints } => {
            let kind = match constraints.capture {
                Capture::Microphone { .. } => "audio",
                Capture::Camera { .. } => "video",
            };
            let device = name(constraints.device.as_ref());
            format!("open #{n} {session} {kind} {device}{}", pixels(constraints.resolution()))
        }
        Effect::Resize { request: RequestId(n), source: of, resolution } => {
            format!("resize #{n} {}{}", source(*of), pixels(Some(*resolution)))
        }
        Effect::Switch { session, kind, source: to, muted } => {
            let to = to.map_or_else(|| "nothing".to_owned(), source);
            let muted = if *muted { " muted" } else { "" };
            format!("{session} sends {} {to}{muted}", self::kind(*kind))
        }
        Effect::Close(RequestId(n)) => format!("close #{n}"),
        Effect::Output { session, device } => format!("{session} by {}", name(device.as_ref())),
        Effect::Volume { session, volume } => format!("{session} at {volume}"),
        Effect::Mute { session, kind } => format!("mute {session} {}", kind.name()),
        Effect::Monitor { session, on } => format!("monitor {session} {on}"),
        Effect::List => "list".to_owned(),
        Effect::Tell(event) => format!("({})", told(event)),
    }
}

fn said<S: std::fmt::Display>(effects: &[Effect<S>]) -> String {
    effects.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A request, as an answer names it.
fn no(n: u64) -> RequestId {
    RequestId(n)
}

fn opened() -> Result<Opened, OpenError> {
    Ok(Opened::default())
}

/// A call whose microphone, the desk's, is open: #1.
fn talking() -> Devices<&'static str> {
    let mut devices = with(defaults());
    assert_eq!(
        said(&devices.session(&"c", &Session::call())),
        "c by box, c at 100, open #1 c audio desk"
    );
    assert_eq!(
        said(&devices.answered(no(1), opened())),
        "c sends audio #1, (c has audio #1 desk Asked)"
    );
    devices
}

/// A meeting whose microphone, #1, and camera, #2, are open.
fn meeting() -> Devices<&'static str> {
    let mut devices = with(defaults());
    devices.session(&"m", &Session::meeting());
    devices.answered(no(1), opened());
    devices.answered(no(2), opened());
    devices
}
