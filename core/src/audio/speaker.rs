//! Frames in time, made from PCM.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::codec::{Encoder, Habits};
use super::{AudioError, Resampler, check_rate};
use crate::machine::{AudioCodec, AudioFrame};
use crate::media::Agreement;

/// The time between two frames, and the length of each.
const PACE: Duration = Duration::from_millis(20);
/// The longest lateness of writing that goes on where the last one stopped; later, it was a pause.
const SLACK: Duration = Duration::from_millis(60);
/// The longest lateness at which all that waits is had at once; later, it is said from then on.
const LATE: Duration = Duration::from_millis(500);
/// The loudest sample of silence: not more than the noise of rounding. It is no detector of voices.
const SILENCE: u16 = 8;
/// Frames of silence that are sent before the others are left out.
const HANGOVER: u32 = 5;
/// The frames of a pause of which one goes out, so that nobody takes the stream for dead.
const REMINDER: u32 = 20;

/// Makes encoded frames of PCM: 20 ms each, resampled, and in time.
///
/// PCM comes in pieces of any length ([`Speaker::write`]) and waits until it is due; what is due is
/// had from [`Speaker::frame`], at the latest at [`Speaker::next_wake`]. Media time goes on with
/// what is said and, in pauses, with the clock; the first frame after a pause begins a talkspurt.
///
/// ```
/// use std::time::{Duration, Instant};
/// use offhook::audio::Speaker;
/// use offhook::media::AudioCodec;
///
/// let mut now = Instant::now();
/// let mut speaker = Speaker::new(16_000)?;
/// speaker.write(now, &[0; 400])?;
/// speaker.finish(now);
/// assert_eq!(speaker.frame(now)?, None, "nothing is negotiated yet: it waits");
/// speaker.set_codec(AudioCodec::Pcmu);
/// let first = speaker.frame(now)?.expect("it is due");
/// assert_eq!((first.time, first.data.len(), first.talkspurt), (0, 160, true));
/// assert_eq!(speaker.frame(now)?, None, "the next one is not");
/// now = speaker.next_wake(now).expect("there is more");
/// let second = speaker.frame(now)?.expect("the rest, and silence");
/// assert_eq!((second.time, second.data.len(), second.talkspurt), (160, 160, false));
/// # Ok::<(), offhook::audio::AudioError>(())
/// ```
pub struct Speaker {
    rate: u32,
    /// Samples in 20 ms at that rate.
    length: usize,
    /// The samples that wait to be said.
    pcm: VecDeque<i16>,
    /// The time since which that is a whole frame.
    ready: Option<Instant>,
    codec: Option<AudioCodec>,
    coder: Option<Coder>,
    phase: Phase,
    /// The media time of the next frame.
    time: u64,
    /// The ways that the far side asks for.
    asked: Habits,
    /// Those that the application wants instead.
    own: Own,
    /// Frames of silence in a row.
    silent: u32,
    /// True if the next frame begins a talkspurt.
    spurt: bool,
}

/// The state of a speaker: silent so far, or speaking.
enum Phase {
    /// Nothing was said yet.
    New,
    /// The next frame is due then, or was: a pause begins a while after that.
    Speaking(Instant),
}

/// The ways of an encoder that the application decides on, where it does.
#[derive(Clone, Copy, Default)]
struct Own {
    expected_loss: Option<u8>,
    dtx: Option<bool>,
}

/// The encoder and the resampler for one codec.
struct Coder {
    encoder: Encoder,
    /// As it was told.
    habits: Habits,
    resampler: Option<Resampler>,
}

impl Coder {
    fn new(codec: AudioCodec, rate: u32) -> Result<Self, AudioError> {
        let own = codec.clock_rate();
        let resampler = if rate == own { None } else { Some(Resampler::new(rate, own)?) };
        Ok(Self { encoder: Encoder::new(codec)?, habits: Habits::default(), resampler })
    }

    fn encode(&mut self, pcm: &[i16]) -> Result<Bytes, AudioError> {
        Ok(match &mut self.resampler {
            Some(resampler) => self.encoder.encode(&resampler.process(pcm)?)?,
            None => self.encoder.encode(pcm)?,
        }
        .into())
    }
}

impl Speaker {
    /// The longest audio that may wait to be said; what is beyond is refused.
    pub const MAX_QUEUE: Duration = Duration::from_secs(60);

    /// A speaker that is given PCM at this rate, mono: a multiple of 50 Hz from 8 to 192 kHz.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn new(rate: u32) -> Result<Self, AudioError> {
        check_rate(rate)?;
        Ok(Self {
            rate,
            length: (rate / 50) as usize,
            pcm: VecDeque::new(),
            ready: None,
            codec: None,
            coder: None,
            phase: Phase::New,
            time: 0,
            asked: Habits::default(),
            own: Own::default(),
            silent: 0,
            spurt: true,
        })
    }

    /// Samples in a second of what is written.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Speaks in this codec from the next frame on. Until there is one, what is written waits.
    pub fn set_codec(&mut self, codec: AudioCodec) {
        self.codec = Some(codec);
    }

    /// Speaks as the terms with the far side are, from the next frame on: in their codec, with copies for the loss that
    /// it reports, and without pauses where it wants none. Call it for each
    /// [`EngineEvent::Agreed`](crate::media::EngineEvent::Agreed) and its like.
    pub fn follow(&mut self, terms: &Agreement) {
        self.set_codec(terms.codec);
        self.asked = Habits { expected_loss: terms.expected_loss, dtx: terms.dtx };
    }

    /// Discontinuous transmission: of silence longer than 100 ms only one frame in 400 ms goes out; so
    /// it is with what Opus itself takes for a pause (RFC 7587 section 3.1.3). What follows begins a
    /// talkspurt. Some far ends take a stream that pauses for one that is broken: without a word, or with
    /// `None`, it is on where the [terms](Speaker::follow) say so.
    pub fn set_dtx(&mut self, on: impl Into<Option<bool>>) {
        self.own.dtx = on.into();
    }

    /// Makes ready for a path that loses so many packets of a hundred, from the next frame on: a frame
    /// of Opus brings a copy of the one before it, unless nothing is expected to be lost. Without a word, or with
    /// `None`, the [terms](Speaker::follow) say how many, which follow what the far side reports
    /// ([`ExpectedLoss`](crate::media::ExpectedLoss)); 5 without terms.
    pub fn set_expected_loss(&mut self, percent: impl Into<Option<u8>>) {
        self.own.expected_loss = percent.into();
    }

    /// The ways of the encoder.
    fn habits(&self) -> Habits {
        Habits {
            expected_loss: self.own.expected_loss.unwrap_or(self.asked.expected_loss),
            dtx: self.own.dtx.unwrap_or(self.asked.dtx),
        }
    }

    /// Takes PCM, to be said after what waits already.
    ///
    /// # Errors
    ///
    /// [`AudioError::QueueFull`]: there is no room for all of it, and none of it was taken.
    pub fn write(&mut self, now: Instant, pcm: &[i16]) -> Result<(), AudioError> {
        let room = self.room();
        if pcm.len() > room {
            return Err(AudioError::QueueFull { room });
        }
        self.pcm.extend(pcm);
        self.look(now);
        Ok(())
    }

    /// The number of samples that may be written now.
    #[must_use]
    pub fn room(&self) -> usize {
        let most = self.rate as usize * Self::MAX_QUEUE.as_secs() as usize;
        most.saturating_sub(self.pcm.len())
    }

    /// The length of the audio that waits.
    #[must_use]
    pub fn waiting(&self) -> Duration {
        Duration::from_secs_f64(self.pcm.len() as f64 / f64::from(self.rate))
    }

    /// Fills the last frame with silence, so that all that was written is said. Otherwise what is
    /// short of a frame waits for what is written next.
    pub fn finish(&mut self, now: Instant) {
        if self.pcm.is_empty() {
            return;
        }
        // What the resampler still has comes out with the silence.
        let held = match self.codec {
            Some(codec) if codec.clock_rate() == self.rate => 0,
            Some(_) | None => self.length / 2,
        };
        let whole = (self.pcm.len() + held).next_multiple_of(self.length);
        self.pcm.resize(whole, 0);
        self.look(now);
    }

    /// Forgets what waits: it is not said.
    pub fn clear(&mut self) {
        self.pcm.clear();
        self.ready = None;
    }

    /// The frame that is due, if one is.
    ///
    /// # Errors
    ///
    /// The codec cannot be set up, or refuses; the frame is left out.
    pub fn frame(&mut self, now: Instant) -> Result<Option<AudioFrame>, AudioError> {
        while self.next_wake(now).is_some_and(|at| at <= now) {
            let Some(codec) = self.codec else { return Ok(None) };
            let ticks = u64::from(codec.clock_rate()) / 50;
            let due = self.begin(now, ticks);
            let time = self.time;
            self.time = self.time.wrapping_add(ticks);
            self.phase = Phase::Speaking(due + PACE);
            let pcm: Vec<i16> = self.pcm.drain(..self.length).collect();
            self.look(now);
            if self.is_left_out(&pcm) {
                self.spurt = true;
                continue;
            }
            let Some(data) = self.encode(codec, &pcm)? else {
                self.spurt = true;
                continue;
            };
            let talkspurt = std::mem::take(&mut self.spurt);
            return Ok(Some(AudioFrame { codec, time, lost_before: 0, talkspurt, data }));
        }
        Ok(None)
    }

    /// The time of the next frame; none where too little waits, or nothing is negotiated yet. In
    /// the past where it is late.
    #[must_use]
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        if self.codec.is_none() || self.pcm.len() < self.length {
            return None;
        }
        Some(match self.phase {
            Phase::New => now,
            Phase::Speaking(due) => due,
        })
    }

    /// Notes since when a whole frame waits, if one does.
    fn look(&mut self, now: Instant) {
        let whole = self.pcm.len() >= self.length;
        self.ready = whole.then(|| self.ready.unwrap_or(now));
    }

    /// The time at which the frame that is about to be said is due. A pause before it is added to the
    /// times of frames.
    fn begin(&mut self, now: Instant, ticks: u64) -> Instant {
        let due = match self.phase {
            Phase::New => return now,
            Phase::Speaking(due) => due,
        };
        let late = now.saturating_duration_since(due);
        let written = self.ready.map_or(late, |ready| ready.saturating_duration_since(due));
        if written <= SLACK && late <= LATE {
            return due;
        }
        self.spurt = true;
        let frames = (late.as_millis() / PACE.as_millis()) as u64;
        self.time = self.time.wrapping_add(frames.saturating_mul(ticks));
        now
    }

    fn is_left_out(&mut self, pcm: &[i16]) -> bool {
        let silent = self.habits().dtx && pcm.iter().all(|sample| sample.unsigned_abs() <= SILENCE);
        self.silent = if silent { self.silent.saturating_add(1) } else { 0 };
        self.silent > HANGOVER && !self.silent.is_multiple_of(REMINDER)
    }

    /// Encodes a frame; none where that says nothing, and is not to be sent.
    fn encode(&mut self, codec: AudioCodec, pcm: &[i16]) -> Result<Option<Bytes>, AudioError> {
        let habits = self.habits();
        let coder = match &mut self.coder {
            Some(coder) if coder.encoder.codec() == codec => coder,
            coder => coder.insert(Coder::new(codec, self.rate)?),
        };
        if coder.habits != habits {
            coder.encoder.set(habits)?;
            coder.habits = habits;
        }
        let data = coder.encode(pcm)?;
        let nothing = habits.dtx && coder.encoder.is_nothing(&data);
        Ok((!nothing).then_some(data))
    }
}
