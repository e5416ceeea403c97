//! This computer's end of a call: its devices, a file to say in the place of the microphone, and the recording.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use offhook::audio::{RATE, Side, Tracks};
use offhook_runtime::Recording;
use offhook_sound::{FRAME, Line};
use smol::channel::Sender;

use crate::news::{News, Tell};

/// See the [module](self).
pub(super) struct Ends {
    /// The devices, if there are any.
    pub(super) line: Option<Line>,
    pub(super) speech: Option<Speech>,
    /// Written when this is dropped.
    #[expect(dead_code, reason = "it is there to be dropped")]
    pub(super) taped: Option<Taped>,
}

impl Ends {
    /// The next 20 ms to say.
    pub(super) fn says(&mut self) -> [i16; FRAME] {
        match (&mut self.speech, &self.line) {
            (Some(speech), _) => speech.next(),
            (None, Some(line)) => line.record(),
            (None, None) => [0; FRAME],
        }
    }

    /// Plays what was heard.
    pub(super) fn hears(&self, pcm: &[i16]) {
        self.line.iter().for_each(|line| line.play(pcm));
    }
}

/// A file that is said once, and silence after it.
pub(super) struct Speech {
    pub(super) pcm: Arc<[i16]>,
    pub(super) at: usize,
}

impl Speech {
    fn next(&mut self) -> [i16; FRAME] {
        let rest = self.pcm.get(self.at..).unwrap_or_default();
        let piece = &rest[..rest.len().min(FRAME)];
        let mut frame = [0; FRAME];
        frame[..piece.len()].copy_from_slice(piece);
        self.at += piece.len();
        frame
    }
}

/// The file of recordings: those of later calls take the place of others.
pub(super) struct Shelf {
    to: PathBuf,
    tell: Tell,
    /// The number of recordings that were begun.
    begun: AtomicU64,
    /// The number of the one in the file. Held while that is written.
    last: Mutex<u64>,
}

impl Shelf {
    pub(super) fn new(to: PathBuf, tell: Tell) -> Self {
        Self { to, tell, begun: AtomicU64::default(), last: Mutex::default() }
    }

    /// Writes the recording of that number, unless that of a later call is written. Says so if it is not whole.
    fn write(&self, number: u64, whole: bool, wav: impl FnOnce() -> anyhow::Result<Vec<u8>>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if number < *last {
            return;
        }
        *last = number;
        let named = self.to.display();
        (self.tell)(match wav().and_then(|wav| Ok(std::fs::write(&self.to, wav)?)) {
            Ok(()) if whole => News::Said(format!("wrote {named}")),
            Ok(()) => {
                News::Failed(format!("wrote {named}: a recording is full, the rest is missing"))
            }
            Err(error) => News::Failed(format!("{named}: {error:#}")),
        });
    }
}

/// A recording of what is heard, which is written when it is dropped.
pub(super) struct Taped {
    kept: Option<(Recording, Sender<()>)>,
    number: u64,
    shelf: Arc<Shelf>,
}

impl Taped {
    /// Writes it one day; `writes` closes when that is done.
    pub(super) fn new(recording: Recording, writes: Sender<()>, shelf: Arc<Shelf>) -> Self {
        let number = shelf.begun.fetch_add(1, Ordering::Relaxed);
        Self { kept: Some((recording, writes)), number, shelf }
    }
}

impl Drop for Taped {
    fn drop(&mut self) {
        let Some((recording, writes)) = self.kept.take() else { return };
        let (number, shelf) = (self.number, Arc::clone(&self.shelf));
        // An hour takes seconds of the processor.
        let writing = smol::unblock(move || {
            let heard = || Ok(recording.wav(Tracks::Only(Side::Heard), RATE)?);
            shelf.write(number, !recording.is_full(), heard);
            drop(writes);
        });
        writing.detach();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_calls_the_later_one_is_in_the_file_whichever_is_written_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("heard.wav");
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell: Tell = Arc::new({
            let told = Arc::clone(&told);
            move |news| told.lock().unwrap().push(news)
        });
        let shelf = Shelf::new(file.clone(), tell);
        for (number, whole) in [(1, true), (0, true), (2, false)] {
            shelf.write(number, whole, || Ok(vec![u8::try_from(number)?]));
            assert_eq!(std::fs::read(&file).unwrap(), [u8::try_from(number.max(1)).unwrap()]);
        }
        let told = told.lock().unwrap();
        let [News::Said(_), News::Failed(full)] = &told[..] else { panic!("{told:?}") };
        assert!(full.contains("is full"), "{full}");
    }

    #[test]
    fn a_file_is_said_once_to_its_last_sample() {
        let pcm: Vec<_> = (1..=FRAME as i16 + 5).collect();
        let speech = Some(Speech { pcm: pcm.clone().into(), at: 0 });
        let mut ends = Ends { line: None, speech, taped: None };
        let said: Vec<_> = (0..3).flat_map(|_| ends.says()).collect();
        assert_eq!(said[..pcm.len()], pcm);
        assert!(said[pcm.len()..].iter().all(|sample| *sample == 0));
    }
}
