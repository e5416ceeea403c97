//! The engine behind a session, and what it reports.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::{
    Agreement, AudioCodec, ChannelId, ChannelMessage, Digit, EngineConfig, Frame, Local, LocalKind,
    MediaError, MediaState, MediaStats, Order, Report, Track, TrackInfo, TrackStats, Wish,
};
#[cfg(doc)]
use super::{Backlog, MAX_BACKLOG};
use crate::machine::Wake;
use crate::sdp::Direction;

/// The most tracks of one session; sections beyond are turned down.
pub const MAX_TRACKS: usize = 32;
/// The most data channels of one session.
pub const MAX_CHANNELS: usize = 16;
/// The shortest time between two requests for a key frame of one track, in either direction.
pub const KEYFRAME_INTERVAL: Duration = Duration::from_millis(300);

/// Makes an engine for each session.
pub trait EngineFactory: Send {
    /// A new engine. `now` is its first instant.
    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine>;

    /// The name of its engines, to show; none where it makes none that media goes through.
    fn name(&self) -> Option<&'static str> {
        Some("engine")
    }
}

/// One media session: a peer connection without the browser.
///
/// Sans-IO, with the rules of [`crate::machine`]: after any `&mut` call drain
/// [`Engine::poll_output`] until it answers [`EngineOutput::Timeout`].
///
/// SDP text is the negotiating language because both signalings translate to it.
pub trait Engine: Send {
    /// Adds an address of ours that media may use; yields a candidate of that kind, whose priority
    /// follows RFC 8445 section 5.1.2.1. One that is known already changes nothing, and neither does one
    /// that is not relayed where [`EngineConfig::relay_only`] is set.
    fn add_local(&mut self, now: Instant, local: &Local, kind: LocalKind);

    /// Takes an address away, and those that were seen of it: no datagram leaves by it from now on, none
    /// that comes to it is read, and a path over it is lost: if there is no other,
    /// [`MediaState::Disconnected`] says so as soon as ICE finds out. It is not told again.
    fn remove_local(&mut self, now: Instant, address: SocketAddr);

    /// Ends the gathering, for now; yields [`EngineEvent::GatheringComplete`].
    fn local_done(&mut self, now: Instant);

    /// Makes an offer. On a new session it has a track for each wish; on one that is up, one more for
    /// each, and those that there are with the directions that [`Engine::set_direction`] wants, also
    /// where nothing is new: an offer can be made again and again. Where [`EngineConfig::channels`] is
    /// set, data channels are offered, too.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] while an offer waits for its answer, or an answer is owed, and on a new
    /// session without a wish; [`MediaError::NotNegotiated`] for a kind of media that the
    /// [`EngineConfig`] has no codec for; [`MediaError::TooMany`] beyond [`MAX_TRACKS`], and beyond one
    /// of audio where the configuration has neither video nor data channels.
    fn create_offer(&mut self, now: Instant, wishes: &[Wish]) -> Result<String, MediaError>;

    /// Takes back our offer that waits for its answer (RFC 8829 section 5.7): the session is as it was
    /// when both ends last agreed. A direction that the offer asked for is wanted no more, unless
    /// [`Engine::set_direction`] wants another since.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] without an offer of ours.
    fn rollback(&mut self, now: Instant) -> Result<(), MediaError>;

    /// Applies the answer to our offer.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] without an offer of ours; [`MediaError::Sdp`] and
    /// [`MediaError::NoCommonCodec`] by the answer. After the former, an
    /// offer still waits for an answer; after others the session is unusable.
    fn accept_answer(&mut self, now: Instant, answer: &str) -> Result<(), MediaError>;

    /// Applies an offer. The answer is made later, by [`Engine::create_answer`], so that remote
    /// candidates can be collected meanwhile.
    ///
    /// On a session that is up it is compared with what was agreed on. Direction and payload types
    /// change at once. With new ICE credentials it is an ICE restart (RFC 8445 section 9), with
    /// another certificate a new association (RFC 8842 section 4), which connects anew; after
    /// either our candidates are told again.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] while an offer waits for its answer; others by the offer. A session
    /// that was up goes on as it was.
    fn accept_offer(&mut self, now: Instant, offer: &str) -> Result<(), MediaError>;

    /// The answer to the offer accepted before: as many sections, those turned down that are of no use
    /// here, with the names, the profile and the payload types of the offer. Answers `a=setup:active` to
    /// `actpass`.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] when no offer waits.
    fn create_answer(&mut self, now: Instant) -> Result<String, MediaError>;

    /// A remote candidate: the value of an `a=candidate` line, from `candidate:` on (RFC 8839
    /// section 5.1), or several such lines. Kept until an offer or answer is applied. TCP, and host
    /// names that are not addresses, are skipped without an error, and so are those beyond
    /// [`MAX_CANDIDATES`](crate::sdp::candidate::MAX_CANDIDATES) since ICE began. A name that hides an
    /// address of a local network may be asked for ([`EngineOutput::Resolve`]).
    ///
    /// # Errors
    ///
    /// [`MediaError::Candidate`] when none can be read. The session goes on.
    fn add_remote_candidate(&mut self, now: Instant, candidate: &str) -> Result<(), MediaError>;

    /// A name that was asked for ([`EngineOutput::Resolve`]) has these addresses. One that is not found
    /// is never told: its candidates are of no use.
    fn resolved(&mut self, now: Instant, name: &str, addresses: &[IpAddr]) {
        let _ = (now, name, addresses);
    }

    /// Makes an offer with new ICE credentials (RFC 8445 section 9). Our candidates are told again
    /// once it is answered.
    ///
    /// # Errors
    ///
    /// [`MediaError::State`] before the first negotiation is done, or while an offer waits.
    fn restart_ice(&mut self, now: Instant) -> Result<String, MediaError>;

    /// A datagram came to one of our local addresses.
    fn handle_datagram(&mut self, now: Instant, local: SocketAddr, remote: SocketAddr, data: &[u8]);

    /// True where the sockets and the sound are another engine's elsewhere: this one only negotiates for it
    /// ([`EngineOutput::Order`]).
    fn is_elsewhere(&self) -> bool {
        false
    }

    /// News of the engine elsewhere that has this one's media. Others have their own, and take none.
    fn handle_report(&mut self, now: Instant, report: Report) {
        let _ = (now, report);
    }

    /// Time passed.
    fn handle_timeout(&mut self, now: Instant);

    /// Sends one frame of a track. What is said before [`MediaState::Connected`] is kept and sent then
    /// ([`Backlog`]). It is taken, and nobody hears it, while muted and while the far side does not
    /// want to hear anything ([`Agreement::direction`]): live speech goes on, and is not heard later.
    /// So is what was kept when either begins, and what was kept in a codec that is no longer agreed
    /// on when it could be sent. Pictures are not kept; after some that were not sent, the next one that
    /// is sent needs no other, and [`EngineEvent::KeyframeWanted`] asks for it.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] when the frame's codec was not negotiated, or an encoding of that name
    /// ([`VideoFrame::rid`](super::VideoFrame::rid)); [`MediaError::TooMany`] when over [`MAX_BACKLOG`] frames wait;
    /// [`MediaError::State`] when closed.
    fn send(&mut self, now: Instant, track: Track, frame: &Frame) -> Result<(), MediaError>;

    /// Stops or resumes sending a track. DTMF still goes out.
    fn set_muted(&mut self, track: Track, muted: bool);

    /// Asks the far side for a picture of a video track that needs no other (RFC 4585 section 6.3.1). At
    /// most one in [`KEYFRAME_INTERVAL`] goes out for a track; others wait, as one.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] for a track that there is not, or that is not of video.
    fn request_keyframe(&mut self, now: Instant, track: Track) -> Result<(), MediaError> {
        let _ = now;
        Err(MediaError::NotNegotiated(track.kind.name()))
    }

    /// Asks the far side to send no more than so many bits a second on a video track, whatever it has to show
    /// (REMB, draft-alvestrand-rmcat-remb-03); none for as many as it likes, which is how a session begins. Said
    /// again as pictures come, as it may be lost.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] for a track that there is not, that is not of video, or whose far side
    /// does not listen to that.
    fn limit_bitrate(
        &mut self,
        now: Instant,
        track: Track,
        limit: Option<u64>,
    ) -> Result<(), MediaError> {
        let _ = (now, limit);
        Err(MediaError::NotNegotiated(track.kind.name()))
    }

    /// Opens a data channel (RFC 8831): reliable and ordered. [`EngineEvent::ChannelOpened`] follows
    /// when it can be used.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] where none was agreed on; [`MediaError::TooMany`] beyond
    /// [`MAX_CHANNELS`], or for a label of over 1024 bytes.
    fn open_channel(&mut self, now: Instant, label: &str) -> Result<ChannelId, MediaError> {
        let _ = (now, label);
        Err(MediaError::NotNegotiated("a data channel"))
    }

    /// Sends a message on a data channel.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] for a channel that is not open; [`MediaError::TooMany`] when its
    /// buffer is full, or the message is longer than the far side takes.
    fn send_message(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: &ChannelMessage,
    ) -> Result<(), MediaError> {
        let _ = (now, channel, message);
        Err(MediaError::NotNegotiated("a data channel"))
    }

    /// Queues digits as telephone-events (RFC 4733): each for `duration`, clamped to 40 ms..6 s
    /// (and 1.36 s where events have a clock of 48 kHz, the longest that their field can say),
    /// with 50 ms between. Events with the clock of the audio are preferred, others will do.
    ///
    /// # Errors
    ///
    /// [`MediaError::NotNegotiated`] without telephone-event; [`MediaError::State`] when not
    /// connected; [`MediaError::Held`] while the far side does not want to hear anything;
    /// [`MediaError::TooMany`] when over 64 digits wait.
    fn send_dtmf(
        &mut self,
        now: Instant,
        digits: &[Digit],
        duration: Duration,
    ) -> Result<(), MediaError>;

    /// Wants this direction for a track, as we see it. Less than what was agreed on is in force at once, and
    /// told to the far side by the next offer or answer of ours; more, from then on.
    fn set_direction(&mut self, track: Track, direction: Direction);

    /// The tracks agreed on, in the order of their sections.
    fn tracks(&self) -> Vec<TrackInfo>;

    /// The terms of the first audio track, once something was agreed on.
    fn agreement(&self) -> Option<Agreement>;

    /// The codec to send with, once negotiated: the far side's first that we have too.
    fn send_codec(&self) -> Option<AudioCodec> {
        self.agreement().map(|agreement| agreement.codec)
    }

    /// Returns the state of the session.
    fn state(&self) -> MediaState;

    /// The figures so far.
    fn stats(&self) -> MediaStats;

    /// The figures of a track so far; none for one that there never was.
    fn track_stats(&self, track: Track) -> Option<TrackStats> {
        let _ = track;
        None
    }

    /// Says goodbye (DTLS close_notify, RTCP BYE) and ends in [`MediaState::Closed`].
    fn close(&mut self, now: Instant);

    /// The next thing to do. Call again until it answers [`EngineOutput::Timeout`].
    fn poll_output(&mut self) -> EngineOutput;
}

/// One thing an engine wants done, or the end of a drain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EngineOutput {
    /// Send a datagram.
    Transmit {
        /// The local address to send from.
        local: SocketAddr,
        /// The address of the receiver.
        remote: SocketAddr,
        /// Its bytes.
        data: Vec<u8>,
    },
    /// Something to know.
    Event(EngineEvent),
    /// Look a name up, by which a candidate of the far side's hides its address
    /// ([`is_hidden_name`](crate::sdp::candidate::is_hidden_name)): [`Engine::resolved`] takes what is
    /// found. Whoever does not look names up drops it.
    Resolve {
        /// The name.
        name: String,
    },
    /// Something for the engine elsewhere that has this one's media.
    Order(Order),
    /// The drain is over. Call [`Engine::handle_timeout`] then, if at all.
    Timeout(Option<Wake>),
}

/// An output of an engine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EngineEvent {
    /// The state changed.
    State(MediaState),
    /// A local candidate to trickle.
    LocalCandidate(LocalCandidate),
    /// No more local candidates will come.
    GatheringComplete,
    /// A track was agreed on that was not there before.
    TrackAdded(TrackInfo),
    /// Something else was agreed on for a track than before.
    TrackChanged(TrackInfo),
    /// A track is gone: its section was turned off.
    TrackRemoved(Track),
    /// Something else was agreed on for the first audio track than before.
    Agreed(Agreement),
    /// A frame came, in order.
    Frame {
        /// The track.
        track: Track,
        /// The frame.
        frame: Frame,
    },
    /// The far side wants a picture that needs no other, of each encoding ([`TrackInfo::encodings`]); at most once in
    /// [`KEYFRAME_INTERVAL`].
    KeyframeWanted(Track),
    /// The far side wants no more than so many bits a second on a track: by what it finds that the path carries,
    /// or by its own wish (REMB, draft-alvestrand-rmcat-remb-03). At most once in [`KEYFRAME_INTERVAL`], and only
    /// what differs from the last.
    BitrateLimit {
        /// The track.
        track: Track,
        /// The limit, in bits per second.
        limit: u64,
    },
    /// A data channel can be used, whichever side opened it.
    ChannelOpened {
        /// The channel.
        channel: ChannelId,
        /// Its label.
        label: String,
    },
    /// A message came on a data channel, in order.
    ChannelMessage {
        /// The channel.
        channel: ChannelId,
        /// The message.
        message: ChannelMessage,
    },
    /// A data channel is gone.
    ChannelClosed(ChannelId),
    /// The far side pressed a key; told once for each press, at its end.
    Dtmf {
        /// The key.
        digit: Digit,
        /// The time for which it was down.
        duration: Duration,
    },
    /// The far side says nothing, and how loud its silence is (RFC 3389): told when a pause
    /// begins and when its noise changes. It ends with the next frame, which begins a talkspurt.
    ComfortNoise {
        /// The noise in dB below the overload point, 0 to 127.
        level: u8,
    },
    /// The session cannot go on; [`MediaState::Failed`] follows.
    Failed(MediaError),
}

impl EngineEvent {
    /// The news of tracks, between two looks at them.
    #[must_use]
    pub fn of_tracks(before: &[TrackInfo], now: &[TrackInfo]) -> Vec<Self> {
        let find =
            |among: &[TrackInfo], track| among.iter().find(|info| info.track == track).cloned();
        let gone = before.iter().filter(|old| find(now, old.track).is_none());
        let gone = gone.map(|old| Self::TrackRemoved(old.track));
        let news = now.iter().filter_map(|new| match find(before, new.track) {
            None => Some(Self::TrackAdded(new.clone())),
            Some(old) if old != *new => Some(Self::TrackChanged(new.clone())),
            Some(_) => None,
        });
        gone.chain(news).collect()
    }
}

/// A local ICE candidate and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalCandidate {
    /// The media section it is for (`a=mid`), once negotiated.
    pub mid: Option<String>,
    /// Our ICE user fragment.
    pub ufrag: String,
    /// The value of the `a=candidate` line, from `candidate:` on.
    pub candidate: String,
}
