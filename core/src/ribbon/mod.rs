//! Ribbon WebRTC Gateway: a user's client.
//!
//! A gateway stands between browsers and a telephone network that speaks SIP. Its clients log in by
//! making a *subscription* over REST, which names the services they want, and hear of what happens
//! as notifications on a WebSocket that belongs to it. Calls are asked for, answered, held, moved
//! and ended over REST as well: each request is about one session of the gateway's, and what becomes
//! of it is told by a notification. Media goes from end to end, or through the gateway; its
//! descriptions are whole ones, sent once with all of their candidates.
//!
//! A program holds a [`Client`] by a runtime's handle (`offhook_tokio::ribbon`, `offhook_smol::ribbon`), whose
//! keys are those of [`Phone`], and is told [`Event`]s. `offhook_runtime::ribbon` begins with a bot; the examples
//! `demo`, `softphone` and `bot` have `--service ribbon`.
//!
//! Beside calls a client has the rest of what the gateway offers its users: presence, messages, an
//! address book and a directory, the history of calls, voicemail, events of SIP, calls between two
//! other telephones, and requests of the application's own.
//!
//! The names here are those of version [`API_LEVEL`] of the vendor's JavaScript SDK, in the manner
//! of Rust; what that version gets wrong and later ones mend is done right. Where nothing is known
//! of the gateway but what clients send and read, this client is lenient in what it reads.
//!
//! | here | what it is |
//! | --- | --- |
//! | [`Config`] | the settings, which can be changed while the client runs by a [`ConfigPatch`] |
//! | [`Credentials`] | a password, an HMAC token or a bearer token |
//! | [`Error`] | what did not work, by the codes of the SDK (`call:12`) or the gateway's number |
//! | [`CallState`], [`HoldState`], [`OperationKind`] and others | constants, with the SDK's values |
//! | [`IceCheck`], [`SdpHandler`] | where an application may decide: when a call is sent, and how it is described |

mod ask;
mod calls;
mod check;
mod click;
mod client;
mod collect;
mod command;
mod config;
mod constants;
mod contacts;
mod credentials;
mod devices;
mod dscp;
mod elsewhere;
mod error;
mod event;
mod fault;
mod fetch;
mod history;
mod ids;
mod info;
mod limits;
mod link;
mod log;
mod media;
mod messages;
mod notice;
mod options;
mod outbox;
mod outcome;
mod phone;
mod pipeline;
mod presence;
mod private;
mod proxy;
mod push;
mod query;
mod reports;
mod service;
mod sip_events;
#[cfg(feature = "audio")]
mod sound;
mod stores;
#[cfg(test)]
mod tests;
mod timeline;
mod tones;
mod users;
mod views;
mod voicemail;
mod wanted;
#[cfg(feature = "unstable-wire")]
#[allow(dead_code, reason = "what tests read of it alone")]
pub mod wire;
#[cfg(not(feature = "unstable-wire"))]
#[allow(dead_code, unreachable_pub, unused_imports, reason = "public with `unstable-wire`")]
mod wire;
mod wishes;

pub use click::ClickToCall;
pub use client::Client;
pub use collect::{
    CheckReason, Collected, DefaultCheck, GatheringState, IceCheck, IceCollection, IceTimeouts,
    Verdict,
};
pub use command::Command;
pub use config::{
    BundlePolicy, CallConfig, CallConfigPatch, CallsBy, Config, ConfigPatch, Connectivity,
    ConnectivityPatch, HttpScheme, Notifications, NotificationsPatch, OAuthMode, PeerConfig,
    PeerConfigPatch, PushServer, PushServerPatch, RingingFeedback, SdpSemantics, Server,
    ServerPatch, SubscriptionConfig, SubscriptionConfigPatch, Trace, TraceDetail, TracePatch,
    WebSocket, WebSocketPatch, WsScheme,
};
pub use constants::{
    Activity, CallState, ChangeReason, HoldState, LogLevel, MediaConnectionState, Metric,
    OperationKind, OperationStatus, ReportEvent, Status, Transition, UnknownValue,
};
pub use contacts::Contact;
pub use credentials::{Credentials, Supplied};
pub use devices::{Device, DeviceKind, Devices};
pub use dscp::{Dscp, Priority};
pub use error::{
    AuthCode, CallCode, Cause, ClickToCallCode, ConnectivityCode, Error, ErrorCode, HistoryCode,
    MessagingCode, MwiCode, PresenceCode, ProxyCode, SipCode, SubscriptionCode, UnknownCode,
    UsersCode, WebRtcCode,
};
pub use event::Event;
pub use fetch::{FetchRequest, FetchResponse};
pub use history::{CallDirection, CallRecord, RecordDirection};
pub use ids::{
    CallId, ContactId, MediaObjectId, MessageId, OperationId, RecordId, SessionData, TrackId,
    UserId,
};
pub use info::{
    CallInfo, DetachedMedia, EndReason, MediaInfo, MediaOffered, OperationInfo, Participant,
    Platform, ProxyInfo, RemotePlatform, SocketInfo, SocketState, SourceState, StatsReport,
    Subscriptions, TrackInfo, TrackState, UserInfo,
};
pub use log::{LogEntry, LogTarget, LogTargetKind};
pub use messages::{Conversation, Draft, Message, MessageKind};
pub use notice::NoticeChannel;
pub use options::{AnswerOptions, MakeOptions, MediaOptions};
pub use outcome::Outcome;
pub use phone::Phone;
pub use pipeline::{
    Bandwidth, CodecKeeper, CodecRemover, CodecSelector, SdpContext, SdpEndpoint, SdpHandler,
    SdpKind, SdpStep,
};
pub use presence::{OwnPresence, Presence};
pub use private::Private;
pub use proxy::{HostCommand, HostEvent, MediaHost};
pub use push::{PushDevice, PushKind, PushToken};
pub use query::Query;
pub use service::Service;
pub use sip_events::{SipChange, SipEvents};
#[cfg(feature = "audio")]
pub use sound::AudioSource;
pub use timeline::{CallMetric, CallReport, TimelineEvent};
pub use tones::{Tone, Tones};
pub use users::{User, UserFilter};
pub use voicemail::Voicemail;
pub use wanted::{CallMedia, MoreMedia};
pub use wire::{CustomParameter, Destination, hmac_token};
pub use wishes::{AudioOptions, Constraint, MediaWishes, ScreenOptions, VideoOptions};

/// The version of this crate.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version of the vendor's SDK whose interface this client has.
pub const API_LEVEL: &str = "7.6.0";
