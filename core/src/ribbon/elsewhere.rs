//! The client's part in having the media of calls in another process: frames that go, and what is told of it.

use super::constants::LogLevel;
use super::error::{Error, ProxyCode};
use super::event::Event;
use super::outbox::Outbox;
use super::outcome::Outcome;
use super::proxy::Received;
use crate::machine::{CommandId, NetError, UdpId};
use crate::media::{Fingerprint, Order, Report};

impl Outbox {
    /// Takes note that the application has a channel, or has it no more.
    pub(super) fn set_channel(&mut self, there: bool) {
        let asked = self.change_proxy(|own| own.proxy.set_channel(there));
        if let Some(command) = asked {
            let error = Error::new(ProxyCode::SetChannelFailed, "the channel was set anew");
            self.complete(command, Err(error));
        }
    }

    /// Asks the other end to get ready.
    pub(super) fn initialize_remote(
        &mut self,
        command: CommandId,
        engine: Option<&str>,
        level: LogLevel,
    ) {
        let frame = self.change_proxy(|own| own.proxy.ask(command, engine, level));
        if let Some(frame) = frame {
            self.event(Event::ProxyFrame(frame.into()));
        }
    }

    /// Has the media of calls elsewhere from now on, or here again. The certificate there.
    pub(super) fn switch_proxy(&mut self, on: bool) -> Option<Fingerprint> {
        self.change_proxy(|own| own.proxy.switch(on))
    }

    /// Sends an order of a call's media to the end that has it.
    ///
    /// # Errors
    ///
    /// There is no such end any more, or the order is too long.
    pub(super) fn order(&mut self, peer: UdpId, order: &Order) -> Result<(), NetError> {
        let now = self.now();
        let frame = self.proxy.order(peer, order, now)?;
        self.event(Event::ProxyFrame(frame.into()));
        Ok(())
    }

    /// Takes a frame: what it reports of the media of a call, if it does.
    pub(super) fn proxy_received(&mut self, text: &str) -> Option<(UdpId, Report)> {
        match self.proxy.receive(text) {
            Received::Nothing => None,
            Received::Report(peer, report) => Some((peer, report)),
            Received::Answered(command, result) => {
                if result.is_ok() {
                    self.event(Event::ProxyChanged(self.proxy.info()));
                }
                self.complete(command, result.map(|()| Outcome::Done));
                None
            }
        }
    }

    /// Tells if it stands otherwise than before.
    fn change_proxy<T>(&mut self, change: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.proxy.info();
        let result = change(self);
        let now = self.proxy.info();
        if now != before {
            self.event(Event::ProxyChanged(now));
        }
        result
    }
}
