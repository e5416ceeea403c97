//! DTLS that begins with the path.
//!
//! str0m begins the handshake with the answer, and keeps what it says until there is a path. Its clock would run
//! meanwhile: what is lost then is said again ever more seldom, and in the end not at all. So here it is told of the
//! answer and of time only once there is a path, as RFC 8842 section 5.1 has it.

use std::time::{Duration, Instant};

use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, ProtocolVersion};

/// A datagram that says that there is a path. None such comes from outside: it is no record
/// ([`is_well_formed`](super::records::is_well_formed)).
pub(super) const PATH: [u8; 1] = [22];
/// The time to the next call while it waits: by so much at most its clock is behind when it begins.
const LONG: Duration = Duration::from_secs(1);

/// A DTLS instance that waits for a path.
#[derive(Debug)]
pub(super) struct Patient {
    inner: Box<dyn DtlsInstance>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is no path yet.
    Waiting {
        /// The time that it was told last.
        now: Instant,
        /// True if this end is to speak first.
        speaks: bool,
    },
    /// There is one, or was.
    Begun,
}

impl Patient {
    pub(super) fn new(now: Instant, inner: Box<dyn DtlsInstance>) -> Self {
        Self { inner, stage: Stage::Waiting { now, speaks: false } }
    }

    fn begin(&mut self) -> Result<(), DtlsImplError> {
        let Stage::Waiting { now, speaks } = self.stage else { return Ok(()) };
        self.stage = Stage::Begun;
        self.inner.handle_timeout(now)?;
        if speaks { self.inner.handle_packet(&[]) } else { Ok(()) }
    }
}

impl DtlsInstance for Patient {
    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        match (&mut self.stage, packet) {
            // How str0m has a client speak.
            (Stage::Waiting { speaks, .. }, []) => {
                *speaks = true;
                Ok(())
            }
            (Stage::Waiting { .. } | Stage::Begun, packet) if packet == PATH => self.begin(),
            // What comes has found a path.
            (Stage::Waiting { .. } | Stage::Begun, packet) => {
                self.begin()?;
                self.inner.handle_packet(packet)
            }
        }
    }

    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        match self.stage {
            Stage::Waiting { now, .. } => DtlsOutput::Timeout(now + LONG),
            Stage::Begun => self.inner.poll_output(buf),
        }
    }

    fn handle_timeout(&mut self, at: Instant) -> Result<(), DtlsImplError> {
        match &mut self.stage {
            Stage::Waiting { now, .. } => {
                *now = at.max(*now);
                Ok(())
            }
            Stage::Begun => self.inner.handle_timeout(at),
        }
    }

    fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
        self.inner.send_application_data(data)
    }

    fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    fn protocol_version(&self) -> Option<ProtocolVersion> {
        self.inner.protocol_version()
    }

    fn is_closing(&self) -> bool {
        self.inner.is_closing()
    }

    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    fn close(&mut self) -> Result<(), DtlsImplError> {
        self.begin()?;
        self.inner.close()
    }
}
