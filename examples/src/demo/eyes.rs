//! Somebody's eyes and ears in a session: they count numbered pictures, and write down all that they see and
//! hear.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::{Stream, StreamExt as _};
use offhook::media::{Frame, MediaKind, Track};
use offhook::video::{Recorder, WebmReader};
use offhook_runtime::Sockets;

use super::camera::number;

/// The pictures of a track that were seen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) pictures: u64,
    /// The number of the last one.
    pub(super) last: Option<u32>,
    /// Numbers that were not there where they had to come.
    pub(super) missed: u64,
}

/// See the [module](self). Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Eyes(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    recorder: Recorder<Track>,
    file: Vec<u8>,
    seen: BTreeMap<Track, Seen>,
    sounds: u64,
}

impl Eyes {
    pub(super) fn open() -> Self {
        let recorder = Recorder::new(Instant::now());
        Self(Arc::new(Mutex::new(State {
            recorder,
            file: Vec::new(),
            seen: BTreeMap::new(),
            sounds: 0,
        })))
    }

    /// Looks at a track, or listens to it, until it ends.
    pub(super) fn watch<R: Sockets>(
        &self,
        track: Track,
        mut frames: impl Stream<Item = Frame> + Send + Unpin + 'static,
    ) -> anyhow::Result<()> {
        self.lock().recorder.announce(track, track.kind);
        let eyes = self.clone();
        R::spawn(async move {
            while let Some(frame) = frames.next().await {
                eyes.lock().take(track, frame);
            }
        })?;
        Ok(())
    }

    /// The pictures of a track seen so far.
    pub(super) fn seen(&self, track: Track) -> Seen {
        self.lock().seen.get(&track).copied().unwrap_or_default()
    }

    /// The WebM file of it all, and how much is in it.
    pub(super) fn finish(&self) -> anyhow::Result<Film> {
        let mut state = self.lock();
        let rest = state.recorder.finish()?;
        state.file.extend(rest);
        let mut film = Film { file: std::mem::take(&mut state.file), ..Film::default() };
        film.pictures_kept = state.seen.values().map(|seen| seen.pictures).sum();
        film.sounds_kept = state.sounds;
        for block in WebmReader::new(&film.file[..])? {
            match block?.frame.kind() {
                MediaKind::Video => film.pictures += 1,
                MediaKind::Audio => film.sounds += 1,
            }
        }
        Ok(film)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // It is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, track: Track, frame: Frame) {
        if let Frame::Video(picture) = &frame {
            let seen = self.seen.entry(track).or_default();
            seen.pictures += 1;
            if let Some(number) = number(picture) {
                let due = seen.last.map_or(number, |last| last.saturating_add(1));
                seen.missed += u64::from(number.saturating_sub(due));
                seen.last = Some(number);
            }
        } else {
            self.sounds += 1;
        }
        let now = Instant::now();
        // What the file does not take is missing in it, which is looked at.
        if self.recorder.record(now, track, frame).is_ok()
            && let Ok(bytes) = self.recorder.take(now)
        {
            self.file.extend(bytes);
        }
    }
}

/// A WebM file, and what was read back from it.
#[derive(Clone, Debug, Default)]
pub(super) struct Film {
    pub(super) file: Vec<u8>,
    pub(super) pictures: u64,
    pub(super) sounds: u64,
    pub(super) pictures_kept: u64,
    pub(super) sounds_kept: u64,
}

impl Film {
    /// True if all that was seen and heard is in the file.
    pub(super) fn is_whole(&self) -> bool {
        (self.pictures, self.sounds) == (self.pictures_kept, self.sounds_kept) && self.pictures > 0
    }
}
