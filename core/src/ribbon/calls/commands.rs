//! Commands on calls: first what may be done, then doing it.

use super::Calls;
use super::call::{Call, Purpose};
use super::change::invalid_state;
use super::end::Disposition;
use super::takes_keys;
use super::tracks::Source;
use crate::machine::CommandId;
use crate::media::MediaKind;
use crate::ribbon::command::{
    Command, client_commands, media_commands, proxy_commands, store_commands,
};
use crate::ribbon::config::RingingFeedback;
use crate::ribbon::constants::{CallState, OperationKind};
use crate::ribbon::error::{AuthCode, CallCode, Error, ErrorCode, WebRtcCode};
use crate::ribbon::event::Event;
use crate::ribbon::history::CallDirection;
use crate::ribbon::ids::{CallId, TrackId, UserId};
use crate::ribbon::info::{CallInfo, Participant, SourceState, TrackState};
use crate::ribbon::options::MakeOptions;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::wanted::{CallMedia, MoreMedia};
use crate::ribbon::wire::address::{Destination, sender};
use crate::ribbon::wire::parameters;
use crate::ribbon::wire::resources::calls::SessionRequest;
use crate::ribbon::wishes::MediaWishes;

/// The most tracks of one command.
const MAX_TRACKS: usize = 32;

/// Tells the application which sources are wished for a call's media.
fn want(call: &CallId, wishes: Box<MediaWishes>, out: &mut Outbox) {
    if !wishes.is_empty() {
        out.event(Event::MediaWanted { call: call.clone(), wishes });
    }
}

fn invalid(text: &str) -> Error {
    Error::new(CallCode::InvalidParam, text)
}

impl Calls {
    /// Checks that a command on a call can be done. Says and changes nothing.
    ///
    /// # Errors
    ///
    /// It cannot, now.
    pub(in crate::ribbon) fn plan(&self, command: &Command, out: &Outbox) -> Result<(), Error> {
        match command {
            Command::Make { to, media, options } => self.may_make(to, *media, options, out),
            Command::Answer { call, media, options } => {
                let call = self.incoming(call)?;
                let offered = call.info.media_offered;
                let unseen = offered.is_some_and(|offered| !offered.video);
                if media.is_seen() {
                    may_show(out)?;
                }
                if !media.audio || (media.is_seen() && unseen) {
                    return Err(invalid(
                        "only what was offered can be answered, and sound has to be",
                    ));
                }
                parameters::check(&options.parameters)?;
                call.ops.may_start(OperationKind::SlowAnswer)
            }
            Command::Reject { call } => self.incoming(call)?.ops.may_start(OperationKind::Reject),
            Command::Ignore { call } => self.incoming(call)?.ops.may_start(OperationKind::Ignore),
            Command::Forward { call, to } => {
                Destination::new(to.clone())?;
                self.incoming(call)?.ops.may_start(OperationKind::ForwardCall)
            }
            Command::End { call } => self.find(call).map(drop),
            Command::Hold { call } => self.find(call)?.may_hold(),
            Command::Unhold { call } => self.find(call)?.may_unhold(),
            Command::RestartMedia { call } => {
                self.find(call)?.may_change(OperationKind::MediaRestart)
            }
            Command::AddMedia { call, .. } => {
                self.find(call)?.may_change_media(OperationKind::AddMedia)
            }
            Command::RemoveMedia { call, tracks, .. } => {
                let call = self.find(call)?;
                if tracks.len() > MAX_TRACKS {
                    return Err(invalid("too many tracks"));
                }
                call.sent(tracks)?;
                call.may_change_media(OperationKind::RemoveMedia)
            }
            Command::StartVideo { call, .. } => {
                let call = self.find(call)?;
                if !call.pictures().is_empty() {
                    let text = "the call sends pictures already";
                    return Err(Error::new(CallCode::InvalidState, text));
                }
                may_show(out)?;
                call.may_add(&[(MediaKind::Video, None)])?;
                call.may_change_media(OperationKind::AddBasicMedia)
            }
            Command::StopVideo { call } => {
                let call = self.find(call)?;
                if call.pictures().len() != 1 {
                    let text = "the call does not send exactly one track of pictures";
                    return Err(Error::new(CallCode::InvalidState, text));
                }
                call.may_change_media(OperationKind::RemoveBasicMedia)
            }
            Command::ReplaceTrack { call, track, .. } => {
                let call = self.find(call)?;
                if call.info.state == CallState::Initiating {
                    return Err(invalid_state(call.info.state));
                }
                call.sent(std::slice::from_ref(track))?;
                call.ops.may_start(OperationKind::ReplaceTrack)
            }
            Command::SendRingingFeedback { call } => {
                if out.config.call.ringing_feedback != RingingFeedback::Manual {
                    return Err(Error::new(CallCode::NotSupported, "ringing is told by itself"));
                }
                let call = self.incoming(call)?;
                if call.info.state != CallState::Initiated {
                    return Err(invalid_state(call.info.state));
                }
                call.ops.may_start(OperationKind::SendRingingFeedback)
            }
            Command::SetCustomParameters { call, parameters } => {
                parameters::check(parameters.as_deref().unwrap_or_default())?;
                self.find(call).map(drop)
            }
            Command::SendCustomParameters { call } => {
                let call = self.find(call)?;
                if !call.info.state.is_up() {
                    return Err(invalid_state(call.info.state));
                }
                if call.info.parameters.is_empty() {
                    return Err(invalid("there are no parameters to send"));
                }
                call.ops.may_start(OperationKind::SendCustomParameters)
            }
            Command::SendDtmf { call, tones, .. } => {
                let call = self.find(call)?;
                call.keys.may_take(tones)?;
                if !takes_keys(call.info.state) {
                    return Err(invalid_state(call.info.state));
                }
                call.ops.may_start(OperationKind::SendDtmf)
            }
            #[cfg(feature = "audio")]
            Command::PlayAudio { call, .. } => self.find(call)?.may_play(),
            Command::GetStats { call, track } => {
                let call = self.find(call)?;
                if track.as_ref().is_some_and(|track| call.tracks.find(track).is_none()) {
                    return Err(invalid("there is no such track"));
                }
                call.ops.may_start(OperationKind::GetStats)
            }
            Command::DirectTransfer { call, to } => {
                Destination::new(to.clone())?;
                self.find(call)?.may_move(OperationKind::DirectTransfer)
            }
            Command::ConsultativeTransfer { call, other } => {
                self.may_pair(call, other, OperationKind::ConsultativeTransfer)
            }
            Command::Join { call, other } => {
                if self.live.len() >= out.config.call.max_calls {
                    return Err(Error::new(ErrorCode::Busy, "there are too many calls"));
                }
                self.may_pair(call, other, OperationKind::Join)
            }
            Command::Resync { call } => self.find(call)?.ops.may_start(OperationKind::Resync),
            Command::SetSource { track, .. } => {
                let info = self.track(track);
                let missing = info.as_ref().is_none_or(|info| info.state == TrackState::Ended);
                if missing {
                    return Err(Error::new(WebRtcCode::InvalidTrackId, "there is no such track"));
                }
                if info.is_some_and(|info| !info.local) {
                    let why = "the track is the far side's";
                    return Err(Error::new(WebRtcCode::TrackNotLocal, why));
                }
                Ok(())
            }
            Command::MuteTracks { tracks } | Command::UnmuteTracks { tracks } => {
                let known = |track: &TrackId| self.track(track).is_some();
                if tracks.is_empty() || tracks.len() > MAX_TRACKS || !tracks.iter().all(known) {
                    return Err(Error::new(WebRtcCode::InvalidTrackId, "there is no such track"));
                }
                Ok(())
            }
            client_commands!() | media_commands!() | proxy_commands!() | store_commands!() => {
                Ok(())
            }
        }
    }

    /// Checks that a call can take this media: `kind` knows what belongs to no call by itself.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`], [`CallCode::NotSupported`]: it cannot.
    pub(in crate::ribbon) fn may_take(
        &self,
        command: &Command,
        media: &MoreMedia,
        kind: impl Fn(&TrackId) -> Option<MediaKind>,
        out: &Outbox,
    ) -> Result<(), Error> {
        let sources = sources(media, kind)?;
        if sources.iter().any(|(kind, _)| *kind == MediaKind::Video) {
            may_show(out)?;
        }
        let Some(call) = command.call() else { return Ok(()) };
        let call = self.find(call)?;
        call.may_add(&sources)?;
        if let Command::ReplaceTrack { track, .. } = command {
            let old = call.tracks.find(track).map(|(lane, _)| lane.track.kind);
            let [(kind, _)] = &sources[..] else {
                return Err(invalid("exactly one medium takes the place of a track"));
            };
            if old != Some(*kind) {
                return Err(invalid("what takes the place of a track is of its kind"));
            }
        }
        Ok(())
    }

    fn may_make(
        &self,
        to: &str,
        media: CallMedia,
        options: &MakeOptions,
        out: &Outbox,
    ) -> Result<(), Error> {
        if out.credentials.is_none() {
            return Err(Error::new(AuthCode::InvalidCredentials, "there are no credentials"));
        }
        Destination::new(to)?;
        parameters::check(&options.parameters)?;
        if !media.audio {
            return Err(invalid("calls without sound are not supported"));
        }
        if media.is_seen() {
            may_show(out)?;
        }
        if self.live.len() >= out.config.call.max_calls {
            return Err(Error::new(ErrorCode::Busy, "there are too many calls"));
        }
        Ok(())
    }

    /// An incoming call that waits to be dealt with.
    fn incoming(&self, id: &CallId) -> Result<&Call, Error> {
        let call = self.find(id)?;
        let waits = matches!(call.info.state, CallState::Initiated | CallState::Ringing);
        if !call.is_incoming() || !waits {
            return Err(invalid_state(call.info.state));
        }
        if call.is_being_dealt_with() {
            let text = "the call is being answered, declined or sent on";
            return Err(Error::new(CallCode::InvalidState, text));
        }
        Ok(call)
    }

    fn may_pair(&self, one: &CallId, other: &CallId, kind: OperationKind) -> Result<(), Error> {
        if one == other {
            return Err(invalid("it takes two calls"));
        }
        self.find(one)?.may_move(kind)?;
        self.find(other)?.may_move(kind)
    }

    /// Does a command that [`Calls::plan`] allows.
    pub(in crate::ribbon) fn apply(
        &mut self,
        id: CommandId,
        command: Command,
        kind: impl Fn(&TrackId) -> Option<MediaKind>,
        out: &mut Outbox,
    ) {
        match command {
            Command::AddMedia { call, media, options } => {
                let Ok(sources) = sources(&media, kind) else { return };
                let op = OperationKind::AddMedia;
                want(&call, options.wishes, out);
                self.with(&call, out, |call, desk| {
                    call.urge(options.dscp);
                    call.add_media(id, op, sources, options.bandwidth, desk);
                });
            }
            Command::StartVideo { call, options } => {
                let (op, video) = (OperationKind::AddBasicMedia, vec![(MediaKind::Video, None)]);
                want(&call, options.wishes, out);
                self.with(&call, out, |call, desk| {
                    call.urge(options.dscp);
                    call.add_media(id, op, video, options.bandwidth, desk);
                });
            }
            Command::RemoveMedia { call, tracks, options } => {
                self.with(&call, out, |call, desk| {
                    let (op, tracks) = (OperationKind::RemoveMedia, call.sent(&tracks));
                    let Ok(tracks) = tracks else { return };
                    call.urge(options.dscp);
                    call.remove_media(id, op, &tracks, options.bandwidth, desk);
                });
            }
            Command::StopVideo { call } => {
                self.with(&call, out, |call, desk| {
                    let (op, tracks) = (OperationKind::RemoveBasicMedia, call.pictures());
                    let Ok(tracks) = call.sent(&tracks) else { return };
                    call.remove_media(id, op, &tracks, None, desk);
                });
            }
            Command::ReplaceTrack { call, track, media } => {
                let Ok(mut sources) = sources(&media, kind) else { return };
                let new = sources.pop().and_then(|(_, id)| id);
                self.with(&call, out, |call, desk| call.replace_track(id, &track, new, desk));
            }
            Command::Make { to, media, options } => self.make(id, &to, media, options, out),
            Command::Answer { call, media, options } => {
                want(&call, options.wishes, out);
                self.with(&call, out, |call, desk| {
                    if !options.parameters.is_empty() {
                        call.info.parameters = options.parameters;
                    }
                    call.limit(options.bandwidth);
                    call.urge(options.dscp);
                    call.answer(id, media, desk);
                });
            }
            Command::Reject { call } => {
                self.with(&call, out, |call, desk| call.dispose(id, &Disposition::Reject, desk));
            }
            Command::Ignore { call } => {
                self.with(&call, out, |call, desk| call.ignore(id, desk));
            }
            Command::Forward { call, to } => {
                let to = address(&to, out);
                self.with(&call, out, |call, desk| {
                    call.dispose(id, &Disposition::Forward(to), desk);
                });
            }
            Command::End { call } => {
                self.with(&call, out, |call, desk| call.end(Some(id), desk));
            }
            Command::Hold { call } => {
                self.with(&call, out, |call, desk| call.hold(id, true, desk));
            }
            Command::Unhold { call } => {
                self.with(&call, out, |call, desk| call.hold(id, false, desk));
            }
            Command::RestartMedia { call } => {
                self.with(&call, out, |call, desk| call.restart(id, desk));
            }
            Command::SendRingingFeedback { call } => {
                self.with(&call, out, |call, desk| call.feed_back(id, desk));
            }
            Command::SetCustomParameters { call, parameters } => {
                self.with(&call, out, |call, _| {
                    call.info.parameters = parameters.unwrap_or_default();
                });
                out.complete(id, Ok(Outcome::Done));
            }
            Command::SendCustomParameters { call } => {
                self.with(&call, out, |call, desk| call.send_parameters(id, desk));
            }
            Command::SendDtmf { call, tones, duration, gap } => {
                self.with(&call, out, |call, desk| call.press(id, tones, duration, gap, desk));
            }
            #[cfg(feature = "audio")]
            Command::PlayAudio { call, source } => {
                self.with(&call, out, |call, desk| call.play(id, source, desk));
            }
            Command::GetStats { call, track } => {
                self.with(&call, out, |call, desk| call.tell_figures(id, track, desk));
            }
            Command::DirectTransfer { call, to } => {
                let to = address(&to, out);
                self.with(&call, out, |call, desk| {
                    let Some(session) = call.session.clone() else { return };
                    let op = call.begin_move(OperationKind::DirectTransfer, Some(id), desk);
                    let what = SessionRequest::Transfer { to: &to };
                    let resource = desk.out.resources().session(&session, what);
                    call.request_transfer(op, resource, desk);
                });
            }
            Command::ConsultativeTransfer { call, other } => self.consult(id, &call, &other, out),
            Command::Join { call, other } => self.join(id, &call, &other, out),
            Command::Resync { call } => {
                self.with(&call, out, |call, desk| {
                    let op = call.start(OperationKind::Resync, true, Some(id), desk);
                    call.update(&op, desk);
                    call.ask_status(Some(op), desk);
                });
            }
            Command::SetSource { track, state } => self.set_source(id, &track, state, out),
            Command::MuteTracks { tracks } => self.mute(id, tracks, true, out),
            Command::UnmuteTracks { tracks } => self.mute(id, tracks, false, out),
            client_commands!() | media_commands!() | proxy_commands!() | store_commands!() => {}
        }
    }

    fn make(
        &mut self,
        command: CommandId,
        to: &str,
        media: CallMedia,
        options: MakeOptions,
        out: &mut Outbox,
    ) {
        let (id, user) = (CallId::random(&mut self.rng), out.user());
        let destination = address(to, out);
        let number = destination.strip_prefix("sip:").unwrap_or(&destination).to_owned();
        let remote = Participant { display_name: None, display_number: Some(number.clone()) };
        let (from, called) = (user.clone(), UserId::from(number));
        let info = CallInfo::new(id.clone(), CallDirection::Outgoing, from, called, remote);
        let mut call = Call::new(info);
        call.destination = destination;
        call.source = sender(&user, options.display_name.as_deref());
        call.info.parameters = options.parameters;
        call.limit(options.bandwidth);
        call.urge(options.dscp);
        self.add(call, out);
        out.event(Event::CallStarted { call: id.clone(), command });
        want(&id, options.wishes, out);
        self.with(&id, out, |call, desk| call.make(command, Purpose::Make, media, desk));
    }

    fn consult(&mut self, id: CommandId, one: &CallId, other: &CallId, out: &mut Outbox) {
        let Some(second) = self.live.get(other) else { return };
        let Some(session) = second.session.clone() else { return };
        let to = second.info.remote.display_number.clone().unwrap_or_default();
        let to = address(&to, out);
        self.pairs.begin([one.clone(), other.clone()], Some(id), None);
        let kind = OperationKind::ConsultativeTransfer;
        self.with(other, out, |call, desk| drop(call.begin_move(kind, None, desk)));
        self.with(one, out, |call, desk| {
            let op = call.begin_move(kind, None, desk);
            let Some(own) = call.session.clone() else { return };
            let what = SessionRequest::Consult { other: &session, to: &to };
            let resource = desk.out.resources().session(&own, what);
            call.request_transfer(op, resource, desk);
        });
    }

    fn join(&mut self, command: CommandId, one: &CallId, other: &CallId, out: &mut Outbox) {
        let of = |call: &CallId| {
            let call = self.live.get(call)?;
            let remote = &call.info.remote;
            let number = remote.display_number.clone().unwrap_or_default();
            Some((call.session.clone()?, number, call.info.parameters.clone()))
        };
        let (Some((first, number, parameters)), Some((second, other_number, _))) =
            (of(one), of(other))
        else {
            return;
        };
        let (id, user) = (CallId::random(&mut self.rng), out.user());
        let remote = Participant {
            display_name: None,
            display_number: Some(format!("{number},{other_number}")),
        };
        let (from, to) = (user.clone(), user);
        let info = CallInfo::new(id.clone(), CallDirection::Outgoing, from, to, remote);
        let mut call = Call::new(info);
        call.info.parameters = parameters;
        self.add(call, out);
        self.pairs.begin([one.clone(), other.clone()], None, Some(id.clone()));
        for old in [one, other] {
            let kind = OperationKind::Join;
            self.with(old, out, |call, desk| drop(call.begin_move(kind, None, desk)));
        }
        out.event(Event::CallStarted { call: id.clone(), command });
        let purpose = Purpose::Join { first, second };
        let media = CallMedia::AUDIO;
        self.with(&id, out, |call, desk| call.make(command, purpose, media, desk));
    }

    fn set_source(&mut self, id: CommandId, track: &TrackId, state: SourceState, out: &mut Outbox) {
        let calls: Vec<_> = self.live.keys().cloned().collect();
        for call in calls {
            self.with(&call, out, |call, desk| {
                if !call.tracks.set_source(track, state) {
                    return;
                }
                let (track, call) = (track.clone(), Some(call.info.id.clone()));
                desk.out.event(match state {
                    SourceState::Ended => Event::TrackEnded { track, call },
                    SourceState::Muted => Event::SourceMuted { track },
                    SourceState::Live => Event::SourceUnmuted { track },
                });
            });
        }
        out.complete(id, Ok(Outcome::Done));
    }

    fn mute(&mut self, id: CommandId, tracks: Vec<TrackId>, muted: bool, out: &mut Outbox) {
        let mut changed = Vec::new();
        for track in tracks {
            let Some(info) = self.track(&track) else { continue };
            self.with(&info.call, out, |call, desk| {
                let Some((lane, _)) = call.tracks.find(&track) else { return };
                if !call.tracks.set_muted(&track, muted) {
                    return;
                }
                if let Some(media) = &mut call.media {
                    media.set_muted(lane, muted, desk);
                }
                changed.push(track.clone());
            });
        }
        if !changed.is_empty() {
            out.event(match muted {
                true => Event::TracksMuted { tracks: changed },
                false => Event::TracksUnmuted { tracks: changed },
            });
        }
        out.complete(id, Ok(Outcome::Done));
    }
}

/// Checks that pictures can be sent.
///
/// # Errors
///
/// [`CallCode::NotSupported`]: there is no codec for them.
fn may_show(out: &Outbox) -> Result<(), Error> {
    match out.config.call.video_codecs.is_empty() {
        true => Err(Error::new(CallCode::NotSupported, "no video codec is configured")),
        false => Ok(()),
    }
}

/// The sources that are wanted, where `kind` knows what belongs to no call by itself.
///
/// # Errors
///
/// [`CallCode::InvalidParam`]: there is no such track.
fn sources(
    media: &MoreMedia,
    kind: impl Fn(&TrackId) -> Option<MediaKind>,
) -> Result<Vec<Source>, Error> {
    let detached = media.detached.iter().map(|track| {
        let kind = kind(track).ok_or_else(|| invalid("there is no such media of our own"))?;
        Ok((kind, Some(track.clone())))
    });
    media.unnamed().map(|kind| Ok((kind, None))).chain(detached).collect()
}

/// The address that somebody is called by (w4.0.1).
fn address(to: &str, out: &Outbox) -> String {
    let normalise = out.config.call.normalize_destination;
    match Destination::new(to) {
        Ok(destination) => destination.sent(&out.user(), normalise),
        Err(_) => to.to_owned(),
    }
}
