//! The state of a room's media, as its data channel tells it (wire notes 6.13).

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::genesys::ids::{MAX_ID, ParticipantId, UserId};
use crate::media::Track;
use crate::plain;

/// Members of each list of one message; more are left out.
const MAX_MEMBERS: usize = 256;

/// The state of a room's media: who speaks, who sees us, whom we see. What the service leaves out is
/// empty or none.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct MemberStatus {
    /// Those whose sound is looked at.
    pub speakers: Vec<Speaker>,
    /// The streams that we send.
    pub outgoing: Vec<OutgoingStream>,
    /// The streams that we receive.
    pub incoming: Vec<IncomingStream>,
    /// The service's figures of the path.
    pub rates: Rates,
}

/// Somebody whose sound is looked at.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Speaker {
    /// The member.
    pub id: String,
    /// The kind of sound.
    pub activity: SpeakerActivity,
    /// The level in dB.
    pub level: Option<f64>,
    /// True if there is noise.
    pub noisy: bool,
    /// True if the sound is mixed in.
    pub included: bool,
    /// The member's place in the service.
    pub app: AppId,
}

/// The kind of a member's sound.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpeakerActivity {
    /// Somebody speaks.
    Speaking,
    /// Nobody does.
    #[default]
    Inactive,
    /// Something is heard that is not speech.
    NonSpeech,
    /// Anything else.
    Other(String),
}

/// A stream that we send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutgoingStream {
    /// Its id.
    pub id: String,
    /// Those who see it.
    pub viewers: Vec<AppId>,
}

/// A stream that we receive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IncomingStream {
    /// The track that carries it, where it is one of ours.
    pub track: Option<Track>,
    /// The service's name for that track.
    pub sink_track: Option<String>,
    /// Its sender.
    pub app: AppId,
    /// Its content.
    pub content: ContentType,
}

/// The content of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentType {
    /// A camera.
    #[default]
    Camera,
    /// A screen.
    ScreenShare,
    /// A recording that is played.
    Playback,
    /// Anything else.
    Other(String),
}

/// A member's place in the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AppId {
    /// The address.
    pub jid: Option<String>,
    /// The participant.
    pub participant: Option<ParticipantId>,
    /// The user.
    pub user: Option<UserId>,
}

/// The service's figures of the path, in its own units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Rates {
    /// The bandwidth to us.
    #[serde(deserialize_with = "number")]
    pub bw_to_client: Option<f64>,
    /// The rate to us.
    #[serde(deserialize_with = "number")]
    pub rate_to_client: Option<f64>,
    /// The bandwidth from us.
    #[serde(deserialize_with = "number")]
    pub bw_from_client: Option<f64>,
    /// The rate from us.
    #[serde(deserialize_with = "number")]
    pub rate_from_client: Option<f64>,
}

/// A number, if it is one.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    Ok(Value::deserialize(from)?.as_f64())
}

impl MemberStatus {
    /// Reads the parameters of `member.notify.status`: each part that cannot be read costs only itself.
    pub(super) fn read(params: &Value, sinks: &[(String, Track)]) -> Self {
        let track_of = |sink: &str| {
            let found = sinks.iter().find(|(name, _)| name == sink);
            found.map(|(_, track)| *track)
        };
        Self {
            speakers: list(&params["speakers"], Speaker::read),
            outgoing: list(&params["outgoingStreams"], |stream| OutgoingStream {
                id: text(&stream["outgoingStreamId"]).unwrap_or_default(),
                viewers: list(&stream["viewers"], |viewer| AppId::read(&viewer["appId"])),
            }),
            incoming: list(&params["incomingStreams"], |stream| {
                let sink_track = text(&stream["sinkTrackId"]);
                IncomingStream {
                    track: stream["sinkTrackId"].as_str().and_then(track_of),
                    sink_track,
                    app: AppId::read(&stream["appId"]),
                    content: ContentType::read(&stream["contentType"]),
                }
            }),
            rates: Rates::deserialize(&params["bandwidthAndRates"]).unwrap_or_default(),
        }
    }

    /// Its bytes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        let viewers: usize = self.outgoing.iter().map(|stream| stream.viewers.len()).sum();
        let members = self.speakers.len() + self.outgoing.len() + self.incoming.len() + viewers;
        members * (size_of::<Speaker>() + MAX_ID)
    }
}

impl Speaker {
    fn read(speaker: &Value) -> Self {
        let flag = |name: &str| speaker[name].as_bool().unwrap_or_default();
        Self {
            id: text(&speaker["id"]).unwrap_or_default(),
            activity: match speaker["activity"].as_str() {
                Some("speaking") => SpeakerActivity::Speaking,
                Some("inactive") | None => SpeakerActivity::Inactive,
                Some("non-speech") => SpeakerActivity::NonSpeech,
                Some(other) => SpeakerActivity::Other(shortened(other)),
            },
            level: speaker["level"].as_f64(),
            noisy: flag("noisy"),
            included: flag("included"),
            app: AppId::read(&speaker["appId"]),
        }
    }
}

impl ContentType {
    fn read(content: &Value) -> Self {
        match content.as_str() {
            Some("camera") | None => Self::Camera,
            Some("screenshare") => Self::ScreenShare,
            Some("playback") => Self::Playback,
            Some(other) => Self::Other(shortened(other)),
        }
    }
}

impl AppId {
    fn read(app: &Value) -> Self {
        Self {
            jid: text(&app["sourceJid"]),
            participant: text(&app["sourceParticipantId"]).map(ParticipantId::from),
            user: text(&app["sourceUserId"]).map(UserId::from),
        }
    }
}

/// The members of a list, up to the bound.
fn list<T>(from: &Value, read: impl Fn(&Value) -> T) -> Vec<T> {
    let all = from.as_array().map_or(&[][..], Vec::as_slice);
    all.iter().take(MAX_MEMBERS).map(read).collect()
}

/// A text of a bearable length.
fn text(value: &Value) -> Option<String> {
    value.as_str().filter(|text| text.len() <= MAX_ID).map(|text| plain(text).into_owned())
}

fn shortened(text: &str) -> String {
    plain(text).chars().take(MAX_ID).collect()
}
