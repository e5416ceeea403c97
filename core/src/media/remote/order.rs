//! Orders of a twin, for its replica to do what it was asked.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::machine::{Local, Seed};
use crate::media::{
    AudioCodec, AudioFrame, Digit, EngineConfig, Frame, IceServer, LocalKind, MediaError, Rid,
    Track, VideoCodec, VideoFrame, Wish,
};
use crate::sdp::Direction;

/// The most bytes of one encoded frame that an order carries.
pub(super) const MAX_FRAME: usize = 32 * 1024;

/// One thing that an engine elsewhere has to do.
///
/// `Debug` shows its name alone: in it are keys and what was said.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Order(pub(super) Act);

/// See [`Engine`](crate::media::Engine): each stands for the method of its name.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "operation",
    content = "params",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(super) enum Act {
    Create(Settings),
    AddLocal { local: Local, kind: LocalKind },
    RemoveLocal { address: SocketAddr },
    LocalDone,
    CreateOffer { wishes: Vec<Wish>, expects: Expected },
    Rollback,
    AcceptAnswer { sdp: String },
    AcceptOffer { sdp: String },
    CreateAnswer { expects: Expected },
    AddRemoteCandidate { candidate: String },
    RestartIce { expects: Expected },
    Send { track: Track, frame: Text },
    SetMuted { track: Track, muted: bool },
    RequestKeyframe { track: Track },
    LimitBitrate { track: Track, limit: Option<u64> },
    SendDtmf { keys: String, ms: u64 },
    SetDirection { track: Track, direction: Direction },
    Close,
}

/// The description that the twin made; none where it was refused one.
pub(super) type Expected = Option<String>;

/// The settings of an engine.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    seed: String,
    audio: Vec<AudioCodec>,
    video: Vec<VideoCodec>,
    channels: bool,
    relay_only: bool,
    ice_servers: Vec<Server>,
    path_limit_ms: u64,
    playout_ms: u64,
    #[serde(default)]
    dtx: bool,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Server {
    urls: Vec<String>,
    username: Option<String>,
    credential: Option<String>,
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl From<&EngineConfig> for Settings {
    fn from(config: &EngineConfig) -> Self {
        let servers = config.ice_servers.iter().map(|server| Server {
            urls: server.urls.clone(),
            username: server.username.clone(),
            credential: server.credential.as_ref().map(|secret| secret.expose().to_owned()),
        });
        Self {
            seed: BASE64_STANDARD.encode(config.seed.bytes()),
            audio: config.codecs.clone(),
            video: config.video.clone(),
            channels: config.channels,
            relay_only: config.relay_only,
            ice_servers: servers.collect(),
            path_limit_ms: millis(config.path_limit),
            playout_ms: millis(config.playout),
            dtx: config.dtx,
        }
    }
}

impl Settings {
    /// The settings of the replica's engine; none where they can be no engine's.
    pub(super) fn config(self) -> Option<EngineConfig> {
        let seed = BASE64_STANDARD.decode(self.seed).ok()?;
        let servers = self.ice_servers.into_iter().map(|server| IceServer {
            urls: server.urls,
            username: server.username,
            credential: server.credential.map(Secret::from),
        });
        let mut config = EngineConfig::new(Seed::new(seed.try_into().ok()?));
        config.codecs = self.audio;
        config.video = self.video;
        config.channels = self.channels;
        config.relay_only = self.relay_only;
        config.ice_servers = servers.collect();
        config.path_limit = Duration::from_millis(self.path_limit_ms);
        config.playout = Duration::from_millis(self.playout_ms);
        config.dtx = self.dtx;
        config.twin = true;
        let usable = config.ice_servers.iter().all(|server| server.check().is_ok());
        (usable && !config.codecs.is_empty()).then_some(config)
    }
}

/// A frame as text.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Text {
    Audio {
        codec: AudioCodec,
        time: u64,
        talkspurt: bool,
        data: String,
    },
    Video {
        codec: VideoCodec,
        time: u64,
        key: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rid: Option<Rid>,
        data: String,
    },
}

impl Text {
    /// A frame as text.
    ///
    /// # Errors
    ///
    /// [`MediaError::TooMany`]: it is longer than one order may be.
    pub(super) fn new(frame: &Frame) -> Result<Self, MediaError> {
        let data = match frame {
            Frame::Audio(frame) => &frame.data,
            Frame::Video(frame) => &frame.data,
        };
        if data.len() > MAX_FRAME {
            return Err(MediaError::TooMany("bytes for media elsewhere"));
        }
        let data = BASE64_STANDARD.encode(data);
        Ok(match frame {
            Frame::Audio(AudioFrame { codec, time, talkspurt, .. }) => {
                Self::Audio { codec: *codec, time: *time, talkspurt: *talkspurt, data }
            }
            Frame::Video(VideoFrame { codec, time, keyframe, rid, .. }) => {
                Self::Video { codec: *codec, time: *time, key: *keyframe, rid: *rid, data }
            }
        })
    }

    /// The frame; none where its bytes cannot be read.
    pub(super) fn frame(self) -> Option<Frame> {
        Some(match self {
            Self::Audio { codec, time, talkspurt, data } => {
                let data = BASE64_STANDARD.decode(data).ok()?.into();
                AudioFrame { codec, time, lost_before: 0, talkspurt, data }.into()
            }
            Self::Video { codec, time, key, rid, data } => {
                let data = BASE64_STANDARD.decode(data).ok()?;
                VideoFrame { rid, ..VideoFrame::new(codec, time, key, data) }.into()
            }
        })
    }
}

impl Order {
    pub(super) fn send_dtmf(keys: &[Digit], duration: Duration) -> Self {
        let keys = keys.iter().map(|key| key.as_char()).collect();
        Self(Act::SendDtmf { keys, ms: millis(duration) })
    }

    /// True for what is done and not answered: it comes often, and nobody waits for it.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.0, Act::Send { .. })
    }

    fn name(&self) -> &'static str {
        match self.0 {
            Act::Create(_) => "create",
            Act::AddLocal { .. } => "addLocal",
            Act::RemoveLocal { .. } => "removeLocal",
            Act::LocalDone => "localDone",
            Act::CreateOffer { .. } => "createOffer",
            Act::Rollback => "rollback",
            Act::AcceptAnswer { .. } => "acceptAnswer",
            Act::AcceptOffer { .. } => "acceptOffer",
            Act::CreateAnswer { .. } => "createAnswer",
            Act::AddRemoteCandidate { .. } => "addRemoteCandidate",
            Act::RestartIce { .. } => "restartIce",
            Act::Send { .. } => "send",
            Act::SetMuted { .. } => "setMuted",
            Act::RequestKeyframe { .. } => "requestKeyframe",
            Act::LimitBitrate { .. } => "limitBitrate",
            Act::SendDtmf { .. } => "sendDtmf",
            Act::SetDirection { .. } => "setDirection",
            Act::Close => "close",
        }
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Order({})", self.name())
    }
}
