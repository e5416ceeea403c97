//! The news of the media of rooms: tracks, key frames, data channels.

use super::member::MemberStatus;
use super::room::{Channel, Metadata, Room};
use super::{RoomAsk, Rooms, Sessions};
use crate::genesys::event::Event;
use crate::genesys::ids::SessionId;
use crate::genesys::news::News;
use crate::genesys::outbox::Outbox;
use crate::genesys::wire::requests;
use crate::machine::TrackId;
use crate::media::{ChannelMessage, EngineEvent, MediaKind, MediaState};
use crate::rest::Retry;

/// The data channel of meetings, which the client opens (wire notes 6.13).
const CHANNEL: &str = "videoConferenceControl";
/// The method that tells the state of a room's media.
const MEMBER_STATUS: &str = "member.notify.status";
/// The longest message of a data channel that is read, in bytes.
const MAX_MESSAGE: usize = 256 * 1024;
impl Rooms {
    /// Carries on what the media of rooms brought.
    pub(crate) fn take_news(&mut self, sessions: &mut Sessions, out: &mut Outbox) {
        let News { events, left_out, .. } = std::mem::take(&mut out.news);
        for (session, event) in events {
            self.handle_engine(&session, event, sessions, out);
        }
        if left_out > 0 {
            out.malformed(format!("{left_out} messages of a data channel are left out"));
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are the session's own business")]
    fn handle_engine(
        &mut self,
        of: &SessionId,
        event: EngineEvent,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let (Some(handle), true) = (sessions.handle(of), sessions.is_current(of)) else { return };
        let (session, conversation) = (of.clone(), handle.conversation);
        let track_of = |track| TrackId { media: handle.media, track };
        match event {
            EngineEvent::TrackAdded(info) => {
                let track = track_of(info.track);
                out.event(Event::TrackAdded { session, conversation, track, info });
                self.mute_track(of, MediaKind::Video, sessions, out);
            }
            EngineEvent::TrackChanged(info) => {
                let track = track_of(info.track);
                out.event(Event::TrackChanged { session, conversation, track, info });
            }
            EngineEvent::TrackRemoved(track) => {
                let track = track_of(track);
                out.event(Event::TrackRemoved { session, conversation, track });
            }
            EngineEvent::KeyframeWanted(track) => {
                let track = track_of(track);
                out.event(Event::KeyframeWanted { session, conversation, track });
            }
            EngineEvent::BitrateLimit { track, limit } => {
                let track = track_of(track);
                out.event(Event::BitrateLimit { session, conversation, track, limit });
            }
            EngineEvent::ChannelMessage { message: ChannelMessage::Text(text), .. } => {
                self.handle_message(of, &text, sessions, out);
            }
            EngineEvent::State(MediaState::Connected) => self.connected(of, sessions, out),
            _ => {}
        }
    }

    /// Media is connected: the data channel is opened, and the screens of a recording are told, once.
    fn connected(&mut self, session: &SessionId, sessions: &mut Sessions, out: &mut Outbox) {
        let Some(room) = self.find_mut(session) else { return };
        let (room_id, conversation) = (room.original_room.clone(), room.conversation.clone());
        let Some(joined) = room.joined_mut() else { return };
        if joined.channel == Channel::Unopened {
            joined.channel = Channel::Opened;
            let now = out.now();
            // There is none where the offer has none.
            let _ = sessions.with_engine(session, |engine| engine.open_channel(now, CHANNEL), out);
        }
        if joined.metadata == Metadata::Due {
            joined.metadata = Metadata::Done;
            let tracks = sessions.tracks(session);
            let video = tracks.iter().filter(|info| info.track.kind == MediaKind::Video);
            let mids: Vec<_> = video.map(|info| info.mid.as_deref()).collect();
            let screens = joined.screens.iter().enumerate();
            let screens =
                screens.map(|(nth, screen)| screen.metadata(mids.get(nth).copied().flatten()));
            let screens = screens.collect();
            let own = out.bare_jid().map(|jid| jid.as_str().to_owned()).unwrap_or_default();
            let assistant = matches!(out.config.auth, super::Auth::Jwt(_));
            let resource = requests::recording(assistant, &own, screens, &room_id, &conversation);
            out.rest(RoomAsk::Metadata(session.clone()), resource, Retry::Yes);
        }
    }

    /// Takes a message of a data channel. What is no JSON is passed over (video notes 2).
    fn handle_message(
        &mut self,
        of: &SessionId,
        text: &str,
        sessions: &mut Sessions,
        out: &mut Outbox,
    ) {
        let (Some(room), Some(handle)) = (self.find(of), sessions.handle(of)) else { return };
        if room.joined().is_none() || !out.has_room() {
            return;
        }
        if text.len() > MAX_MESSAGE {
            out.malformed(format!("message of {} bytes on a data channel", text.len()));
            return;
        }
        let Ok(message) = serde_json::from_str::<serde_json::Value>(text) else { return };
        let (session, conversation) = (of.clone(), handle.conversation);
        if message["method"] == MEMBER_STATUS {
            let status = MemberStatus::read(&message["params"], &sessions.sinks(of));
            let status = Box::new(status);
            out.event(Event::MemberStatus { session, conversation, status });
        } else {
            out.event(Event::RoomMessage { session, conversation, message });
        }
    }

    /// True for a room that this client may end.
    pub(super) fn may_be_ended(room: &Room, user: Option<&super::UserId>) -> bool {
        room.kind != super::SessionType::ScreenRecording && !room.is_target(user)
    }
}
