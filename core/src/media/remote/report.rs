//! Reports of media elsewhere.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::{Local, NetError, NetErrorKind, UdpEvent};
use crate::media::{MediaState, MediaStats};

/// The most addresses in one report.
const MAX_ADDRESSES: usize = 64;

/// News of an engine elsewhere, and of its sockets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Report(pub(super) News);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum News {
    /// Its sockets are open.
    Opened {
        local: Vec<Address>,
    },
    /// Addresses came and went.
    Changed {
        added: Vec<Address>,
        removed: Vec<SocketAddr>,
    },
    /// It has no sockets.
    Socketless {
        why: String,
    },
    State {
        state: State,
    },
    Key {
        key: char,
        ms: u64,
    },
    Noise {
        level: u8,
    },
    Figures(Figures),
}

/// An address of the replica's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Address {
    address: SocketAddr,
    interface: Option<String>,
    preference: u16,
}

impl From<&Local> for Address {
    fn from(local: &Local) -> Self {
        let Local { address, interface, preference } = local.clone();
        Self { address, interface, preference }
    }
}

impl From<Address> for Local {
    fn from(Address { address, interface, preference }: Address) -> Self {
        Self { address, interface, preference }
    }
}

/// See [`MediaState`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum State {
    New,
    Connecting,
    Connected,
    Disconnected,
    Failed,
    Closed,
}

impl From<MediaState> for State {
    fn from(state: MediaState) -> Self {
        match state {
            MediaState::New => Self::New,
            MediaState::Connecting => Self::Connecting,
            MediaState::Connected => Self::Connected,
            MediaState::Disconnected => Self::Disconnected,
            MediaState::Failed => Self::Failed,
            MediaState::Closed => Self::Closed,
        }
    }
}

impl From<State> for MediaState {
    fn from(state: State) -> Self {
        match state {
            State::New => Self::New,
            State::Connecting => Self::Connecting,
            State::Connected => Self::Connected,
            State::Disconnected => Self::Disconnected,
            State::Failed => Self::Failed,
            State::Closed => Self::Closed,
        }
    }
}

/// See [`MediaStats`]. Times are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    packets_sent: u64,
    bytes_sent: u64,
    packets_received: u64,
    bytes_received: u64,
    packets_lost: u64,
    jitter: u64,
    round_trip: Option<u64>,
    remote_loss: Option<f32>,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl From<MediaStats> for Figures {
    fn from(stats: MediaStats) -> Self {
        Self {
            packets_sent: stats.packets_sent,
            bytes_sent: stats.bytes_sent,
            packets_received: stats.packets_received,
            bytes_received: stats.bytes_received,
            packets_lost: stats.packets_lost,
            jitter: micros(stats.jitter),
            round_trip: stats.round_trip.map(micros),
            remote_loss: stats.remote_loss,
        }
    }
}

impl From<Figures> for MediaStats {
    fn from(figures: Figures) -> Self {
        Self {
            packets_sent: figures.packets_sent,
            bytes_sent: figures.bytes_sent,
            packets_received: figures.packets_received,
            bytes_received: figures.bytes_received,
            packets_lost: figures.packets_lost,
            jitter: Duration::from_micros(figures.jitter),
            round_trip: figures.round_trip.map(Duration::from_micros),
            remote_loss: figures.remote_loss,
        }
    }
}

impl Report {
    /// Figures of now.
    pub(crate) fn figures(stats: MediaStats) -> Self {
        Self(News::Figures(stats.into()))
    }

    /// The report of what happened to sockets; none for a datagram, which is the engine's alone.
    pub(crate) fn of_sockets(event: &UdpEvent) -> Option<Self> {
        let addresses =
            |local: &[Local]| local.iter().take(MAX_ADDRESSES).map(Address::from).collect();
        Some(Self(match event {
            UdpEvent::Opened { local } => News::Opened { local: addresses(local) },
            UdpEvent::Changed { added, removed } => News::Changed {
                added: addresses(added),
                removed: removed.iter().take(MAX_ADDRESSES).copied().collect(),
            },
            UdpEvent::Failed(error) => News::Socketless { why: error.to_string() },
            UdpEvent::Datagram { .. } => return None,
        }))
    }

    /// The event of sockets that it stands for; itself, where the twin has to take it.
    pub(crate) fn into_event(self) -> Result<UdpEvent, Self> {
        let locals =
            |all: Vec<Address>| all.into_iter().take(MAX_ADDRESSES).map(Local::from).collect();
        match self.0 {
            News::Opened { local } => Ok(UdpEvent::Opened { local: locals(local) }),
            News::Changed { added, removed } => {
                Ok(UdpEvent::Changed { added: locals(added), removed })
            }
            News::Socketless { why } => {
                Ok(UdpEvent::Failed(NetError::new(NetErrorKind::Local, why)))
            }
            News::State { .. } | News::Key { .. } | News::Noise { .. } | News::Figures(_) => {
                Err(self)
            }
        }
    }
}
