//! The media of calls: their tracks, what comes of their sockets, and what it means for them.

#[cfg(feature = "audio")]
use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;
#[cfg(feature = "audio")]
use std::time::Instant;

use super::Calls;
use super::association::News;
use super::call::Call;
use super::desk::Desk;
#[cfg(feature = "audio")]
use crate::machine::Track;
use crate::machine::{
    Frame, NameId, NetError, NetErrorKind, StreamEvent, StreamId, TrackId as MediaTrack, UdpEvent,
    UdpId,
};
use crate::media::{Fingerprint, MediaState, PathNews, PeerNews, Report};
use crate::ribbon::constants::{CallState, MediaConnectionState};
use crate::ribbon::error::{CallCode, Error};
use crate::ribbon::event::Event;
use crate::ribbon::ids::{MediaObjectId, TrackId};
use crate::ribbon::info::{MediaInfo, TrackInfo};
use crate::ribbon::media::Use;
use crate::ribbon::outbox::Outbox;

/// The time for which media may be disconnected before it counts as failed (w4.19).
const DISCONNECTED: Duration = Duration::from_secs(10);

impl Calls {
    pub(in crate::ribbon) fn track(&self, id: &TrackId) -> Option<TrackInfo> {
        self.live.values().find_map(|call| call.track(id))
    }

    /// The media of one side of a call.
    pub(in crate::ribbon) fn media(&self, id: &MediaObjectId) -> Option<MediaInfo> {
        self.live.values().find_map(|call| {
            let local = [true, false].into_iter().find(|local| call.object(*local) == *id)?;
            let tracks = call.tracks.used(local);
            Some(MediaInfo { id: id.clone(), local, detached: false, tracks })
        })
    }

    /// The use that calls make of a track.
    pub(in crate::ribbon) fn use_of(&self, id: &TrackId) -> Use {
        match self.live.values().find_map(|call| call.tracks.find(id)) {
            None => Use::None,
            Some((lane, _)) if lane.local => Use::Sent,
            Some(_) => Use::Heard,
        }
    }

    /// Takes what happened to the sockets of a call's media.
    pub(in crate::ribbon) fn handle_udp(&mut self, udp: UdpId, event: UdpEvent, out: &mut Outbox) {
        if let Some((udp, news)) = self.peers.handle_udp(udp, event, out.media()) {
            self.take_news(udp, news, out);
        }
    }

    /// Takes the addresses of a host that media asked for.
    pub(in crate::ribbon) fn handle_resolved(
        &mut self,
        id: NameId,
        found: Result<Vec<IpAddr>, NetError>,
        out: &mut Outbox,
    ) {
        if let Some((udp, news)) = self.peers.handle_resolved(id, found, out.media()) {
            self.take_news(udp, news, out);
        }
    }

    /// Takes what happened to a stream that media opened.
    pub(in crate::ribbon) fn handle_stream(
        &mut self,
        id: StreamId,
        event: StreamEvent,
        out: &mut Outbox,
    ) {
        if let Some((udp, news)) = self.peers.handle_stream(id, event, out.media()) {
            self.take_news(udp, news, out);
        }
    }

    /// Takes what the end elsewhere tells that has a call's media.
    pub(in crate::ribbon) fn handle_report(
        &mut self,
        udp: UdpId,
        report: Report,
        out: &mut Outbox,
    ) {
        let Some(peer) = self.peers.get_mut(udp) else { return };
        if let Some(news) = peer.handle_report(report, out.media()) {
            self.take_news(udp, news, out);
        }
    }

    /// Has the media of new calls elsewhere, or here again.
    pub(in crate::ribbon) fn set_elsewhere(&mut self, certificate: Option<Fingerprint>) {
        self.peers.set_elsewhere(certificate);
    }

    /// Media elsewhere is gone.
    pub(in crate::ribbon) fn lose_elsewhere(&mut self, out: &mut Outbox) {
        self.peers.set_elsewhere(None);
        let gone = self.peers.all().filter(|peer| peer.engine.is_elsewhere());
        let gone: Vec<_> = gone.map(|peer| peer.udp()).collect();
        for udp in gone {
            let error = NetError::new(NetErrorKind::Lost, "media elsewhere is gone");
            self.handle_udp(udp, UdpEvent::Failed(error), out);
        }
    }

    /// Sends a frame of the application's.
    pub(in crate::ribbon) fn send(&mut self, track: MediaTrack, frame: &Frame, out: &mut Outbox) {
        let mut calls = self.live.values();
        let call = calls.find(|call| call.media_name() == Some(track.media));
        if call.is_some_and(|call| call.tracks.is_gone(track.track)) {
            return;
        }
        #[cfg(feature = "audio")]
        let Some(frame) = &self.voiced(track, frame, out.now()) else { return };
        let Some(peer) = self.peers.sender(track) else { return };
        let udp = peer.udp();
        if let Some(news) = peer.send(track.track, frame, out.media()) {
            self.take_news(udp, news, out);
        }
    }

    /// A frame of the application's as it is sent; none while something else is played in its place.
    #[cfg(feature = "audio")]
    fn voiced<'f>(
        &mut self,
        track: MediaTrack,
        frame: &'f Frame,
        now: Instant,
    ) -> Option<Cow<'f, Frame>> {
        let Frame::Audio(audio) = frame else { return Some(Cow::Borrowed(frame)) };
        let mut calls = self.live.values_mut();
        let call = calls.find(|call| call.media_name() == Some(track.media));
        match call.filter(|_| track.track == Track::AUDIO) {
            None => Some(Cow::Borrowed(frame)),
            Some(call) => Some(match call.voiced(audio, now)? {
                Cow::Borrowed(_) => Cow::Borrowed(frame),
                Cow::Owned(moved) => Cow::Owned(moved.into()),
            }),
        }
    }

    /// The name by which a track of ours is sent now.
    pub(in crate::ribbon) fn source_of(&self, track: MediaTrack) -> Option<&TrackId> {
        let call = self.live.values().find(|call| call.media_name() == Some(track.media))?;
        call.tracks.name_of(track.track)
    }

    /// Sends a frame of media that belongs to no call by itself, wherever it is sent now.
    pub(in crate::ribbon) fn send_detached(
        &mut self,
        id: &TrackId,
        frame: &Frame,
        out: &mut Outbox,
    ) {
        let sent = self.live.values().filter_map(|call| {
            Some(MediaTrack { media: call.media_name()?, track: call.tracks.sends(id)? })
        });
        for track in sent.collect::<Vec<_>>() {
            self.send(track, frame, out);
        }
        #[cfg(feature = "audio")]
        if let Frame::Audio(audio) = frame {
            let plays = |call: &Call| call.playback.as_ref().is_some_and(|one| one.plays(id));
            let calls = self.live.values().filter(|call| plays(call));
            for call in calls.map(|call| call.info.id.clone()).collect::<Vec<_>>() {
                self.with(&call, out, |call, desk| call.play_frame(id, audio, desk));
            }
        }
    }

    fn take_news(&mut self, udp: UdpId, news: PeerNews, out: &mut Outbox) {
        out.due.stir();
        let is_of = |call: &Call| call.media.as_ref().is_some_and(|media| media.has(udp));
        let of = self.live.iter().find(|(_, call)| is_of(call));
        let Some(id) = of.map(|(id, _)| id.clone()) else { return };
        self.with(&id, out, |call, desk| {
            call.media_news(udp, news, desk);
            call.drain(desk);
        });
    }
}

impl Call {
    /// Takes all that its media has to tell.
    pub(super) fn drain(&mut self, desk: &mut Desk<'_>) {
        while let Some(media) = &self.media
            && let Some((udp, news)) = media.poll(desk)
        {
            self.media_news(udp, news, desk);
        }
    }

    pub(super) fn media_news(&mut self, udp: UdpId, news: PeerNews, desk: &mut Desk<'_>) {
        let Some(media) = &mut self.media else { return };
        match media.take_news(udp, news, desk) {
            News::None => {}
            News::State(state) => self.media_is(state, desk.out),
            News::Agreed(media, agreement) => {
                let call = self.info.id.clone();
                desk.out.event(Event::MediaAgreed { call, media, agreement });
            }
            News::Digit(digit, duration) => {
                desk.out.event(Event::Dtmf { call: self.info.id.clone(), digit, duration });
            }
            News::Path(news) => self.path_news(news, desk.out),
            News::Gathering => self.check_collection(desk),
            News::NoSocket(error) => {
                let error =
                    Error::new(CallCode::InitMediaFailed, "no socket for media").caused_by(error);
                self.broken(error, desk);
            }
            News::Restless => {
                let error = Error::new(CallCode::Generic, "the media engine never rests");
                self.broken(error, desk);
            }
        }
    }

    fn path_news(&mut self, news: PathNews, out: &mut Outbox) {
        match news {
            PathNews::Is(path) => {
                let (call, media) = (self.info.id.clone(), self.media_name());
                out.event(Event::MediaPath { call, media, path });
            }
            PathNews::Cut => self.path_cut(out),
            PathNews::Quiet if self.info.state == CallState::Connected => {
                self.path_is(true, out);
                self.path_moved(out);
            }
            PathNews::Quiet => {}
            PathNews::Moved => self.path_moved(out),
            PathNews::NoRelay { server, code } => {
                let call = self.info.id.clone();
                out.event(Event::NoRelay { call, server, code });
            }
            // New credentials come with the subscription, whenever it is renewed.
            PathNews::Stale => {}
        }
    }

    /// Takes the state of its media.
    pub(super) fn media_is(&mut self, state: MediaState, out: &mut Outbox) {
        self.media_until = (state == MediaState::Disconnected).then(|| out.now() + DISCONNECTED);
        match state {
            MediaState::Disconnected => self.path_is(true, out),
            MediaState::Connected | MediaState::Closed => self.path_is(false, out),
            MediaState::New | MediaState::Connecting | MediaState::Failed => {}
        }
        self.enter_media(connection_of(state), out);
    }

    pub(super) fn media_timeout(&mut self, desk: &mut Desk<'_>) {
        if self.media_until.is_some_and(|until| until <= desk.out.now()) {
            self.media_until = None;
            self.enter_media(MediaConnectionState::Failed, desk.out);
        }
        if let Some(media) = &mut self.media {
            media.handle_timeout(desk);
        }
    }
}

/// The state of media as the service's own clients name it (w4.19).
fn connection_of(state: MediaState) -> MediaConnectionState {
    match state {
        MediaState::New => MediaConnectionState::New,
        MediaState::Connecting => MediaConnectionState::Checking,
        MediaState::Connected => MediaConnectionState::Connected,
        MediaState::Disconnected => MediaConnectionState::Disconnected,
        MediaState::Failed => MediaConnectionState::Failed,
        MediaState::Closed => MediaConnectionState::Closed,
    }
}
