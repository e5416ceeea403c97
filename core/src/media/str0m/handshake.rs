//! DTLS whose clock runs with the path.
//!
//! str0m begins the handshake with the answer, and keeps what it says until there is a path. A clock that ran
//! meanwhile would have what is lost said again ever more seldom, and in the end not at all. So its clock stands still
//! without a path: the handshake begins with the first one (RFC 8842 section 5.1), and goes on at once with the next.
//! A record of the far side's is a path, too: it came by one.

use std::time::{Duration, Instant};

use str0m::crypto::dtls::{DtlsImplError, DtlsInstance, DtlsOutput, ProtocolVersion};

/// A datagram that says that there is a path. Like [`GONE`] it is no record, so none such comes from outside
/// ([`is_well_formed`](super::records::is_well_formed)).
pub(super) const PATH: [u8; 1] = [22];
/// A datagram that says that there is none any more.
pub(super) const GONE: [u8; 1] = [23];
/// The time to the next call without a path.
const LONG: Duration = Duration::from_secs(1);
/// The longest time on a path until what has no answer is said again. RFC 9147 section 5.8.2 leaves it to the use, and
/// somebody waits here for a voice.
const AGAIN: Duration = Duration::from_secs(2);
/// Longer than any wait until something is said again. The instance waits longer for its own deadlines, and for
/// nothing at all.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A DTLS instance that waits for a path.
#[derive(Debug)]
pub(super) struct Patient {
    inner: Box<dyn DtlsInstance>,
    clock: Clock,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is no path yet. True if this end is to speak first.
    Waiting(bool),
    /// The handshake is under way, and there is a path.
    Shaking,
    /// It is under way, and the path is gone.
    Paused,
    /// It is through. Its clock is of no more concern.
    Through,
}

impl Patient {
    pub(super) fn new(now: Instant, inner: Box<dyn DtlsInstance>) -> Self {
        Self { inner, clock: Clock::new(now), stage: Stage::Waiting(false) }
    }

    /// There is a path: begins, or says again at once what has no answer.
    fn go(&mut self) -> Result<(), DtlsImplError> {
        match self.stage {
            Stage::Waiting(speaks) => {
                self.stage = Stage::Shaking;
                self.inner.handle_timeout(self.clock.inner)?;
                if speaks { self.inner.handle_packet(&[]) } else { Ok(()) }
            }
            Stage::Paused => {
                self.stage = Stage::Shaking;
                self.inner.handle_timeout(self.clock.leap())
            }
            Stage::Shaking | Stage::Through => Ok(()),
        }
    }
}

impl DtlsInstance for Patient {
    fn set_active(&mut self, active: bool) {
        self.inner.set_active(active);
    }

    fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
        match (&mut self.stage, packet) {
            // How str0m has a client speak.
            (Stage::Waiting(speaks), []) => {
                *speaks = true;
                Ok(())
            }
            (stage, packet) if packet == GONE => {
                if *stage == Stage::Shaking {
                    *stage = Stage::Paused;
                }
                Ok(())
            }
            (_, packet) if packet == PATH => self.go(),
            // What comes has found a path.
            (_, packet) => {
                self.go()?;
                self.inner.handle_packet(packet)
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are not of time")]
    fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
        if let Stage::Waiting(_) = self.stage {
            return DtlsOutput::Timeout(self.clock.outer + LONG);
        }
        match self.inner.poll_output(buf) {
            DtlsOutput::Timeout(wanted) => {
                let longest = match self.stage {
                    Stage::Through => None,
                    Stage::Waiting(_) | Stage::Shaking | Stage::Paused => Some(AGAIN),
                };
                let due = self.clock.want(wanted, longest);
                DtlsOutput::Timeout(match self.stage {
                    Stage::Paused => self.clock.outer + LONG,
                    Stage::Waiting(_) | Stage::Shaking | Stage::Through => due,
                })
            }
            DtlsOutput::Connected => {
                self.stage = Stage::Through;
                DtlsOutput::Connected
            }
            output => output,
        }
    }

    fn handle_timeout(&mut self, at: Instant) -> Result<(), DtlsImplError> {
        match self.stage {
            Stage::Waiting(_) | Stage::Paused => {
                self.clock.stand(at);
                Ok(())
            }
            Stage::Shaking | Stage::Through => self.inner.handle_timeout(self.clock.run(at)),
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
        // There may be no path by which to begin.
        self.stage = Stage::Through;
        self.inner.close()
    }
}

/// The instance's time beside ours.
#[derive(Debug)]
struct Clock {
    /// The time that we were told last.
    outer: Instant,
    /// The time that the instance was told last.
    inner: Instant,
    /// The time of its own at which the instance wants to be called, and ours at which it will be.
    wanted: Option<(Instant, Instant)>,
}

impl Clock {
    fn new(now: Instant) -> Self {
        Self { outer: now, inner: now, wanted: None }
    }

    /// Takes the time that the instance wants to be called at; by ours, the time that it will be.
    fn want(&mut self, wanted: Instant, longest: Option<Duration>) -> Instant {
        match self.wanted {
            Some((known, due)) if known == wanted => due,
            _ => {
                let wait = wanted.saturating_duration_since(self.inner);
                let longest = longest.filter(|_| wait < NEVER);
                let due = self.outer + longest.map_or(wait, |longest| wait.min(longest));
                self.wanted = Some((wanted, due));
                due
            }
        }
    }

    /// Takes our time while the instance's stands still.
    fn stand(&mut self, at: Instant) {
        self.outer = at.max(self.outer);
    }

    /// Takes our time while the instance's runs, which it answers.
    fn run(&mut self, at: Instant) -> Instant {
        let at = at.max(self.outer);
        self.inner += at - self.outer;
        self.outer = at;
        match self.wanted {
            Some((_, due)) if due <= at => self.leap(),
            _ => self.inner,
        }
    }

    /// Goes on to the time at which the instance wants to be called.
    fn leap(&mut self) -> Instant {
        if let Some((wanted, _)) = self.wanted.take() {
            self.inner = self.inner.max(wanted);
        }
        self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::epoch;

    const S: fn(u64) -> Duration = Duration::from_secs;

    /// Says something at first, and again after 1 s, 2 s, 4 s, until it gets `b"done"`.
    #[derive(Debug)]
    struct Flight {
        now: Instant,
        next: Option<Instant>,
        pause: Duration,
        says: bool,
        through: bool,
    }

    impl DtlsInstance for Flight {
        fn set_active(&mut self, _: bool) {}

        fn handle_packet(&mut self, packet: &[u8]) -> Result<(), DtlsImplError> {
            match packet {
                b"done" => (self.next, self.through) = (None, true),
                _ => self.says = true,
            }
            Ok(())
        }

        fn poll_output<'a>(&mut self, buf: &'a mut [u8]) -> DtlsOutput<'a> {
            if std::mem::take(&mut self.through) {
                return DtlsOutput::Connected;
            }
            if std::mem::take(&mut self.says) {
                self.next = Some(self.now + self.pause);
                return DtlsOutput::Packet(&buf[..4]);
            }
            DtlsOutput::Timeout(self.next.unwrap_or_else(|| self.now + S(1000)))
        }

        fn handle_timeout(&mut self, now: Instant) -> Result<(), DtlsImplError> {
            self.now = now;
            if self.next.is_some_and(|next| next <= now) {
                self.pause *= 2;
                self.says = true;
            }
            Ok(())
        }

        fn send_application_data(&mut self, data: &[u8]) -> Result<usize, DtlsImplError> {
            Ok(data.len())
        }

        fn is_active(&self) -> bool {
            true
        }

        fn protocol_version(&self) -> Option<ProtocolVersion> {
            None
        }

        fn is_closing(&self) -> bool {
            false
        }

        fn is_closed(&self) -> bool {
            false
        }

        fn close(&mut self) -> Result<(), DtlsImplError> {
            Ok(())
        }
    }

    struct Rig {
        patient: Patient,
        now: Instant,
    }

    impl Rig {
        fn new() -> Self {
            let now = epoch();
            let flight = Flight { now, next: None, pause: S(1), says: false, through: false };
            let mut patient = Patient::new(now, Box::new(flight));
            patient.handle_packet(&[]).unwrap();
            Self { patient, now }
        }

        /// The seconds since the beginning at which it says something, for so long.
        fn run(&mut self, time: Duration) -> Vec<u64> {
            let (until, mut said, mut buf) = (self.now + time, Vec::new(), [0; 16]);
            loop {
                match self.patient.poll_output(&mut buf) {
                    DtlsOutput::Packet(_) => said.push((self.now - epoch()).as_secs()),
                    DtlsOutput::Timeout(at) if at > until => break,
                    DtlsOutput::Timeout(at) => {
                        self.now = at.max(self.now);
                        self.patient.handle_timeout(self.now).unwrap();
                    }
                    _ => {}
                }
            }
            self.now = until;
            self.patient.handle_timeout(until).unwrap();
            said
        }

        fn told(&mut self, packet: &[u8]) {
            self.patient.handle_packet(packet).unwrap();
        }
    }

    #[test]
    fn rfc_8842_5_1_it_begins_with_the_path_and_says_again_what_has_no_answer_in_two_seconds_at_most()
     {
        let mut rig = Rig::new();
        assert!(rig.run(S(100)).is_empty(), "nothing is said without a path");
        rig.told(&PATH);
        assert_eq!(rig.run(S(10)), [100, 101, 103, 105, 107, 109]);
        rig.told(&PATH);
        assert_eq!(rig.run(S(2)), [111], "a path that is there is no news");
    }

    /// Found by simulation (seed 44 of `roaming`): what was lost with the path was said again after 16 s.
    #[test]
    fn rfc_8842_5_1_a_path_that_is_found_again_is_used_at_once() {
        let mut rig = Rig::new();
        rig.told(&PATH);
        assert_eq!(rig.run(S(2)), [0, 1]);
        rig.told(&GONE);
        assert!(rig.run(S(3600)).is_empty());
        rig.told(&PATH);
        assert_eq!(rig.run(S(3)), [3602, 3604]);
        rig.told(&GONE);
        rig.told(b"hi");
        assert_eq!(rig.run(S(1)), [3605], "what comes has found a path");
    }

    /// A server waits for the rest of what the client says, and has a deadline for that, which is no repetition.
    #[test]
    fn a_deadline_is_not_leapt_to() {
        let now = epoch();
        let mut clock = Clock::new(now);
        let deadline = now + 10 * NEVER;
        assert_eq!(clock.want(deadline, Some(AGAIN)), deadline);
        assert_eq!(clock.run(now + S(60)), now + S(60));
    }

    #[test]
    fn once_it_is_through_a_path_is_no_news() {
        let mut rig = Rig::new();
        rig.told(&PATH);
        assert_eq!(rig.run(S(4)), [0, 1, 3]);
        rig.told(b"done");
        rig.told(&GONE);
        rig.told(&PATH);
        assert!(rig.run(S(100)).is_empty());
    }
}
