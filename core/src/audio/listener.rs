//! PCM without gaps, made from frames.

use std::time::{Duration, Instant};

use super::codec::Decoder;
use super::{AudioError, MAX_CONCEALED, Resampler, check_rate};
use crate::machine::{AudioCodec, AudioFrame};

/// The longest wait for a frame after the end of the one before.
const PATIENCE: Duration = Duration::from_millis(60);
/// The most that the output may be ahead of the clock.
const AHEAD: Duration = Duration::from_secs(1);
/// The length of the silence made up at a time while nothing comes.
const STEP: Duration = Duration::from_millis(20);

/// The numbers of frames that a [`Listener`] heard, and had to do without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Frames that came and could be decoded.
    pub decoded: u64,
    /// Frames that were lost, or could not be decoded, and that the codec made up.
    pub concealed: u64,
    /// Frames that were lost, and had of the copy that came with the next one.
    pub recovered: u64,
}

/// Makes PCM without gaps of encoded frames, at any rate, mono.
///
/// Frames may change their codec and their length as they like. What is missing between two is made
/// up, in its place: the last of those that were lost of the copy that a frame of Opus has of
/// the one before it (RFC 6716 section 2.1.7), where the far side sends such copies; up to ten others by
/// the codec (G.711 fades what came before, for 20 ms), the rest as silence; so is one that cannot be
/// decoded. [`Listener::counts`] tells how many. While nothing comes at all there is silence, too, for
/// whoever asks for it ([`Listener::next_wake`]).
///
/// Whatever the frames say, no more silence comes out than time has passed, and a second.
///
/// ```
/// use std::time::Instant;
/// use offhook::audio::{AudioEncoder, FRAME, Listener};
/// use offhook::media::AudioCodec;
///
/// let mut listener = Listener::new(16_000)?;
/// let mut encoder = AudioEncoder::new(AudioCodec::Opus)?;
/// let now = Instant::now();
/// assert_eq!(listener.hear(now, &encoder.encode(&[0; FRAME])?)?.len(), 320);
/// encoder.skip();
/// assert_eq!(listener.hear(now, &encoder.encode(&[0; FRAME])?)?.len(), 640);
/// # Ok::<(), offhook::audio::AudioError>(())
/// ```
pub struct Listener {
    counts: Counts,
    rate: u32,
    decoder: Option<Decoder>,
    resampler: Option<Resampler>,
    /// The media time that comes next, and the samples in the last frame.
    expected: Option<(u64, u64)>,
    /// Samples of the codec that were made up while nothing came.
    made_up: u64,
    /// The time of the first frame.
    began: Option<Instant>,
    /// Samples that came out.
    given: u64,
    /// The time at which silence begins if nothing comes.
    due: Option<Instant>,
}

impl Listener {
    /// A listener that gives PCM at this rate: a multiple of 50 Hz from 8 to 192 kHz.
    ///
    /// # Errors
    ///
    /// It is not.
    pub fn new(rate: u32) -> Result<Self, AudioError> {
        check_rate(rate)?;
        Ok(Self {
            counts: Counts::default(),
            rate,
            decoder: None,
            resampler: None,
            expected: None,
            made_up: 0,
            began: None,
            given: 0,
            due: None,
        })
    }

    /// Samples in a second of what comes out.
    #[must_use]
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The numbers of frames so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Decodes a frame, after what is missing before it. About as much comes out as goes in: of
    /// some rates less than 20 ms wait for the next frame.
    ///
    /// # Errors
    ///
    /// A codec cannot be set up. Payloads that cannot be decoded are no error, but made up.
    pub fn hear(&mut self, now: Instant, frame: &AudioFrame) -> Result<Vec<i16>, AudioError> {
        self.tune(frame.codec)?;
        self.began.get_or_insert(now);
        let mut out = Vec::new();
        self.fill(now, frame, &mut out)?;
        let Some(decoder) = &mut self.decoder else { return Ok(out) };
        let whole = u64::from(decoder.rate()) / 50;
        let usual = self.expected.map_or(whole, |(_, length)| length);
        let pcm = match decoder.decode(frame.codec, &frame.data) {
            Ok(pcm) => {
                self.counts.decoded += 1;
                pcm
            }
            Err(_) => {
                self.counts.concealed += 1;
                made_up(decoder, usual)?
            }
        };
        let length = pcm.len() as u64;
        let lasts = Duration::from_secs_f64(length as f64 / f64::from(decoder.rate()));
        self.give(&pcm, &mut out)?;
        self.expected = Some((frame.time.saturating_add(length), length));
        self.due = Some(now + lasts + PATIENCE);
        Ok(out)
    }

    /// The time at which there is silence, if no frame comes before. Never before the first frame.
    #[must_use]
    pub fn next_wake(&self) -> Option<Instant> {
        self.due
    }

    /// The silence that is due, if some is: 20 ms. Of what was due more than a second ago there is none
    /// any more. It stands for a frame that was left out; where one
    /// was only late, everything after it is.
    ///
    /// # Errors
    ///
    /// The resampler refuses.
    pub fn silence(&mut self, now: Instant) -> Result<Option<Vec<i16>>, AudioError> {
        let (Some(due), Some(decoder)) = (self.due.filter(|due| *due <= now), &self.decoder) else {
            return Ok(None);
        };
        let rate = u64::from(decoder.rate());
        // Whoever comes later than this, as after a sleep of the computer, has missed the rest.
        let due = due.max(now.checked_sub(AHEAD).unwrap_or(due));
        let missed = due.saturating_duration_since(self.due.unwrap_or(due)).as_secs_f64();
        let samples = rate / 50;
        let mut out = Vec::new();
        self.give_silence(samples, &mut out)?;
        self.made_up += samples + (missed * rate as f64) as u64;
        self.given += (missed * f64::from(self.rate)) as u64;
        self.due = Some(due + STEP);
        Ok(Some(out))
    }

    /// Makes ready for a codec.
    fn tune(&mut self, codec: AudioCodec) -> Result<(), AudioError> {
        let before = match &self.decoder {
            Some(decoder) if decoder.decodes(codec) => return Ok(()),
            Some(decoder) => decoder.rate(),
            None => codec.clock_rate(),
        };
        let own = codec.clock_rate();
        self.decoder = Some(Decoder::new(codec)?);
        self.resampler =
            if own == self.rate { None } else { Some(Resampler::new(own, self.rate)?) };
        self.made_up = self.made_up * u64::from(own) / u64::from(before);
        if let Some((_, length)) = &mut self.expected {
            *length = *length * u64::from(own) / u64::from(before);
        }
        Ok(())
    }

    /// Makes up what is missing before a frame.
    fn fill(
        &mut self,
        now: Instant,
        frame: &AudioFrame,
        out: &mut Vec<i16>,
    ) -> Result<(), AudioError> {
        let Some((expected, length)) = self.expected else { return Ok(()) };
        // The clock of a codec counts its samples.
        let gap = frame.time.saturating_sub(expected);
        let known = gap.min(self.made_up);
        // Where the far side's time stood still meanwhile, what is left stands for nothing to come.
        self.made_up = (self.made_up - known).min(u64::from(frame.codec.clock_rate()));
        let gap = (gap - known).min(self.room(now, frame.codec));
        let last = if frame.lost_before > 0 && gap >= length { length } else { 0 };
        let others =
            u64::from(frame.lost_before).saturating_sub(last.min(1)).min(MAX_CONCEALED.into());
        let made = (others * length).min(gap - last);
        self.conceal(made, length, out)?;
        self.give_silence(gap - made - last, out)?;
        let copy = self.decoder.as_mut().filter(|_| last > 0);
        match copy.and_then(|decoder| decoder.recover(&frame.data, last)) {
            Some(pcm) => {
                self.counts.recovered += 1;
                self.give(&pcm, out)
            }
            None => self.conceal(last, length, out),
        }
    }

    /// Gives so many samples of the codec's that were lost, of frames of this length.
    fn conceal(&mut self, samples: u64, length: u64, out: &mut Vec<i16>) -> Result<(), AudioError> {
        let Some(decoder) = self.decoder.as_mut().filter(|_| samples > 0) else { return Ok(()) };
        let pcm = made_up(decoder, samples)?;
        self.counts.concealed += samples.div_ceil(length.max(1));
        self.give(&pcm, out)
    }

    /// The number of samples of a codec that may be made up.
    fn room(&self, now: Instant, codec: AudioCodec) -> u64 {
        let passed =
            self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        let most = ((passed + AHEAD).as_secs_f64() * f64::from(self.rate)) as u64;
        most.saturating_sub(self.given) * u64::from(codec.clock_rate()) / u64::from(self.rate)
    }

    fn give(&mut self, pcm: &[i16], out: &mut Vec<i16>) -> Result<(), AudioError> {
        let before = out.len();
        match &mut self.resampler {
            Some(resampler) => out.extend(resampler.push(pcm)?),
            None => out.extend_from_slice(pcm),
        }
        self.given += (out.len() - before) as u64;
        Ok(())
    }

    /// Gives silence: of a long one most is not worth any work.
    fn give_silence(&mut self, samples: u64, out: &mut Vec<i16>) -> Result<(), AudioError> {
        let chunk = self.decoder.as_ref().map_or(0, |decoder| u64::from(decoder.rate()) / 50);
        // After so much nothing of what was before is left in the resampler.
        let soft = samples.min(4 * chunk);
        self.give(&vec![0; soft as usize], out)?;
        if let Some(whole) = (samples - soft).checked_div(chunk) {
            let long = whole * u64::from(self.rate) / 50;
            out.resize(out.len() + long as usize, 0);
            self.given += long;
            self.give(&vec![0; (samples - soft - whole * chunk) as usize], out)?;
        }
        Ok(())
    }
}

/// Makes up this many samples that nobody said.
fn made_up(decoder: &mut Decoder, samples: u64) -> Result<Vec<i16>, AudioError> {
    let mut pcm = Vec::new();
    while (pcm.len() as u64) < samples {
        pcm.extend(decoder.conceal()?);
    }
    pcm.truncate(samples as usize);
    Ok(pcm)
}
