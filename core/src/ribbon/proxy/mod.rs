//! Media in another process: the client signals here, and its sound is at a [`MediaHost`] elsewhere (w5.5). Frames
//! go between the two on a channel of the application's.
//!
//! ```text
//! None ──SetProxyChannel──> Channel ──InitializeRemote──> Asked ──welcome──> Ready ──SetProxyMode──> On
//!   ^                          ^                            │ refused, late    │ no answer, breaks   │
//!   └───SetProxyChannel────────┴────────────────────────────┴──────────────────┴─────────────────────┘
//! ```

mod frame;
mod host;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use self::frame::{Frame, Hello, MAX_FRAME, Welcome};
pub use self::host::{HostCommand, HostEvent, MediaHost};
use super::VERSION;
use super::constants::LogLevel;
use super::error::{Error, ProxyCode};
use super::info::{ProxyInfo, RemotePlatform};
use crate::machine::{CommandId, NetError, NetErrorKind, UdpId, Wake};
use crate::media::{Fingerprint, Order, Report};
use crate::plain;

/// The time for the other end to answer (w5.5).
pub(super) const LIMIT: Duration = Duration::from_secs(12);
/// Orders that are not answered yet; one more breaks the channel.
const MAX_WAITING: usize = 256;

/// The other end.
#[derive(Debug)]
struct Remote {
    platform: RemotePlatform,
    certificate: Fingerprint,
}

/// See the [module](self).
#[derive(Debug)]
enum Stage {
    None,
    Channel,
    Asked { command: CommandId, message: u64 },
    Ready(Remote),
    On(Remote),
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Proxy {
    stage: Stage,
    /// The orders that are not answered, and until when they may be.
    waiting: BTreeMap<u64, Instant>,
    sent: u64,
    unread: u64,
    /// The reason why the channel broke, until the client knows.
    broke: Option<Error>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self { stage: Stage::None, waiting: BTreeMap::new(), sent: 0, unread: 0, broke: None }
    }
}

fn refuse<T>(code: ProxyCode, why: &str) -> Result<T, Error> {
    Err(Error::new(code, why))
}

impl Proxy {
    /// The standing of it all.
    pub(super) fn info(&self) -> ProxyInfo {
        let (mode, remote) = match &self.stage {
            Stage::None | Stage::Channel | Stage::Asked { .. } => (false, None),
            Stage::Ready(remote) => (false, Some(remote)),
            Stage::On(remote) => (true, Some(remote)),
        };
        ProxyInfo {
            mode,
            has_channel: !matches!(self.stage, Stage::None),
            remote_initialized: remote.is_some(),
            remote: remote.map(|remote| remote.platform.clone()),
            unread: self.unread,
        }
    }

    pub(super) fn next_wake(&self) -> Option<Wake> {
        let at = *self.waiting.values().min()?;
        Some(Wake { at, reason: "answer of media elsewhere" })
    }

    /// Orders that are not answered.
    pub(super) fn size(&self) -> usize {
        self.waiting.len()
    }

    /// The reason why the channel broke, once.
    pub(super) fn take_broken(&mut self) -> Option<Error> {
        self.broke.take()
    }

    /// Checks that the channel can come or go.
    ///
    /// # Errors
    ///
    /// [`ProxyCode::InActiveCall`] while there are calls.
    pub(super) fn may_change(calls: bool) -> Result<(), Error> {
        if calls { refuse(ProxyCode::InActiveCall, "there are calls") } else { Ok(()) }
    }

    /// Checks that the other end can be asked.
    ///
    /// # Errors
    ///
    /// See [`ProxyCode`].
    pub(super) fn may_initialize(&self, calls: bool) -> Result<(), Error> {
        Self::may_change(calls)?;
        match self.stage {
            Stage::None => refuse(ProxyCode::InvalidState, "there is no channel"),
            Stage::Asked { .. } => refuse(ProxyCode::InvalidState, "it is asked already"),
            Stage::Channel | Stage::Ready(_) | Stage::On(_) => Ok(()),
        }
    }

    /// Checks that calls can have their media elsewhere, or here again.
    ///
    /// # Errors
    ///
    /// See [`ProxyCode`].
    pub(super) fn may_switch(&self, on: bool, calls: bool) -> Result<(), Error> {
        Self::may_change(calls)?;
        match self.stage {
            Stage::None | Stage::Channel | Stage::Asked { .. } if on => {
                refuse(ProxyCode::InvalidState, "the other end is not initialized")
            }
            Stage::None | Stage::Channel | Stage::Asked { .. } | Stage::Ready(_) | Stage::On(_) => {
                Ok(())
            }
        }
    }

    /// Checks a frame.
    ///
    /// # Errors
    ///
    /// [`ProxyCode::InvalidParam`] for one that is too long.
    pub(super) fn may_receive(frame: &str) -> Result<(), Error> {
        if frame.len() > MAX_FRAME {
            return refuse(ProxyCode::InvalidParam, "a frame of over 64 KiB");
        }
        Ok(())
    }

    /// Takes note that the application has a channel, or has it no more. The command that waits for an answer on
    /// the one before, which will not come.
    pub(super) fn set_channel(&mut self, there: bool) -> Option<CommandId> {
        let stage = if there { Stage::Channel } else { Stage::None };
        self.waiting.clear();
        match std::mem::replace(&mut self.stage, stage) {
            Stage::Asked { command, .. } => Some(command),
            Stage::None | Stage::Channel | Stage::Ready(_) | Stage::On(_) => None,
        }
    }

    /// Asks the other end to get ready: the frame.
    pub(super) fn ask(
        &mut self,
        command: CommandId,
        engine: Option<&str>,
        level: LogLevel,
    ) -> Option<String> {
        let message = self.number();
        self.stage = Stage::Asked { command, message };
        self.waiting.clear();
        let version = VERSION.to_owned();
        let hello = Hello { initialize: true, version, engine: engine.map(str::to_owned) };
        frame::hello(message, &hello, level)
    }

    /// Has the media of calls elsewhere from now on, or here again. The certificate there.
    pub(super) fn switch(&mut self, on: bool) -> Option<Fingerprint> {
        let stage = std::mem::replace(&mut self.stage, Stage::None);
        self.stage = match stage {
            Stage::Ready(remote) | Stage::On(remote) if on => Stage::On(remote),
            Stage::Ready(remote) | Stage::On(remote) => Stage::Ready(remote),
            stage @ (Stage::None | Stage::Channel | Stage::Asked { .. }) => stage,
        };
        match &self.stage {
            Stage::On(remote) => Some(remote.certificate.clone()),
            Stage::None | Stage::Channel | Stage::Asked { .. } | Stage::Ready(_) => None,
        }
    }

    /// The frame of an order of a call's media to the end that has it.
    ///
    /// # Errors
    ///
    /// There is no such end any more, or the order is too long.
    pub(super) fn order(
        &mut self,
        peer: UdpId,
        order: &Order,
        now: Instant,
    ) -> Result<String, NetError> {
        let lost = |why| Err(NetError::new(NetErrorKind::Lost, why));
        if !matches!(self.stage, Stage::On(_)) {
            return lost("there is no media elsewhere");
        }
        let message = self.number();
        let Some(frame) = frame::order(message, peer, order) else {
            return lost("more than a frame can hold");
        };
        if !order.is_silent() {
            if self.waiting.len() >= MAX_WAITING {
                self.end(ProxyCode::Timeout, "too many orders are not answered");
                return lost("media elsewhere does not answer");
            }
            self.waiting.insert(message, now + LIMIT);
        }
        Ok(frame)
    }

    /// Takes a frame. What cannot be read is counted.
    pub(super) fn receive(&mut self, text: &str) -> Received {
        match Frame::read(text) {
            Some(Frame::Report { peer, report }) => match self.stage {
                Stage::On(_) => return Received::Report(peer, report),
                Stage::None | Stage::Channel | Stage::Asked { .. } | Stage::Ready(_) => {}
            },
            Some(Frame::Welcome { message: answered, welcome }) => {
                if let Stage::Asked { command, message } = self.stage
                    && message == answered
                {
                    return Received::Answered(command, self.welcomed(&welcome));
                }
            }
            Some(Frame::Done { message, error }) => {
                if self.waiting.remove(&message).is_some()
                    && let Some(error) = error
                {
                    let why = format!("media elsewhere: {}", plain(&error));
                    self.end(ProxyCode::Unknown, &why);
                }
            }
            // Those of the second kind are such as we send ourselves.
            None | Some(Frame::Hello { .. } | Frame::Order { .. }) => self.unread += 1,
        }
        Received::Nothing
    }

    fn welcomed(&mut self, welcome: &Welcome) -> Result<(), Error> {
        self.stage = Stage::Channel;
        self.stage = Stage::Ready(remote_of(welcome)?);
        Ok(())
    }

    /// The error of a command that asked the other end and was not answered in time; none for another command.
    pub(super) fn overdue(&mut self, command: CommandId) -> Option<Error> {
        let asked = matches!(self.stage, Stage::Asked { command: asked, .. } if asked == command);
        asked.then(|| {
            self.stage = Stage::Channel;
            Error::new(ProxyCode::Timeout, "media elsewhere did not answer")
        })
    }

    /// Breaks the channel if an order was not answered in time.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.waiting.values().any(|until| *until <= now) {
            self.end(ProxyCode::Timeout, "media elsewhere did not answer");
        }
    }

    fn number(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    fn end(&mut self, code: ProxyCode, why: &str) {
        if matches!(self.stage, Stage::Ready(_) | Stage::On(_)) {
            self.stage = Stage::Channel;
            self.waiting.clear();
            self.broke = Some(Error::new(code, why));
        }
    }
}

/// The meaning of a frame.
#[derive(Debug)]
pub(super) enum Received {
    /// None: it was taken note of, or cannot be read.
    Nothing,
    /// The media of a call tells something.
    Report(UdpId, Report),
    /// The other end answers the command that asked it.
    Answered(CommandId, Result<(), Error>),
}

/// The other end, by its answer.
fn remote_of(welcome: &Welcome) -> Result<Remote, Error> {
    let version = welcome.remote_version.as_deref().unwrap_or_default();
    if version != VERSION {
        let text = format!("the other end has version {:?}, this one {VERSION}", plain(version));
        return refuse(ProxyCode::VersionMismatch, &text);
    }
    if !welcome.initialized {
        let why = welcome.error.as_deref().unwrap_or("it does not say why");
        return refuse(ProxyCode::Unknown, &format!("the other end refuses: {}", plain(why)));
    }
    let Some(certificate) = welcome.certificate() else {
        return refuse(ProxyCode::Unknown, "the other end has no certificate");
    };
    let browser = welcome.browser.as_ref();
    let name = browser.map(|browser| plain(&browser.name).into_owned()).unwrap_or_default();
    let engine = browser.and_then(|browser| browser.engine.as_deref());
    let platform = RemotePlatform {
        name,
        version: version.to_owned(),
        engine: engine.map(|engine| plain(engine).into_owned()),
    };
    Ok(Remote { platform, certificate })
}
