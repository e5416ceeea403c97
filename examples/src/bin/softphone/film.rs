//! The film of a meeting: what is seen and heard there, as it comes, in WebM files. No decoder is in it.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::stream::{self, BoxStream, SelectAll, StreamExt as _};
use offhook::genesys::Phone as _;
use offhook::machine::{MediaId, MediaKind, TrackId};
use offhook::media::{AudioFrame, Frame, Track};
use offhook::video::{Recorded, Recorder};
use offhook_runtime::Sockets;
use offhook_runtime::genesys::Client;
use smol::channel::{Receiver, Sender, bounded};

/// The time between two looks at what is due to be written.
const LOOK: Duration = Duration::from_millis(200);
/// The words that wait; there are as many as tracks.
const WORDS: usize = 2 * Recorder::<Track>::MAX_TRACKS;
/// The most films of a folder.
const MAX_FILMS: u32 = 10_000;

/// A film that is being made, until this is dropped.
pub(crate) struct Film {
    words: Sender<Word>,
    /// Closed when all of it is written and told.
    written: Receiver<()>,
}

/// A word to whoever makes it.
enum Word {
    Added(Track),
    Removed(Track),
}

/// News of a film.
pub(crate) enum Told {
    /// It is written to this file from now on: the first, or another that its tracks want.
    File(PathBuf),
    /// All of it is written, which the words say; or why not.
    Over(anyhow::Result<String>),
}

/// Whoever is told of a film.
pub(crate) type Tell = Box<dyn Fn(Told) + Send>;

impl Film {
    /// Begins a film of these tracks and of what is heard, in the next file of a folder.
    ///
    /// # Errors
    ///
    /// No file can be made there.
    pub(crate) fn begin<R: Sockets>(
        phone: Client<R>,
        media: MediaId,
        folder: &Path,
        heard: Receiver<AudioFrame>,
        tell: Tell,
    ) -> anyhow::Result<Self> {
        let (path, file) = next(folder)?;
        let (words, taken) = bounded(WORDS);
        // What was heard before is not of this film.
        while heard.try_recv().is_ok() {}
        let mut steps = SelectAll::<BoxStream<'static, Step>>::new();
        let words_end = stream::once(async { Step::Ends });
        steps.push(taken.map(Step::Word).chain(words_end).boxed());
        steps.push(heard.map(|frame| Step::Frame(Track::AUDIO, frame.into())).boxed());
        steps.push(looks::<R>());
        let mut recorder = Recorder::new(R::now());
        recorder.announce(Track::AUDIO, MediaKind::Audio);
        let making = Making {
            phone,
            media,
            folder: folder.to_owned(),
            files: vec![path.clone()],
            tell,
            file: BufWriter::new(file),
            recorder,
            seen: Vec::new(),
            pictures: 0,
            sounds: 0,
        };
        let (writes, written) = bounded(1);
        (making.tell)(Told::File(path));
        R::spawn(async move {
            making.run(steps).await;
            drop(writes);
        })?;
        Ok(Self { words, written })
    }

    /// Closed when all of it is written and told.
    pub(crate) fn written(&self) -> Receiver<()> {
        self.written.clone()
    }

    /// True once it is made, or cannot be made any more.
    pub(crate) fn is_over(&self) -> bool {
        self.words.is_closed()
    }

    /// Takes a track that is there from now on.
    pub(crate) fn added(&self, track: Track) {
        // Whoever makes it may have failed, and said so.
        let _ = self.words.try_send(Word::Added(track));
    }

    /// Takes note that a track is gone.
    pub(crate) fn removed(&self, track: Track) {
        let _ = self.words.try_send(Word::Removed(track));
    }
}

/// Something that happens while a film is made.
enum Step {
    Word(Word),
    Frame(Track, Frame),
    /// It is time to look at what is due.
    Look,
    /// Nobody wants more of it.
    Ends,
}

/// A film, as whoever makes it has it.
struct Making<R> {
    phone: Client<R>,
    media: MediaId,
    folder: PathBuf,
    /// Its files: a track that the first has no place for begins another one.
    files: Vec<PathBuf>,
    tell: Tell,
    file: BufWriter<File>,
    recorder: Recorder<Track>,
    /// The tracks of pictures that are there.
    seen: Vec<Track>,
    pictures: u64,
    sounds: u64,
}

impl<R: Sockets> Making<R> {
    /// Makes it.
    async fn run(mut self, steps: SelectAll<BoxStream<'static, Step>>) {
        let made = self.make(steps).await;
        (self.tell)(Told::Over(made));
    }

    /// Makes it, and says what is in it.
    async fn make(
        &mut self,
        mut steps: SelectAll<BoxStream<'static, Step>>,
    ) -> anyhow::Result<String> {
        while let Some(step) = steps.next().await {
            match step {
                Step::Word(Word::Added(track)) => {
                    self.recorder.announce(track, track.kind);
                    self.seen.retain(|seen| *seen != track);
                    self.seen.push(track);
                    let frames = self.phone.track(self.id(track)).stream;
                    steps.push(frames.map(move |frame| Step::Frame(track, frame)).boxed());
                    self.want_keyframe(track);
                }
                Step::Word(Word::Removed(track)) => {
                    self.recorder.gone(&track);
                    self.seen.retain(|seen| *seen != track);
                }
                Step::Frame(track, frame) => self.take(track, frame)?,
                Step::Look => self.write(R::now())?,
                Step::Ends => break,
            }
        }
        self.finish()?;
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        let (pictures, sounds) = (self.pictures, self.sounds);
        Ok(format!("{}: {pictures} pictures, {sounds} packets of sound", files.join(", ")))
    }

    fn take(&mut self, track: Track, frame: Frame) -> anyhow::Result<()> {
        let count = match track.kind {
            MediaKind::Audio => &mut self.sounds,
            MediaKind::Video => &mut self.pictures,
        };
        // One that is too long is left out.
        let Ok(recorded) = self.recorder.record(R::now(), track, frame) else { return Ok(()) };
        match recorded {
            Recorded::Kept => *count += 1,
            Recorded::NoKeyframe => self.want_keyframe(track),
            Recorded::NewFile => {
                self.finish()?;
                let (path, file) = next(&self.folder)?;
                self.files.push(path.clone());
                (self.tell)(Told::File(path));
                self.file = BufWriter::new(file);
                self.recorder = self.recorder.successor(R::now());
                for track in self.seen.clone() {
                    self.want_keyframe(track);
                }
            }
            // It is left out.
            Recorded::OtherEncoding | Recorded::OtherCodec | Recorded::Full => {}
        }
        Ok(())
    }

    /// Asks for a picture that needs no other. Whether it comes is seen.
    fn want_keyframe(&self, track: Track) {
        drop(self.phone.request_keyframe(self.id(track)));
    }

    fn id(&self, track: Track) -> TrackId {
        TrackId { media: self.media, track }
    }

    fn write(&mut self, now: Instant) -> anyhow::Result<()> {
        let bytes = whole(|| self.recorder.take(now));
        self.file.write_all(&bytes).context("the film")
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        let bytes = whole(|| self.recorder.finish());
        self.file.write_all(&bytes).and_then(|()| self.file.flush()).context("the film")
    }
}

/// The bytes that are due. A frame that cannot be written is left out by the recorder, which goes on.
fn whole<E>(mut bytes: impl FnMut() -> Result<Vec<u8>, E>) -> Vec<u8> {
    loop {
        if let Ok(bytes) = bytes() {
            return bytes;
        }
    }
}

/// The next file of a folder: none is written over.
fn next(folder: &Path) -> anyhow::Result<(PathBuf, File)> {
    for n in 1..=MAX_FILMS {
        let path = folder.join(format!("meeting-{n}.webm"));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    anyhow::bail!("{} is full of films", folder.display())
}

fn looks<R: Sockets>() -> BoxStream<'static, Step> {
    let looks = stream::unfold((), |()| async {
        R::sleep(LOOK).await;
        Some((Step::Look, ()))
    });
    looks.boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_that_cannot_be_written_are_left_out_and_the_film_goes_on() {
        let mut answers = [Err(()), Err(()), Ok(vec![7])].into_iter();
        assert_eq!(whole(|| answers.next().unwrap()), [7]);
    }

    #[test]
    fn no_film_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        for n in 1..=2 {
            let (path, _) = next(folder.path()).unwrap();
            assert_eq!(path, folder.path().join(format!("meeting-{n}.webm")));
        }
        let error = next(&folder.path().join("nowhere")).expect_err("there is no folder");
        assert!(format!("{error:#}").contains("nowhere"), "{error:#}");
    }
}
