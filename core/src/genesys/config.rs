//! Settings of a client.

use std::time::Instant;

use super::error::{Error, ErrorKind};
use super::headset::HeadsetRank;
use super::session_type::SessionType;
use super::timing::Timing;
use crate::Secret;
use crate::machine::WallClock;
use crate::media::{AudioCodec, IceServer, VideoCodec};
use crate::rest::Endpoint;

/// The service's regions (behaviour notes 1.1).
const REGIONS: [&str; 12] = [
    "mypurecloud.com",
    "mypurecloud.com.au",
    "mypurecloud.jp",
    "mypurecloud.de",
    "mypurecloud.ie",
    "usw2.pure.cloud",
    "cac1.pure.cloud",
    "euw2.pure.cloud",
    "apne2.pure.cloud",
    "use2.us-gov-pure.cloud",
    "sae1.pure.cloud",
    "aps1.pure.cloud",
];

/// A client's settings. A plain template: clone and change it, field by field or with the setters,
/// which have the fields' names.
///
/// ```
/// use offhook::genesys::Config;
///
/// let config = Config::agent("mypurecloud.com", "token").trace(true);
/// assert_eq!(config.rest_base(), "https://api.mypurecloud.com/api/v2");
/// assert_eq!(config.ws_base(), "wss://streaming.mypurecloud.com");
/// assert!(config.auto_connect_sessions && !config.disable_auto_answer);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The service's domain, e.g. `mypurecloud.com`. One that nobody has heard of is only warned
    /// of, through `tracing`.
    pub environment: String,
    /// The credentials to log in with.
    pub auth: Auth,
    /// The WebSocket host, instead of `wss://streaming.{environment}`.
    pub ws_host: Option<String>,
    /// The REST host, with its scheme, instead of `https://api.{environment}`.
    pub api_host: Option<String>,
    /// The JID's resource, instead of a random UUID. Kept over reconnects (wire notes 1.3).
    pub jid_resource: Option<String>,
    /// Accept a session's media at once when it is offered. Default true.
    pub auto_connect_sessions: bool,
    /// Ring even where the service asks for an automatic answer. Default false.
    pub disable_auto_answer: bool,
    /// The answer to a proposal that only brings a persistent connection up. Default
    /// [`EagerConnection::Auto`].
    pub eager_connection: EagerConnection,
    /// The kinds of session that an agent may have; others are left alone (wire notes 9). A JWT is
    /// for recordings, monitoring and meetings, a guest for a shared screen and meetings, whatever is
    /// said here. Default softphone and [`SessionType::CollaborateVideo`].
    pub allowed_session_types: Vec<SessionType>,
    /// Ask for the offer of a screen recording without telling
    /// [`Event::PendingSession`](super::Event::PendingSession): the application is told when the
    /// session has started, and accepts it with its screens. Default false.
    pub auto_accept_pending_screen_recording_requests: bool,
    /// True if media sessions outlive a loss of signaling. Default true: people go on talking.
    pub session_survivability: bool,
    /// Ask the service to ping instead of pinging it (wire notes 2.2). Default false.
    pub server_side_pings: bool,
    /// Time limits, attempts and paces.
    pub timing: Timing,
    /// The ICE candidates that may be used. Default [`IcePolicy::Discovered`].
    pub ice_policy: IcePolicy,
    /// STUN and TURN servers of the application's own, at most [`Config::MAX_ICE_SERVERS`]. Can be
    /// changed by [`Command::SetIceServers`](super::Command::SetIceServers). Default none.
    pub ice_servers: Vec<IceServer>,
    /// Their rank beside the service's. Default [`IceServersPolicy::Merge`].
    pub ice_servers_policy: IceServersPolicy,
    /// Codecs to accept, best first. Default Opus, then G.711.
    pub codecs: Vec<AudioCodec>,
    /// Video codecs to accept in rooms, best first. Default VP8, then H.264.
    pub video_codecs: Vec<VideoCodec>,
    /// Leave out pauses of Opus, both ways ([`EngineConfig::dtx`](crate::media::EngineConfig::dtx)). Default false.
    pub dtx: bool,
    /// Agree with the user's other clients on the one that rings, and tell it as
    /// [`Event::AlertingLeader`](super::Event::AlertingLeader) (SG-9). Default false.
    pub alerting_leader: bool,
    /// The rank of this client among those of its user that want the headset
    /// ([`Command::RequestHeadset`](super::Command::RequestHeadset)). Default
    /// [`HeadsetRank::Standard`].
    pub headset_rank: HeadsetRank,
    /// Agree with the user's other clients on who has the headset. Without it a client that asks for it
    /// has it, and nobody is told. Default true.
    pub headset_orchestration: bool,
    /// Tell each change of the user's presence, whoever made it, as
    /// [`Event::UserPresence`](super::Event::UserPresence). For agents. Default false.
    pub presence: bool,
    /// Report how each call sounds to the service, every 5 s (ST-4). Default false.
    pub report_statistics: bool,
    /// Upload log records to the service: kinds of events and ids (LG-1). Default false.
    pub upload_logs: bool,
    /// Upload media figures to the service (ST-5). Default false.
    pub upload_telemetry: bool,
    /// The application's name, id and version, in such reports.
    pub app: App,
    /// The wall clock at the client's first instant, in milliseconds since 1970, for the times in
    /// such reports. The runtimes fill it in; without it they have none.
    pub unix_ms: Option<u64>,
    /// Tell every message on the wire as [`Event::Trace`](super::Event::Trace). Default false.
    pub trace: bool,
}

/// The rank of the application's ICE servers beside those that the service names. Whether media must be
/// relayed is not decided here: that follows from what the service names, or from [`IcePolicy`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum IceServersPolicy {
    /// The application's first, and the service's besides.
    #[default]
    Merge,
    /// The application's only: none, if it has none.
    Replace,
}

/// The choice of ICE candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum IcePolicy {
    /// The choice of discovery: all, or relayed ones only where the service names no STUN server
    /// (STN-3, wire notes 7). Where the service wants relayed media and no server is asked for it
    /// ([`Timing::gathering`](super::Timing::gathering)), that is told as an error, and offers of media are refused.
    #[default]
    Discovered,
    /// All candidates.
    All,
    /// Relayed ones only, which have to be asked for ([`Timing::gathering`](super::Timing::gathering)): without that
    /// [`Client::new`](super::Client::new) refuses it. Relays are asked over UDP, TCP and TLS.
    RelayOnly,
}

/// The answer to an eager proposal: one for media without a call, with which the service brings a
/// persistent connection up before it is needed (LC-12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EagerConnection {
    /// Accept it without a word.
    #[default]
    Auto,
    /// Tell it as a pending session, and leave its acceptance to the application
    /// ([`Command::AcceptPendingSession`](super::Command::AcceptPendingSession)).
    Event,
    /// Leave it alone.
    None,
}

/// The application, as reports name it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct App {
    /// Its name. Default `offhook`.
    pub name: String,
    /// An id of its own. Default empty.
    pub id: String,
    /// Its version. Default that of this crate.
    pub version: String,
}

impl Default for App {
    fn default() -> Self {
        Self {
            name: "offhook".to_owned(),
            id: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

impl App {
    /// An application of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

setters!(App { id: into[String], version: into[String] });

/// The credentials to log in with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Auth {
    /// An agent, by OAuth access token.
    Token(Secret),
    /// By JWT: no REST before the socket, SASL ANONYMOUS (wire notes 1.2, 1.3).
    Jwt(Secret),
    /// A guest, by the security code that an agent has told: it is redeemed for a JWT (wire notes
    /// 8.1).
    Guest {
        /// The organization's id.
        organization: String,
        /// The code.
        code: Secret,
    },
}

impl Auth {
    /// True if such a client may have sessions of this type (API-3, wire notes 9): a JWT is for
    /// recording, monitoring and meetings, a guest comes to share a screen or to meet, and neither
    /// has a phone.
    fn may_have(&self, kind: SessionType) -> bool {
        match (self, kind) {
            (_, SessionType::Unknown) => false,
            (Self::Token(_), SessionType::ScreenShare) => false,
            (Self::Token(_), _) => true,
            (
                Self::Jwt(_),
                SessionType::ScreenRecording
                | SessionType::CollaborateVideo
                | SessionType::LiveScreenMonitoring,
            )
            | (Self::Guest { .. }, SessionType::ScreenShare | SessionType::CollaborateVideo) => {
                true
            }
            (Self::Jwt(_) | Self::Guest { .. }, _) => false,
        }
    }
}

impl Config {
    /// The most ICE servers that an application can bring.
    pub const MAX_ICE_SERVERS: usize = 32;

    /// An agent's client.
    #[must_use]
    pub fn agent(environment: impl Into<String>, token: impl Into<String>) -> Self {
        Self::new(environment, Auth::Token(Secret::new(token)))
    }

    /// A JWT client.
    #[must_use]
    pub fn jwt(environment: impl Into<String>, jwt: impl Into<String>) -> Self {
        Self::new(environment, Auth::Jwt(Secret::new(jwt)))
    }

    /// A guest's client.
    #[must_use]
    pub fn guest(
        environment: impl Into<String>,
        organization: impl Into<String>,
        code: impl Into<String>,
    ) -> Self {
        let (organization, code) = (organization.into(), Secret::new(code));
        Self::new(environment, Auth::Guest { organization, code })
    }

    fn new(environment: impl Into<String>, auth: Auth) -> Self {
        Self {
            environment: environment.into(),
            auth,
            ws_host: None,
            api_host: None,
            jid_resource: None,
            auto_connect_sessions: true,
            disable_auto_answer: false,
            eager_connection: EagerConnection::Auto,
            allowed_session_types: vec![SessionType::Softphone, SessionType::CollaborateVideo],
            auto_accept_pending_screen_recording_requests: false,
            session_survivability: true,
            server_side_pings: false,
            timing: Timing::default(),
            ice_policy: IcePolicy::Discovered,
            ice_servers: Vec::new(),
            ice_servers_policy: IceServersPolicy::Merge,
            codecs: vec![AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma],
            video_codecs: vec![VideoCodec::Vp8, VideoCodec::H264],
            dtx: false,
            alerting_leader: false,
            headset_rank: HeadsetRank::Standard,
            headset_orchestration: true,
            presence: false,
            report_statistics: false,
            upload_logs: false,
            upload_telemetry: false,
            app: App::default(),
            unix_ms: None,
            trace: false,
        }
    }

    /// True if this client may have sessions of a type: who logs in may, and it is allowed.
    pub(crate) fn may_have(&self, kind: SessionType) -> bool {
        let allowed = match self.auth {
            Auth::Token(_) => self.allowed_session_types.contains(&kind),
            Auth::Jwt(_) | Auth::Guest { .. } => true,
        };
        allowed && self.auth.may_have(kind)
    }

    /// True if the service has a region of this domain, or hosts are given instead (API-2).
    pub(crate) fn is_listed(&self) -> bool {
        let named = self.api_host.is_some() || self.ws_host.is_some();
        named || REGIONS.contains(&self.environment.as_str())
    }

    /// The wall clock, if it was told.
    pub(crate) fn wall_clock(&self, begun: Instant) -> Option<WallClock> {
        self.unix_ms.map(|unix_ms| WallClock::new(begun, unix_ms))
    }

    /// The WebSocket base URI, without a trailing slash.
    #[must_use]
    pub fn ws_base(&self) -> String {
        match &self.ws_host {
            Some(host) => host.strip_suffix('/').unwrap_or(host).to_owned(),
            None => format!("wss://streaming.{}", self.environment),
        }
    }

    /// The REST base URI, without a trailing slash (wire notes 1.1).
    #[must_use]
    pub fn rest_base(&self) -> String {
        match &self.api_host {
            Some(host) if host.starts_with("http") => {
                format!("{}/api/v2", host.trim_end_matches('/'))
            }
            Some(host) => format!("https://api.{host}/api/v2"),
            None => format!("https://api.{}/api/v2", self.environment),
        }
    }

    /// The base of REST requests and their credentials: a guest has nothing to show.
    ///
    /// # Errors
    ///
    /// The token is no header value.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, Error> {
        let endpoint = Endpoint::new(self.rest_base());
        match &self.auth {
            Auth::Token(token) | Auth::Jwt(token) => endpoint
                .bearer(token)
                .map_err(|_| Error::new(ErrorKind::InvalidOptions, "the token is not a header")),
            Auth::Guest { .. } => Ok(endpoint),
        }
    }

    /// The host of pubsub requests: `notifications.{api host}` (wire notes 1.1).
    #[must_use]
    pub fn pubsub_host(&self) -> String {
        let api = self.api_host.as_deref().unwrap_or(&self.environment);
        let api = api.trim_start_matches("https://").trim_start_matches("http://");
        format!("notifications.{}", api.trim_end_matches('/'))
    }
}

setters!(Config {
    ws_host: some[String],
    api_host: some[String],
    jid_resource: some[String],
    auto_connect_sessions: bool,
    disable_auto_answer: bool,
    eager_connection: EagerConnection,
    allowed_session_types: all[SessionType],
    auto_accept_pending_screen_recording_requests: bool,
    session_survivability: bool,
    server_side_pings: bool,
    timing: Timing,
    ice_policy: IcePolicy,
    ice_servers: all[IceServer],
    ice_servers_policy: IceServersPolicy,
    codecs: all[AudioCodec],
    video_codecs: all[VideoCodec],
    dtx: bool,
    alerting_leader: bool,
    headset_rank: HeadsetRank,
    headset_orchestration: bool,
    presence: bool,
    report_statistics: bool,
    upload_logs: bool,
    upload_telemetry: bool,
    app: App,
    unix_ms: some[u64],
    trace: bool,
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::genesys::wire::requests::user;

    #[test]
    fn wire_8_requests_carry_the_token_and_never_show_it() {
        let config = Config::agent("lab.test", "t0ken");
        let request = config.endpoint().unwrap().request(&user()).unwrap();
        assert_eq!(request.uri(), "https://api.lab.test/api/v2/users/me?expand=station");
        assert_eq!(request.headers()["authorization"], "Bearer t0ken");
        assert!(!format!("{request:?}").contains("t0ken"));
        assert!(Config::agent("lab.test", "a\nb").endpoint().is_err());
    }
}
