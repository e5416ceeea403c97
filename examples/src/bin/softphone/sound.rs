//! Sound from a microphone or a file, and to a loudspeaker and a file.

mod ends;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context as _, bail};
use console::style;
use offhook::audio::{RATE, wav};
use offhook::media::AudioFrame;
use offhook_runtime::{Audio, Recorder, SendError, Sockets};
use offhook_sound::{Card, Desk, Direction, FRAME, Line, News};
use smol::channel::{Receiver, bounded};

use self::ends::{Ends, Shelf, Speech, Taped};
use crate::ask::Place;
use crate::bell::Bell;
use crate::live::within;
use crate::news::{CallKey, Change, News as Told, Tell};
use crate::screen::{DeviceView, Meter, SoundView};
use crate::settings::Settings;
use crate::terminal::{say, tell};
use crate::voice;

/// The longest wait for recordings to be written: one of an hour takes seconds.
const WRITING: Duration = Duration::from_secs(60);
/// The frames of what is heard that wait for a film. Of more the newest are kept.
const COPIES: usize = 64;

/// See the [module](self).
#[derive(Clone)]
pub(crate) struct Sound {
    /// A file's PCM, in the place of the microphone.
    speech: Option<Arc<[i16]>>,
    shelf: Option<Arc<Shelf>>,
    /// The recordings that are being made: each closes when it is written.
    writing: Arc<Mutex<Vec<Receiver<()>>>>,
    /// The devices, unless none are wanted.
    desk: Option<Arc<Desk>>,
    lines: Lines,
    tell: Tell,
}

/// The lines that there are, by what carries their sound: a session may carry one call after the other.
type Lines = Arc<Mutex<BTreeMap<String, Carried>>>;

/// This computer's end of what carries calls, while there is one.
type Slot = Mutex<Option<Ends>>;

/// A slot, and the call that it is for.
struct Carried {
    slot: Weak<Slot>,
    call: Option<CallKey>,
    /// The maker of recordings, where they are wanted.
    recorder: Option<Recorder>,
}

impl Carried {
    /// Does something with its line, if it has one.
    fn with<T>(&self, does: impl FnOnce(&Line) -> T) -> Option<T> {
        let slot = self.slot.upgrade()?;
        lock(&slot).as_ref()?.line.as_ref().map(does)
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The commands that are about sound, as the help shows them.
pub(crate) const KEYS: &str = "\
  sound             show the devices, how loud it is, how late, and what went wrong
  speaker NAME      play on that device, or on the `default` one
  microphone NAME   record with that one
  volume 0-100      be it so loud";

impl Sound {
    /// The sound of some settings.
    pub(crate) fn new(settings: &Settings, tell: Tell) -> anyhow::Result<Self> {
        Self::at(offhook_sound::system, settings, tell)
    }

    /// The same at a card, which is made on the thread that keeps it.
    pub(crate) fn at(
        card: impl FnOnce() -> Box<dyn Card> + Send + 'static,
        settings: &Settings,
        tell: Tell,
    ) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| {
            let file = std::fs::read(path).with_context(|| path.display().to_string())?;
            wav::read(&file[..]).context("--wav-in")
        };
        let speech = settings.wav_in.as_ref().map(read).transpose()?.map(Into::into);
        let lines = Lines::default();
        let desk = if settings.no_sound {
            None
        } else {
            let desk = Desk::open(card, {
                let (tell, lines) = (Arc::clone(&tell), Arc::clone(&lines));
                move |news| told(&news, &lines, &tell)
            })
            .context("sound")?;
            desk.want(Direction::Output, settings.speaker.clone());
            desk.want(Direction::Input, settings.microphone.clone());
            voice::begin(&desk, settings.voice);
            Some(Arc::new(desk))
        };
        let shelf = settings.wav_out.clone().map(|to| Arc::new(Shelf::new(to, Arc::clone(&tell))));
        Ok(Self { speech, shelf, writing: Arc::default(), desk, lines, tell })
    }

    /// Takes note of what is told of calls as far as it matters to devices, before it is told on.
    pub(crate) fn overhears(&self, tell: Tell) -> Tell {
        let lines = Arc::clone(&self.lines);
        Arc::new(move |news| {
            if let Told::Call(call, Change::Muted(muted)) = &news {
                let lines = lock(&lines);
                let lines = lines.values().filter(|carried| carried.call.as_ref() == Some(call));
                lines.for_each(|carried| {
                    let _ = carried.with(|line| line.set_muted(*muted));
                });
            }
            tell(news);
        })
    }

    /// Takes note that the sound goes on by another carrier.
    pub(crate) fn moves(&self, from: &str, to: &str) {
        let mut lines = lock(&self.lines);
        if let Some(carried) = lines.remove(from) {
            lines.insert(to.to_owned(), carried);
        }
    }

    /// Has the devices be those of that call, for what its carrier was begun for. What is to be said is said from its
    /// beginning, and a recording begins, unless that goes on from another call to this one.
    pub(crate) fn carries(&self, carrier: &str, call: CallKey, muted: bool) {
        let mut lines = lock(&self.lines);
        let Some(carried) = lines.get_mut(carrier) else { return };
        carried.call = Some(call);
        let Some(slot) = carried.slot.upgrade() else { return };
        let mut ends = lock(&slot);
        let ends = ends.get_or_insert_with(|| self.ends(carried.recorder.as_ref()));
        // There may have been none to be had.
        ends.line = ends.line.take().or_else(|| self.open());
        ends.line.iter().for_each(|line| line.set_muted(muted));
    }

    /// Takes note that a call is over: what carried it may stay for the next one, and needs no devices until then.
    pub(crate) fn rests(&self, call: &CallKey) {
        for carried in lock(&self.lines).values_mut() {
            if carried.call.as_ref() == Some(call) {
                carried.call = None;
                carried.slot.upgrade().into_iter().for_each(|slot| drop(lock(&slot).take()));
            }
        }
    }

    /// Waits until all recordings of calls that are over are written.
    ///
    /// # Errors
    ///
    /// It takes longer than a minute.
    pub(crate) async fn written<R: Sockets>(&self) -> anyhow::Result<()> {
        let all = std::mem::take(&mut *lock(&self.writing));
        let all = async {
            for written in all {
                let _ = written.recv().await;
            }
        };
        within::<R, _>(WRITING, all).await.context("a recording could not be written in time")
    }

    /// True if there is something to say: a file, or what a microphone hears.
    pub(crate) fn speaks(&self) -> bool {
        self.speech.is_some() || self.desk.is_some()
    }

    /// Plays what is to be said, or says what the microphone hears; plays what is heard, and records it. Returns what is
    /// heard, as it comes. `carrier` is what carries the call for as long as the sound flows; there may be none yet, and no
    /// device is used until there is ([`Self::carries`]).
    pub(crate) fn begin<R: Sockets>(
        &self,
        carrier: &str,
        call: Option<CallKey>,
        audio: Audio,
    ) -> anyhow::Result<Receiver<AudioFrame>> {
        let complain = {
            let tell = Arc::clone(&self.tell);
            move |what: &dyn Display| tell(Told::Failed(format!("{what:#}")))
        };
        let recorder = self.shelf.is_some().then(|| audio.recorder());
        let Audio { sink, stream } = audio;
        let (copies, heard) = bounded(COPIES);
        let mut stream = stream.tap(move |frame| {
            let _ = copies.force_send(frame.clone());
        });
        let slot = self.slot(carrier, call, recorder);
        if self.desk.is_some() {
            let (slot, mut stream) = (Arc::clone(&slot), stream.pcm(RATE)?);
            R::spawn(async move {
                while let Some(pcm) = stream.read().await {
                    lock(&slot).iter().for_each(|ends| ends.hears(&pcm));
                }
            })?;
        } else {
            let slot = Arc::clone(&slot);
            R::spawn(async move {
                while stream.next().await.is_some() {}
                drop(slot);
            })?;
        }
        if self.speaks() {
            let mut sink = sink.pcm(RATE)?;
            R::spawn(async move {
                loop {
                    // Each takes as long as it lasts.
                    let said = lock(&slot).as_mut().map_or([0; FRAME], Ends::says);
                    match sink.write(&said).await {
                        Ok(()) => {}
                        Err(SendError::Ended) => return,
                        Err(error) => return complain(&error),
                    }
                }
            })?;
        }
        Ok(heard)
    }

    /// The place of this computer's end of a call.
    fn slot(&self, carrier: &str, call: Option<CallKey>, recorder: Option<Recorder>) -> Arc<Slot> {
        // Nothing is told of a line before it is known here.
        let mut lines = lock(&self.lines);
        let ends = call.is_some().then(|| self.ends(recorder.as_ref()));
        let slot = Arc::new(Mutex::new(ends));
        lines.retain(|_, carried| carried.slot.strong_count() > 0);
        let carried = Carried { slot: Arc::downgrade(&slot), call, recorder };
        lines.insert(carrier.to_owned(), carried);
        slot
    }

    /// This computer's end of a call that begins.
    fn ends(&self, recorder: Option<&Recorder>) -> Ends {
        let speech = self.speech.clone().map(|pcm| Speech { pcm, at: 0 });
        let taped = self.shelf.clone().zip(recorder).map(|(shelf, recorder)| {
            let (writes, written) = bounded(1);
            let mut writing = lock(&self.writing);
            writing.retain(|written| !written.is_closed());
            writing.push(written);
            Taped::new(recorder.record(), writes, shelf)
        });
        Ends { line: self.open(), speech, taped }
    }

    /// The devices of a call. With something else to say it needs no microphone.
    fn open(&self) -> Option<Line> {
        let desk = self.desk.as_ref()?;
        if self.speech.is_some() { desk.ear() } else { desk.line() }
    }

    /// Does what a word asks for; false if it is not about sound.
    pub(crate) fn command(&self, word: &str, rest: &str) -> anyhow::Result<bool> {
        let direction = match word {
            "speaker" => Direction::Output,
            "microphone" => Direction::Input,
            "sound" | "voice" => {
                let desk = self.desk()?;
                if word == "sound" {
                    show(desk);
                    return Ok(true);
                }
                return voice::command(desk, rest).map(|()| true);
            }
            "volume" => {
                let volume = rest.parse().ok().filter(|volume| *volume <= 100);
                self.desk()?.set_volume(volume.context("a volume is 0 to 100")?);
                return Ok(true);
            }
            _ => return Ok(false),
        };
        let desk = self.desk()?;
        let devices = desk.devices().unwrap_or_default();
        if rest == "default" {
            desk.want(direction, None);
        } else {
            let found = devices.of(direction).iter().find(|one| one.is_called(rest));
            let Some(found) = found else { bail!("no such device (`sound` lists them)") };
            desk.want(direction, Some(found.name.clone()));
        }
        Ok(true)
    }

    /// True if none is wanted.
    pub(crate) fn is_off(&self) -> bool {
        self.desk.is_none()
    }

    /// Wants a device, or the system's default.
    pub(crate) fn want(
        &self,
        bell: &Bell,
        place: Place,
        name: Option<String>,
    ) -> anyhow::Result<()> {
        match place {
            Place::Bell => bell.want(name),
            Place::Speaker | Place::Microphone => self.desk()?.want(place.direction(), name),
        }
        Ok(())
    }

    /// Has all calls be heard so loud.
    pub(crate) fn set_volume(&self, volume: u8) -> anyhow::Result<()> {
        self.desk()?.set_volume(volume);
        Ok(())
    }

    /// Switches a part of what makes a voice better.
    pub(crate) fn set_voice(&self, part: &str, on: bool) -> anyhow::Result<()> {
        voice::switch(self.desk()?, part, on)
    }

    /// The devices and the sound, as they are now.
    pub(crate) fn view(&self, bell: &Bell) -> SoundView {
        let Some(desk) = self.desk.as_deref() else {
            return SoundView { off: true, ..SoundView::default() };
        };
        let devices = desk.devices().unwrap_or_default();
        let words = |direction, name: &str| {
            let found = devices.of(direction).iter().find(|device| device.name == name);
            found.map_or(name, |device| &device.description).to_owned()
        };
        let meter = |direction| {
            let figures = desk.figures(direction);
            Meter {
                device: desk.place(direction).open.map(|name| words(direction, &name)),
                level: figures.level.rms,
                late: figures.delay(),
                glitches: figures.glitches.total() + figures.underruns,
            }
        };
        let mut all = Vec::new();
        for place in Place::ALL {
            let direction = place.direction();
            let wanted = match place {
                Place::Bell => bell.wanted(),
                Place::Speaker | Place::Microphone => desk.place(direction).wanted,
            };
            let there = devices.of(direction);
            if there.is_empty() {
                continue;
            }
            let chosen = wanted.is_none();
            let default = devices.default_of(direction).map(|name| words(direction, name));
            let default = default.map_or_else(String::new, |words| format!(": {words}"));
            let view = |name, words, chosen| DeviceView { place, name, words, chosen };
            all.push(view(None, format!("the system's default{default}"), chosen));
            all.extend(there.iter().map(|device| {
                let chosen = wanted.as_ref().is_some_and(|name| device.is_called(name));
                view(Some(device.name.clone()), device.description.clone(), chosen)
            }));
        }
        SoundView {
            off: false,
            volume: desk.volume(),
            microphone: meter(Direction::Input),
            speaker: meter(Direction::Output),
            bell: bell.wanted().map(|name| words(Direction::Output, &name)),
            devices: all,
            voice: voice::view(desk),
        }
    }

    fn desk(&self) -> anyhow::Result<&Desk> {
        self.desk.as_deref().context("there is no sound: it was switched off by --no-sound")
    }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Output => "speaker",
        Direction::Input => "microphone",
    }
}

/// Says what happened to the devices.
fn told(news: &News, lines: &Lines, tell: &Tell) {
    if let News::Mute(of) = news {
        let is_it = |one: &&Carried| one.with(Line::id) == Some(*of);
        let call = lock(lines).values().find(is_it).and_then(|carried| carried.call.clone());
        return call.into_iter().for_each(|call| tell(Told::Speechless(call)));
    }
    let warn = |line: String| style(line).yellow().to_string();
    tell(Told::Said(match news {
        News::Uses { direction, description } => format!("{}: {description}", word(*direction)),
        News::Silent { direction } => {
            warn(format!("no {}: silence until there is one", word(*direction)))
        }
        News::Refused(error) => warn(error.to_string()),
        News::NoCard(error) => warn(format!(
            "no sound: {error}; calls are silent until there is (--no-sound asks for none)"
        )),
        News::CardFound => "there is sound again".to_owned(),
        _ => return,
    }));
}

/// Shows the devices and the figures.
fn show(desk: &Desk) {
    let Some(devices) = desk.devices() else {
        match desk.missing() {
            Some(error) => say(&style(format!("no sound: {error}")).yellow().to_string()),
            None => say("devices are being looked for"),
        }
        return;
    };
    for direction in [Direction::Output, Direction::Input] {
        let place = desk.place(direction);
        let figures = desk.figures(direction);
        let state =
            if place.open.is_some() { figures.to_string() } else { "not in use".to_owned() };
        tell(format_args!("  {}: {state}", style(word(direction)).bold()));
        for device in devices.of(direction) {
            let is = |name: Option<&str>| name == Some(device.name.as_str());
            let mark = if is(place.open.as_deref()) { '*' } else { ' ' };
            let default = if is(devices.default_of(direction)) { " (default)" } else { "" };
            let wanted = if is(place.wanted.as_deref()) { " (wanted)" } else { "" };
            tell(format_args!("  {mark} {}  {}{default}{wanted}", device.name, device.description));
        }
    }
    tell(format_args!("  volume: {}", desk.volume()));
    voice::show(desk);
}
