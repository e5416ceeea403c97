//! The ladder of `offhook::devices`, walked by its table.

use offhook::devices::Capture;
use offhook::devices::{
    Choice, DeviceId, DeviceKind, Failure, Fallback, InUse, OpenError, Opened, Outgoing, Source,
};
use offhook::machine::MediaKind;

use super::world::World;

/// Another source than the one that is tried, a column of the table.
enum Other {
    Nothing,
    InUse,
    /// It was closed for this switch.
    Closed(InUse),
}

/// The step after a failure.
enum Next {
    Any,
    Release,
    Keep,
    Before(InUse),
    Device(Option<DeviceId>),
    Mute,
}

impl World {
    /// A session at rest is to send this, of which the first attempts fail so, and the next one does not.
    pub(super) fn walk(&mut self, id: u32, kind: MediaKind, choice: Choice, errors: &[OpenError]) {
        self.settle();
        let held = self.devices.in_use(&id, kind).cloned();
        let device = held.as_ref().and_then(|held| held.device.as_ref());
        if device.is_some_and(|device| !self.has(DeviceKind::of(kind), device)) {
            // As good as lost: that is another story.
            return;
        }
        let outgoing = match kind {
            MediaKind::Audio => Outgoing::default().audio(choice.clone()),
            MediaKind::Video => Outgoing::default().video(choice.clone()),
        };
        let Some(command) = self.switch(id, outgoing) else { return };
        let Some((_, first)) = self.request(id, kind) else { return self.settle() };
        let mut tried = vec![first.constraints.device.clone()];
        let mut other = if held.is_some() { Other::InUse } else { Other::Nothing };
        let mut given_up = None;
        for error in errors {
            let (request, asked) = self.request(id, kind).expect("it goes on");
            self.answer(request, Err(*error));
            let sized = asked.constraints.resolution().is_some();
            let next = self.next(*error, kind, sized, &other, &tried);
            let mut wished = (asked.constraints.device.clone(), asked.constraints.capture);
            match next {
                Next::Any => wished.1 = unsized_(wished.1),
                Next::Release => other = held.clone().map_or(Other::Nothing, Other::Closed),
                Next::Device(device) => wished = (device, unsized_(self.wishes(kind))),
                Next::Before(before) => {
                    given_up = given_up.or(Some(*error));
                    other = Other::Nothing;
                    match before.constraints {
                        Some(constraints) => wished = (constraints.device, constraints.capture),
                        None => {
                            let now = self.devices.in_use(&id, kind).map(|now| now.source);
                            assert_eq!(now, Some(before.source), "it is the application's");
                            assert_eq!(self.result(command), Some(Err(Failure::Open(*error))));
                            return self.settle();
                        }
                    }
                }
                Next::Keep | Next::Mute => {
                    let kept = held.as_ref().filter(|_| matches!(next, Next::Keep));
                    assert_eq!(self.devices.in_use(&id, kind), kept, "after {error:?}");
                    assert_eq!(self.result(command), Some(Err(Failure::Open(*error))));
                    return self.settle();
                }
            }
            let (_, now) = self.request(id, kind).expect("another attempt");
            let now = (now.constraints.device, now.constraints.capture);
            assert_eq!(now, wished, "{choice:?} after {error:?}");
            tried.push(wished.0);
        }
        let (request, _) = self.request(id, kind).expect("it waits");
        self.answer(request, Ok(Opened::default()));
        let in_use = self.devices.in_use(&id, kind).map(|now| now.source);
        assert_eq!(in_use, Some(Source::Opened(request)));
        let result = given_up.map_or(Ok(()), |error| Err(Failure::Open(error)));
        assert_eq!(self.result(command), Some(result));
        self.settle();
    }

    /// The table.
    fn next(
        &self,
        error: OpenError,
        kind: MediaKind,
        sized: bool,
        other: &Other,
        tried: &[Option<DeviceId>],
    ) -> Next {
        use OpenError::{Aborted, Denied, Failed, NotFound, OneAtATime, Overconstrained};
        match (error, other) {
            (Aborted | Overconstrained, _) if sized => Next::Any,
            (OneAtATime, Other::InUse) => Next::Release,
            (_, Other::InUse) => Next::Keep,
            (_, Other::Closed(before)) => Next::Before(before.clone()),
            (Denied, Other::Nothing) => Next::Mute,
            (NotFound | Failed | Aborted | Overconstrained | OneAtATime, Other::Nothing) => {
                let default = self.default_device(kind).map(Some);
                let mut rungs = default.into_iter().chain([None]);
                let untried = rungs.find(|device| !tried.contains(device));
                let falls_back = self.options.fallback == Fallback::OtherDevices;
                untried.filter(|_| falls_back).map_or(Next::Mute, Next::Device)
            }
        }
    }
}

/// The same with pictures of any size.
fn unsized_(mut capture: Capture) -> Capture {
    if let Capture::Camera { resolution, .. } = &mut capture {
        *resolution = None;
    }
    capture
}
