//! One kind of media that one session sends: what is in use, what is being opened, and what is wanted next.

use super::catalogue::Catalogue;
use super::choice::{Choice, Given};
use super::constraint::{Resolution, Size};
use super::desk::{Desk, Origin};
use super::device::{DeviceId, DeviceKind};
use super::effect::{CommandId, Effect, Event, RequestId, Source};
use super::error::{Failure, OpenError};
use super::in_use::{InUse, Opened};
use super::ladder::{Rung, Situation, Step};
use super::level::Meter;
use super::plan::{Matter, Opening, Plan, Resizing};
use super::session::Sends;
use crate::machine::MediaKind;

/// One kind of media that one session sends.
#[derive(Debug)]
pub(super) struct Feed {
    kind: MediaKind,
    sends: Sends,
    /// The choice that was made last, and begun.
    target: Choice,
    in_use: Option<InUse>,
    /// True if the device in use is not listed any more.
    is_lost: bool,
    opening: Option<Opening>,
    resizing: Option<Resizing>,
    next: Option<Plan>,
    /// The source that was in use, and was closed for the switch that is being tried.
    before: Option<InUse>,
    /// Devices that are not tried again by themselves.
    tried: Vec<Option<DeviceId>>,
    meter: Meter,
}

impl Feed {
    pub(super) fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            sends: Sends::Nothing,
            target: Choice::Default,
            in_use: None,
            is_lost: false,
            opening: None,
            resizing: None,
            next: None,
            before: None,
            tried: Vec::new(),
            meter: Meter::default(),
        }
    }

    pub(super) fn in_use(&self) -> Option<&InUse> {
        self.in_use.as_ref()
    }

    pub(super) fn sends(&self) -> Sends {
        self.sends
    }

    pub(super) fn kind(&self) -> MediaKind {
        self.kind
    }

    pub(super) fn is_muted(&self) -> bool {
        self.sends == Sends::Muted
    }

    pub(super) fn opens(&self, request: RequestId) -> bool {
        self.opening.as_ref().is_some_and(|opening| opening.request == request)
    }

    pub(super) fn resizes(&self, request: RequestId) -> bool {
        self.resizing.as_ref().is_some_and(|resizing| resizing.request == request)
    }

    pub(super) fn uses(&self, source: Source) -> bool {
        self.in_use.as_ref().is_some_and(|in_use| in_use.source == source)
    }

    /// Takes the session's relation to this kind, as it is now; `choice` is what it begins with.
    pub(super) fn told<S: Clone>(
        &mut self,
        sends: Sends,
        choice: &Choice,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        let before = std::mem::replace(&mut self.sends, sends);
        if before == sends {
            return;
        }
        match (before, sends) {
            (Sends::Nothing, Sends::Muted | Sends::Live) => {
                self.tried.clear();
                self.want(self.first(choice, desk), Matter::Choice, None, session, desk);
            }
            (Sends::Live | Sends::Muted, Sends::Nothing) => {
                self.stop(Err(Failure::NotSent), session, desk);
            }
            (Sends::Muted, _) => self.retry(session, desk),
            (Sends::Live | Sends::Nothing, _) if self.is_wanted() => {}
            (Sends::Live | Sends::Nothing, _) => self.stop(Ok(()), session, desk),
        }
    }

    /// Ends with its session: nothing stays open.
    pub(super) fn end<S: Clone>(&mut self, session: &S, desk: &mut Desk<S>) {
        self.sends = Sends::Nothing;
        self.stop(Err(Failure::SessionEnded), session, desk);
    }

    /// Wants this choice, or other settings for the one that there is, for a command perhaps.
    pub(super) fn want<S: Clone>(
        &mut self,
        choice: Choice,
        matter: Matter,
        command: Option<CommandId>,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        let mut plan = Plan { choice, matter, commands: command.into_iter().collect() };
        if !self.is_wanted() {
            self.target = plan.choice;
            return desk.finish(plan.commands, Ok(()));
        }
        let Some(opening) = &mut self.opening else {
            return self.start(plan, session, desk);
        };
        let wished = desk.defaults.constraints(self.kind, opening.constraints.device.clone());
        let is_same = match plan.matter {
            // The default may have become another one meanwhile.
            Matter::Choice => desk.origin(self.kind, &plan.choice) == opening.origin,
            Matter::Settings => true,
        };
        if opening.choice != plan.choice {
            desk.finish(std::mem::take(&mut opening.commands), Err(Failure::Superseded));
        } else if self.next.is_none()
            && opening.failed.is_none()
            && opening.constraints == wished
            && is_same
        {
            // That is what is being opened.
            self.target = plan.choice;
            return opening.commands.append(&mut plan.commands);
        }
        if let Some(next) = self.next.take() {
            if next.choice == plan.choice {
                plan.commands.splice(..0, next.commands);
                plan.matter = if next.matter == plan.matter { matter } else { Matter::Choice };
            } else {
                desk.finish(next.commands, Err(Failure::Superseded));
            }
        }
        self.next = Some(plan);
    }

    /// The choice that holds once all that is under way is done.
    pub(super) fn wish(&self) -> Choice {
        let next = self.next.as_ref().map(|plan| &plan.choice);
        let opening = || self.opening.as_ref().map(|opening| &opening.choice);
        next.or_else(opening).unwrap_or(&self.target).clone()
    }

    /// Takes the answer to the request that is under way.
    pub(super) fn answered<S: Clone>(
        &mut self,
        result: Result<Opened, OpenError>,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        let Some(opening) = self.opening.take() else { return };
        let other = self.next.as_ref().is_some_and(|next| next.choice != opening.choice);
        // What was in use before is used until there is another.
        let is_wanted = self.is_wanted() && (!other || opening.failed.is_some());
        match result {
            // Its commands were answered when it was not wanted any more.
            Ok(_) if !is_wanted => desk.close(Source::Opened(opening.request)),
            Err(_) if !is_wanted => {}
            Ok(opened) => self.opened(opening, opened, session, desk),
            Err(error) => self.failed(opening, error, session, desk),
        }
        if self.opening.is_some() {
            return;
        }
        if let Some(next) = self.next.take() {
            self.start(next, session, desk);
        } else if self.was_named(desk) {
            self.check(session, desk);
        }
    }

    /// Takes the answer to the request for another size.
    pub(super) fn resized<S: Clone>(
        &mut self,
        result: Result<Option<Size>, OpenError>,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        let (Some(resizing), Some(in_use)) = (self.resizing.take(), &mut self.in_use) else {
            return;
        };
        let told = match result {
            Ok(size) => {
                if let (Some(size), Some(now)) = (size, &in_use.constraints)
                    && desk.commands.size(&resizing.commands)
                {
                    desk.sized(session, in_use.source, now, size);
                }
                Ok(())
            }
            Err(error) => {
                in_use.constraints = Some(resizing.before);
                Err(Failure::Open(error))
            }
        };
        desk.finish(resizing.commands, told);
    }

    /// Takes note that a source has ended.
    pub(super) fn ended<S: Clone>(&mut self, source: Source, session: &S, desk: &mut Desk<S>) {
        if let Source::Given(given) = source {
            self.forget(given);
        }
        let Some(lost) = self.in_use.take_if(|in_use| in_use.source == source) else { return };
        self.is_lost = false;
        if let Some(constraints) = lost.constraints {
            if constraints.device.is_none()
                && lost
                    .device
                    .as_ref()
                    .is_some_and(|device| !self.tried.contains(&Some(device.clone())))
            {
                // The system may take another one now.
                self.tried.retain(Option::is_some);
                self.has_tried(lost.device);
            } else {
                self.has_tried(constraints.device);
            }
        }
        self.detach(session, desk);
        self.forget_size(Failure::Ended, desk);
        desk.tell(self.lost(lost.source, session));
        if self.opening.is_none() {
            self.look(session, desk);
        }
    }

    /// Looks whether the device in use is still there (MD-18), unless another one is being opened.
    pub(super) fn check<S: Clone>(&mut self, session: &S, desk: &mut Desk<S>) {
        let Some(in_use) = &self.in_use else { return };
        let kind = DeviceKind::of(self.kind);
        let is_lost = match (in_use.source, &in_use.device) {
            (Source::Given(_), _) => false,
            (Source::Opened(_), Some(device)) => !desk.catalogue.has(kind, device),
            (Source::Opened(_), None) => desk.catalogue.lacks(kind),
        };
        let event = self.lost(in_use.source, session);
        if !std::mem::replace(&mut self.is_lost, is_lost) && is_lost {
            desk.tell(event);
        }
        if is_lost && self.opening.is_none() {
            self.look(session, desk);
        }
    }

    /// Tries again where nothing is in use that should be.
    pub(super) fn retry<S: Clone>(&mut self, session: &S, desk: &mut Desk<S>) {
        self.tried.clear();
        if let Some(opening) = &self.opening {
            self.tried.push(opening.constraints.device.clone());
        }
        if !self.is_wanted() || self.in_use.is_some() {
            return;
        }
        match &self.opening {
            None => self.start(self.again(), session, desk),
            // Chosen while there was no need for it.
            Some(opening) if self.next.is_none() && opening.choice != self.target => {
                self.next = Some(self.again());
            }
            Some(_) => {}
        }
    }

    /// The volume of a level that was told.
    pub(super) fn volume(&mut self, dbfs: f32) -> u8 {
        self.meter.take(dbfs)
    }

    /// Audio stays open while muted, so that nothing of the first word is lost; a muted camera is never
    /// started (MD-16).
    fn is_wanted(&self) -> bool {
        match (self.kind, self.sends) {
            (_, Sends::Live) | (MediaKind::Audio, Sends::Muted) => true,
            (_, Sends::Nothing) | (MediaKind::Video, Sends::Muted) => false,
        }
    }

    /// The choice that a session begins with: a default source of the application's stands for the default
    /// microphone (MD-26).
    fn first<S>(&self, choice: &Choice, desk: &Desk<S>) -> Choice {
        match (self.kind, choice, desk.defaults.audio_source) {
            (MediaKind::Audio, Choice::Default, Some(given)) => Choice::Given(given),
            _ => choice.clone(),
        }
    }

    /// Looks for another source in the place of one that is lost; without any device of the kind there is
    /// none (MD-18).
    fn look<S: Clone>(&mut self, session: &S, desk: &mut Desk<S>) {
        if desk.catalogue.lacks(DeviceKind::of(self.kind)) {
            self.silence(OpenError::NotFound, Vec::new(), session, desk);
        } else {
            self.start(self.again(), session, desk);
        }
    }

    fn again(&self) -> Plan {
        Plan { choice: self.target.clone(), matter: Matter::Choice, commands: Vec::new() }
    }

    /// True if the device in use is one that was asked for by its name: what the system took may be too new
    /// to be listed.
    fn was_named<S: Clone>(&self, desk: &Desk<S>) -> bool {
        let constraints = self.in_use.as_ref().and_then(|in_use| in_use.constraints.as_ref());
        let device = constraints.and_then(|constraints| constraints.device.as_ref());
        device.is_some_and(|device| !desk.catalogue.has(DeviceKind::of(self.kind), device))
    }

    fn start<S: Clone>(&mut self, mut plan: Plan, session: &S, desk: &mut Desk<S>) {
        if !plan.commands.is_empty() {
            self.tried.clear();
        }
        self.target = plan.choice.clone();
        let in_use = self.in_use.as_ref().filter(|_| !self.is_lost);
        let device = match (desk.origin(self.kind, &plan.choice), in_use, plan.matter) {
            (Origin::Given(given), _, Matter::Choice) => {
                self.supersede(&mut plan);
                return self.give(given, plan, session, desk);
            }
            // Settings are the device's that is in use, whichever was chosen.
            (_, Some(InUse { constraints: Some(now), .. }), Matter::Settings) => now.device.clone(),
            (_, Some(InUse { constraints: None, .. }), Matter::Settings)
            | (Origin::Given(_), None, Matter::Settings) => {
                return desk.finish(plan.commands, Ok(()));
            }
            (Origin::Device(device), _, _) => device,
        };
        let wished = desk.defaults.constraints(self.kind, device);
        if let Some(InUse { source, constraints: Some(now), .. }) = in_use
            && (wished.device.is_some() || plan.matter == Matter::Settings)
        {
            if *now == wished {
                return self.keep(plan, desk);
            }
            let (source, is_size) = (*source, now.sized(wished.resolution()) == wished);
            if let Some(resolution) = wished.resolution().filter(|_| is_size) {
                self.supersede(&mut plan);
                return self.resize(source, resolution, plan, desk);
            }
        }
        self.supersede(&mut plan);
        let opening = Opening {
            request: RequestId(0),
            rung: Rung::Asked,
            choice: plan.choice,
            origin: Origin::Device(wished.device.clone()),
            constraints: wished,
            commands: plan.commands,
            failed: None,
        };
        if self.tried.contains(&opening.constraints.device) {
            // It ended by itself, or did not open.
            return self.failed(opening, OpenError::NotFound, session, desk);
        }
        self.open(opening, session, desk);
    }

    /// Takes what waits for another size over into a plan that goes beyond it.
    fn supersede(&mut self, plan: &mut Plan) {
        let Some(resizing) = self.resizing.take() else { return };
        plan.commands.splice(..0, resizing.commands);
        if let Some(in_use) = &mut self.in_use {
            in_use.constraints = Some(resizing.before);
        }
    }

    /// Leaves what is in use, which is what is wanted; where that is a size that was asked for, once it is known.
    fn keep<S: Clone>(&mut self, plan: Plan, desk: &mut Desk<S>) {
        if let Some(in_use) = &mut self.in_use {
            in_use.choice = plan.choice;
        }
        match &mut self.resizing {
            Some(resizing) => resizing.commands.extend(plan.commands),
            None => desk.finish(plan.commands, Ok(())),
        }
    }

    /// A source of the application's own is sent.
    fn give<S: Clone>(&mut self, given: Given, plan: Plan, session: &S, desk: &mut Desk<S>) {
        let source = Source::Given(given);
        if self.uses(source) {
            return self.keep(plan, desk);
        }
        let in_use = InUse {
            source,
            device: None,
            rung: Rung::Asked,
            choice: plan.choice,
            constraints: None,
        };
        self.switch(in_use, session, desk);
        desk.finish(plan.commands, Ok(()));
    }

    fn resize<S: Clone>(
        &mut self,
        source: Source,
        resolution: Resolution,
        plan: Plan,
        desk: &mut Desk<S>,
    ) {
        let Some(in_use) = &mut self.in_use else { return };
        in_use.choice = plan.choice;
        let Some(before) = in_use.constraints.clone() else { return };
        in_use.constraints = Some(before.sized(Some(resolution)));
        let request = desk.request();
        desk.does(Effect::Resize { request, source, resolution });
        self.resizing = Some(Resizing { request, before, commands: plan.commands });
    }

    fn open<S: Clone>(&mut self, opening: Opening, session: &S, desk: &mut Desk<S>) {
        self.has_tried(opening.constraints.device.clone());
        let request = desk.open(session, opening.constraints.clone());
        self.opening = Some(Opening { request, ..opening });
    }

    fn opened<S: Clone>(
        &mut self,
        opening: Opening,
        opened: Opened,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        let Opening { request, rung, choice, origin: _, constraints, commands, failed } = opening;
        let source = Source::Opened(request);
        if let Some(size) = opened.size.filter(|_| desk.commands.size(&commands)) {
            desk.sized(session, source, &constraints, size);
        }
        self.target = choice.clone();
        let device = opened.device.or_else(|| constraints.device.clone());
        let in_use = InUse { source, device, rung, choice, constraints: Some(constraints) };
        self.switch(in_use, session, desk);
        desk.finish(commands, failed.map_or(Ok(()), |error| Err(Failure::Open(error))));
    }

    /// Sends another source. What was sent is closed only then, so that there is always one.
    fn switch<S: Clone>(&mut self, in_use: InUse, session: &S, desk: &mut Desk<S>) {
        let InUse { source, device, rung, .. } = in_use.clone();
        self.before = None;
        self.is_lost = false;
        self.meter = Meter::default();
        desk.does(Effect::Switch {
            session: session.clone(),
            kind: self.kind,
            source: Some(source),
            muted: self.sends == Sends::Muted,
        });
        if let Some(old) = self.in_use.replace(in_use) {
            desk.close(old.source);
        }
        desk.tell(Event::InUse { session: session.clone(), kind: self.kind, source, device, rung });
    }

    /// Goes on by the ladder.
    fn failed<S: Clone>(
        &mut self,
        opening: Opening,
        error: OpenError,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        if error == OpenError::OneAtATime && self.is_lost {
            // It is not there any more, and in the way.
            self.release(session, desk);
            return self.open(opening, session, desk);
        }
        let default = desk.default_device(self.kind);
        let situation = Situation {
            error,
            is_sized: opening.constraints.resolution().is_some(),
            is_in_use: self.in_use.is_some() && !self.is_lost,
            is_released: self.before.is_some(),
            has_default: default.is_some() && !self.tried.contains(&default),
            has_system: !self.tried.contains(&None),
            falls_back: desk.falls_back(),
        };
        let on = |device| desk.defaults.constraints(self.kind, device).sized(None);
        let (rung, constraints) = match situation.step() {
            Step::Keep => {
                if let Some(in_use) = &self.in_use {
                    self.target = in_use.choice.clone();
                }
                return desk.finish(opening.commands, Err(Failure::Open(error)));
            }
            Step::Mute => return self.silence(error, opening.commands, session, desk),
            Step::Release => {
                self.before = self.release(session, desk);
                (opening.rung, opening.constraints)
            }
            Step::Try(Rung::Before) => return self.bring_back(opening, error, session, desk),
            Step::Try(Rung::AnySize) => (Rung::AnySize, opening.constraints.sized(None)),
            Step::Try(Rung::Default) => (Rung::Default, on(default)),
            Step::Try(rung @ (Rung::System | Rung::Asked)) => (rung, on(None)),
        };
        self.open(Opening { rung, constraints, ..opening }, session, desk);
    }

    /// Opens again what was closed for a switch that failed.
    fn bring_back<S: Clone>(
        &mut self,
        opening: Opening,
        error: OpenError,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        let Some(before) = self.before.take() else { return };
        let rung = Rung::Before;
        self.target = before.choice.clone();
        let Some(constraints) = before.constraints else {
            self.switch(InUse { rung, ..before }, session, desk);
            return desk.finish(opening.commands, Err(Failure::Open(error)));
        };
        let (choice, failed) = (before.choice, Some(error));
        self.open(Opening { rung, constraints, choice, failed, ..opening }, session, desk);
    }

    /// Closes what is in use, and gives it back.
    fn release<S: Clone>(&mut self, session: &S, desk: &mut Desk<S>) -> Option<InUse> {
        let released = self.in_use.take()?;
        self.is_lost = false;
        self.detach(session, desk);
        desk.close(released.source);
        Some(released)
    }

    fn detach<S: Clone>(&self, session: &S, desk: &mut Desk<S>) {
        desk.does(Effect::Switch {
            session: session.clone(),
            kind: self.kind,
            source: None,
            muted: self.sends == Sends::Muted,
        });
    }

    /// Nothing is left to be tried: the session is muted (MD-18, MH-10, MH-11).
    fn silence<S: Clone>(
        &mut self,
        error: OpenError,
        commands: Vec<CommandId>,
        session: &S,
        desk: &mut Desk<S>,
    ) {
        self.release(session, desk);
        self.before = None;
        self.forget_size(Failure::Ended, desk);
        if self.sends == Sends::Live {
            desk.does(Effect::Mute { session: session.clone(), kind: self.kind });
        }
        desk.tell(Event::Silent { session: session.clone(), kind: self.kind, error });
        desk.finish(commands, Err(Failure::Open(error)));
    }

    /// Sends nothing more; what is being opened is closed once it is open.
    fn stop<S: Clone>(&mut self, result: Result<(), Failure>, session: &S, desk: &mut Desk<S>) {
        self.target = self.wish();
        self.before = None;
        self.release(session, desk);
        let resizing = self.resizing.take().map(|resizing| resizing.commands);
        let opening = self.opening.as_mut().map(|opening| std::mem::take(&mut opening.commands));
        let next = self.next.take().map(|next| next.commands);
        for commands in [resizing, opening, next].into_iter().flatten() {
            desk.finish(commands, result);
        }
    }

    fn forget_size<S: Clone>(&mut self, failure: Failure, desk: &mut Desk<S>) {
        if let Some(resizing) = self.resizing.take() {
            desk.finish(resizing.commands, Err(failure));
        }
    }

    /// Chooses the default in the place of a source of the application's own that has ended.
    fn forget(&mut self, given: Given) {
        let choices = [Some(&mut self.target), self.next.as_mut().map(|next| &mut next.choice)];
        for choice in choices.into_iter().flatten() {
            if *choice == Choice::Given(given) {
                *choice = Choice::Default;
            }
        }
        self.before.take_if(|before| before.source == Source::Given(given));
    }

    fn has_tried(&mut self, device: Option<DeviceId>) {
        if self.tried.contains(&device) {
            return;
        }
        // The system's device may open under another name each time.
        if self.tried.len() > Catalogue::MAX_DEVICES {
            self.tried.remove(0);
        }
        self.tried.push(device);
    }

    fn lost<S: Clone>(&self, source: Source, session: &S) -> Event<S> {
        Event::Lost { session: session.clone(), kind: self.kind, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_that_were_tried_are_bounded() {
        let mut feed = Feed::new(MediaKind::Audio);
        feed.has_tried(None);
        for n in 0..1000 {
            feed.has_tried(Some(DeviceId::from(format!("device {n}"))));
        }
        assert_eq!(feed.tried.len(), Catalogue::MAX_DEVICES + 1);
        assert_eq!(feed.tried.last(), Some(&Some("device 999".into())), "the newest are kept");
    }
}
