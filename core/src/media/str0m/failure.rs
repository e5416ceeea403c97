//! The failures of a session: their reasons, and the word that the far side is left with.

use std::time::Instant;

use str0m::error::RtcError;
use str0m::net::{Protocol, Receive};
use str0m::{Input, Output};

use super::engine::{MAX_TURNS, WebRtc};
use super::missing::Missing;
use super::receive::Datagram;
use crate::media::{EngineEvent, MediaError, MediaState};

impl WebRtc {
    /// Gives str0m a datagram.
    pub(super) fn feed(&mut self, arrived: Instant, datagram: &Datagram<&[u8]>) {
        let Datagram { local, remote, data } = *datagram;
        let Ok(receive) = Receive::new(Protocol::Udp, remote, local, data) else { return };
        let Some(association) = &mut self.association else { return };
        if let Err(error) = association.rtc.handle_input(Input::Receive(arrived, receive)) {
            let mut reason = self.reason(&error);
            self.say_why();
            if let (MediaError::Handshake(text), false) = (&mut reason, self.ingredients.rsa) {
                text.push_str(
                    "; the far side's certificate may be RSA, which needs the feature `rsa`",
                );
            }
            self.fail(reason);
        }
        if self.drain() {
            self.turn(self.now);
        }
    }

    /// There is a path, or there is none any more: DTLS goes on, or waits.
    pub(super) fn has_path(&mut self, is_there: bool) {
        let Some(association) = &mut self.association else { return };
        if let Err(error) = association.has_path(self.now, is_there) {
            self.fail(self.reason(&error));
        }
    }

    /// Sends what str0m still has to say at the end of it: an alert tells the far side.
    fn say_why(&mut self) {
        for _ in 0..MAX_TURNS {
            let Some(association) = &mut self.association else { return };
            match association.rtc.poll_output() {
                Ok(Output::Transmit(transmit)) => self.transmit(transmit),
                Ok(Output::Event(_)) => {}
                Ok(Output::Timeout(_)) | Err(_) => return,
            }
        }
    }

    /// The reason for an end that str0m brought about.
    pub(super) fn reason(&self, error: &RtcError) -> MediaError {
        let text = error.to_string();
        if matches!(error, RtcError::Dtls(_)) && !self.secure {
            MediaError::Handshake(text.trim_start_matches("DTLS error: ").to_owned())
        } else {
            MediaError::Connection(text)
        }
    }

    /// The reason for an end because something is missing for too long.
    pub(super) fn given_up(&self, missing: Missing) -> MediaError {
        match missing {
            Missing::Handshake => MediaError::Handshake("the far side does not answer".to_owned()),
            Missing::Path if self.secure => MediaError::Connection("the path was lost".to_owned()),
            Missing::Path => MediaError::Connection("no path was found".to_owned()),
        }
    }

    pub(super) fn fail(&mut self, error: MediaError) {
        if !self.is_over() {
            self.event(EngineEvent::Failed(error));
            self.enter(MediaState::Failed);
            if let Some(association) = &mut self.association {
                association.rtc.disconnect();
            }
        }
    }
}
