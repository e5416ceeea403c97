//! A recording that is being made.

use std::io::{self, Write};
use std::time::Duration;

use offhook::headset::Lamps;

use super::{Happening, MAX_RECORDING, Recording, Step};
use crate::device::Device;
use crate::reports::{Input, ReportError};

/// The greatest time that a recording can say: 49 days.
const LAST: Duration = Duration::from_millis(u32::MAX as u64);

/// A recording that cannot go on. So far it is whole.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// It is as long as one may be ([`MAX_RECORDING`]).
    #[error("the recording is full: it has {MAX_RECORDING} bytes at most")]
    Full,
    /// It cannot be written.
    #[error("the recording cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// A [`Recording`] that is being made, step by step.
///
/// Each step goes out at once and in one piece, so that what was written is a recording whenever it ends:
/// with Ctrl-C, too.
#[derive(Debug)]
pub struct Recorder<W> {
    to: W,
    at: Duration,
    room: usize,
}

impl<W: Write> Recorder<W> {
    /// Begins with the device.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn begin(device: &Device, to: W) -> Result<Self, RecorderError> {
        let found = device.found();
        let head = Recording {
            vendor: found.vendor(),
            product: found.product(),
            name: found.name().to_owned(),
            descriptor: device.descriptor().to_vec(),
            steps: Vec::new(),
        };
        let mut recorder = Self { to, at: Duration::ZERO, room: MAX_RECORDING };
        recorder
            .write(&format!("# Recorded by offhook-hid {}.\n{head}", env!("CARGO_PKG_VERSION")))?;
        Ok(recorder)
    }

    /// Takes a report that the device said, and what [`Device::read`] made of it.
    ///
    /// # Errors
    ///
    /// The recording is full, or cannot be written.
    pub fn said(
        &mut self,
        at: Duration,
        report: &[u8],
        read: &Result<Vec<Input>, ReportError>,
    ) -> Result<(), RecorderError> {
        if report.is_empty() {
            // No device says that, and it could not be read again.
            return Ok(());
        }
        self.step(at, Happening::Said { report: report.to_vec(), keys: read.clone().ok() })
    }

    /// Takes lamps that were to be shown, and what [`Device::show`] wrote for them.
    ///
    /// # Errors
    ///
    /// The recording is full, or cannot be written.
    pub fn shown(
        &mut self,
        at: Duration,
        lamps: Lamps,
        written: Vec<Vec<u8>>,
    ) -> Result<(), RecorderError> {
        self.step(at, Happening::Shown { lamps, written })
    }

    /// Takes a note, such as what the person does: `presses hook`.
    ///
    /// # Errors
    ///
    /// The recording is full, or cannot be written.
    pub fn note(&mut self, note: &str) -> Result<(), RecorderError> {
        self.write(&format!("# {}\n", note.replace(char::is_control, " ").trim()))
    }

    /// Takes a step. Time that goes backwards stands still.
    fn step(&mut self, at: Duration, what: Happening) -> Result<(), RecorderError> {
        self.at = self.at.max(at.min(LAST));
        self.write(&Step { at: self.at, what }.to_string())
    }

    fn write(&mut self, text: &str) -> Result<(), RecorderError> {
        self.room = self.room.checked_sub(text.len()).ok_or(RecorderError::Full)?;
        self.to.write_all(text.as_bytes())?;
        Ok(self.to.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use offhook::headset::{Hook, Key};

    use super::*;
    use crate::bus::Bus;
    use crate::device::Event;
    use crate::memory::Memory;
    use crate::watch::Change;

    /// A file, piece by piece.
    #[derive(Default)]
    struct Pieces(Vec<String>);

    impl Write for Pieces {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(String::from_utf8(bytes.to_vec()).expect("a text"));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn plugged_in() -> (Memory, Device) {
        let mut memory = Memory::default();
        memory.plug();
        let changes = memory.watch().expect("a watch");
        let Ok(Change::Came(found)) = changes.recv_blocking() else { panic!("it is there") };
        let device = memory.open(&found).expect("a headset");
        (memory, device)
    }

    /// A person at a headset in memory, and a phone that shows a call while it is off hook.
    fn session(keys: &[Key]) -> Vec<String> {
        let (memory, mut device) = plugged_in();
        let events = device.events();
        let mut recorder = Recorder::begin(&device, Pieces::default()).expect("room");
        let mut at = Duration::ZERO;
        let mut lamps = Lamps::default();
        for key in keys {
            at += Duration::from_micros(40_700);
            recorder.note(&format!("presses\n{key:?}")).expect("room");
            memory.press(*key);
            // It says a key twice, down and up, and its hook once.
            let reports = if matches!(key, Key::Hook(_)) { 1 } else { 2 };
            for _ in 0..reports {
                let Ok(Event::Report(report)) = events.recv_blocking() else { panic!("{key:?}") };
                let read = device.read(&report);
                recorder.said(at, &report, &read).expect("room");
            }
            match key {
                Key::Hook(hook) => lamps.off_hook = *hook == Hook::Up,
                Key::Mute => lamps.mute ^= true,
                _ => {}
            }
            let written = device.show(lamps).expect("a headset");
            recorder.shown(at, lamps, written).expect("room");
        }
        recorder.to.0
    }

    #[test]
    fn a_recording_of_a_headset_in_memory_says_the_same_keys_again() {
        let keys = [Key::Hook(Hook::Up), Key::Mute, Key::Flash, Key::Drop, Key::Hook(Hook::Down)];
        let pieces = session(&keys);
        let recording: Recording = pieces.concat().parse().expect("a recording");
        assert_eq!(recording.name, "Headset in memory");
        let said = recording.steps.iter().flat_map(|step| match &step.what {
            Happening::Said { keys, .. } => keys.clone().expect("long enough"),
            Happening::Shown { .. } => Vec::new(),
        });
        assert_eq!(said.collect::<Vec<_>>(), keys.map(Input::Key));
        let last = recording.steps.last().map(|step| step.at);
        assert_eq!(last, Some(Duration::from_millis(203)), "whole milliseconds");
        assert!(pieces.iter().any(|piece| piece == "# presses Mute\n"));
        recording.replay().expect("the same again");
    }

    /// A process that is killed leaves the pieces that were written.
    #[test]
    fn it_is_whole_whenever_it_ends() {
        let pieces = session(&[Key::Hook(Hook::Up), Key::Mute, Key::Hook(Hook::Down)]);
        for end in 1..=pieces.len() {
            let recording: Recording = pieces[..end].concat().parse().expect("a recording");
            recording.replay().expect("the same again");
        }
    }

    #[test]
    fn short_reports_are_kept_and_time_does_not_go_backwards() {
        let (_memory, mut device) = plugged_in();
        let mut recorder = Recorder::begin(&device, Vec::new()).expect("room");
        let read = device.read(&[]);
        recorder.said(Duration::from_secs(2), &[7], &read).expect("room");
        recorder.shown(Duration::from_secs(1), Lamps::default(), Vec::new()).expect("room");
        recorder.shown(Duration::MAX, Lamps::default(), Vec::new()).expect("room");
        let text = String::from_utf8(recorder.to).expect("a text");
        assert!(
            text.ends_with("2000 in 07\n  expect short\n2000 show dark\n4294967295 show dark\n")
        );
        text.parse::<Recording>().expect("a recording");
    }

    #[test]
    fn a_full_one_is_whole_and_takes_no_more() {
        let (_memory, device) = plugged_in();
        let mut recorder = Recorder::begin(&device, Vec::new()).expect("room");
        let note = "x".repeat(MAX_RECORDING / 3);
        while recorder.note(&note).is_ok() {}
        assert!(matches!(recorder.note(&note), Err(RecorderError::Full)));
        let text = String::from_utf8(recorder.to).expect("a text");
        assert!(text.len() <= MAX_RECORDING);
        text.parse::<Recording>().expect("a recording");
    }
}
