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
        local: Vec<Local>,
    },
    /// Addresses came and went.
    Changed {
        added: Vec<Local>,
        removed: Vec<SocketAddr>,
    },
    /// It has no sockets.
    Socketless {
        why: String,
    },
    State {
        state: MediaState,
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

/// See [`MediaStats`]. Times are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    packets_sent: u64,
    bytes_sent: u64,
    packets_received: u64,
    bytes_received: u64,
    packets_lost: u64,
    packets_late: u64,
    #[serde(default)]
    frames_concealed: u64,
    #[serde(default)]
    frames_recovered: u64,
    #[serde(default)]
    packets_refused: u64,
    jitter: u64,
    playout: u64,
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
            packets_late: stats.packets_late,
            frames_concealed: stats.frames_concealed,
            frames_recovered: stats.frames_recovered,
            packets_refused: stats.packets_refused,
            jitter: micros(stats.jitter),
            playout: micros(stats.playout),
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
            packets_late: figures.packets_late,
            frames_concealed: figures.frames_concealed,
            frames_recovered: figures.frames_recovered,
            packets_refused: figures.packets_refused,
            jitter: Duration::from_micros(figures.jitter),
            playout: Duration::from_micros(figures.playout),
            round_trip: figures.round_trip.map(Duration::from_micros),
            remote_loss: figures.remote_loss,
        }
    }
}

/// The first of them, where there are too many.
fn few<T>(mut addresses: Vec<T>) -> Vec<T> {
    addresses.truncate(MAX_ADDRESSES);
    addresses
}

impl Report {
    /// Figures of now.
    pub(crate) fn figures(stats: MediaStats) -> Self {
        Self(News::Figures(stats.into()))
    }

    /// The loss that the far side reported, in a report of figures.
    #[cfg(feature = "str0m")]
    pub(crate) fn remote_loss(&self) -> Option<f32> {
        match self.0 {
            News::Figures(figures) => figures.remote_loss,
            News::Opened { .. }
            | News::Changed { .. }
            | News::Socketless { .. }
            | News::State { .. }
            | News::Key { .. }
            | News::Noise { .. } => None,
        }
    }

    /// The report of what happened to sockets; none for a datagram, which is the engine's alone.
    pub(crate) fn of_sockets(event: &UdpEvent) -> Option<Self> {
        Some(Self(match event {
            UdpEvent::Opened { local } => News::Opened { local: few(local.clone()) },
            UdpEvent::Changed { added, removed } => {
                News::Changed { added: few(added.clone()), removed: few(removed.clone()) }
            }
            UdpEvent::Failed(error) => News::Socketless { why: error.to_string() },
            UdpEvent::Datagram { .. } => return None,
        }))
    }

    /// The event of sockets that it stands for; itself, where the twin has to take it.
    pub(crate) fn into_event(self) -> Result<UdpEvent, Self> {
        match self.0 {
            News::Opened { local } => Ok(UdpEvent::Opened { local: few(local) }),
            News::Changed { added, removed } => {
                Ok(UdpEvent::Changed { added: few(added), removed: few(removed) })
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
