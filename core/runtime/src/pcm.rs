//! PCM in and out of a session's audio.

use std::future::{Future, poll_fn};
use std::io::Read;
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::Sink as _;
use futures_util::future::{Either, select};
use offhook::audio::{AudioError, Listener, RATE, Speaker, wav};
use offhook::media::{Agreement, AudioFrame};

use crate::audio::{Audio, AudioReceiver, AudioSender};
use crate::error::SendError;

impl Audio {
    /// PCM at this rate instead of encoded frames: 16 bits, mono, any multiple of 50 Hz from 8 to
    /// 192 kHz.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn pcm(self, rate: u32) -> Result<Pcm, AudioError> {
        Ok(Pcm { sink: self.sink.pcm(rate)?, stream: self.stream.pcm(rate)? })
    }

    /// Plays a WAV file ([`AudioSender::play`]).
    pub fn play<W: Read>(
        &mut self,
        wav: W,
    ) -> impl Future<Output = Result<(), SendError>> + Send + use<'_, W> {
        self.sink.play(wav)
    }
}

impl AudioReceiver {
    /// PCM at this rate instead of encoded frames ([`Audio::pcm`]).
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn pcm(self, rate: u32) -> Result<PcmReceiver, AudioError> {
        Ok(PcmReceiver { stream: self, listener: Listener::new(rate)? })
    }
}

impl AudioSender {
    /// PCM at this rate instead of encoded frames ([`Audio::pcm`]).
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn pcm(self, rate: u32) -> Result<PcmSender, AudioError> {
        Ok(PcmSender { sink: self, speaker: Speaker::new(rate)? })
    }

    /// Plays a WAV file, an hour at most, from bytes or whatever else can be read: in the codec that is
    /// agreed on, at the pace of speech, from when media is connected until its last frame is sent.
    ///
    /// Dropping the future stops it at once; audio goes on with whatever is sent next.
    ///
    /// # Errors
    ///
    /// It is no WAV file, or the audio ended before.
    pub fn play<W: Read>(
        &mut self,
        wav: W,
    ) -> impl Future<Output = Result<(), SendError>> + Send + use<'_, W> {
        let pcm = wav::read(wav);
        async move {
            let mut speaker = Speaker::new(RATE)?;
            for piece in pcm?.chunks((RATE / 50) as usize) {
                speaker.write(self.timer.clock.now(), piece)?;
                say(self, &mut speaker, AHEAD).await?;
            }
            speaker.finish(self.timer.clock.now());
            say(self, &mut speaker, Duration::ZERO).await
        }
    }
}

/// Both directions of one session's audio, as PCM.
#[derive(Debug)]
pub struct Pcm {
    /// The sender of PCM to the far side.
    pub sink: PcmSender,
    /// The receiver of PCM from the far side.
    pub stream: PcmReceiver,
}

impl Pcm {
    /// Says PCM ([`PcmSender::write`]).
    ///
    /// # Errors
    ///
    /// The audio has ended.
    pub async fn write(&mut self, pcm: &[i16]) -> Result<(), SendError> {
        self.sink.write(pcm).await
    }

    /// Hears PCM ([`PcmReceiver::read`]).
    pub async fn read(&mut self) -> Option<Vec<i16>> {
        self.stream.read().await
    }
}

/// Says PCM to the far side: in the codec that is agreed on at the time, 20 ms a frame, with copies for the loss that the
/// far side reports ([`offhook::media::ExpectedLoss`]).
pub struct PcmSender {
    sink: AudioSender,
    speaker: Speaker,
}

impl PcmSender {
    /// Says it, at its own pace: this takes as long as the sound does, and longer before media is
    /// connected. So whoever makes it is never far ahead, and nothing is lost. Less than 20 ms wait for
    /// what is written next, or for [`PcmSender::finish`].
    ///
    /// Dropping the future stops it at once: of the rest less than 100 ms are said with what comes
    /// next, unless that is forgotten ([`PcmSender::clear`]).
    ///
    /// # Errors
    ///
    /// The audio has ended.
    pub async fn write(&mut self, pcm: &[i16]) -> Result<(), SendError> {
        for piece in pcm.chunks((self.speaker.rate() / 50) as usize) {
            say(&mut self.sink, &mut self.speaker, AHEAD).await?;
            self.speaker.write(self.sink.timer.clock.now(), piece)?;
        }
        say(&mut self.sink, &mut self.speaker, Duration::ZERO).await
    }

    /// Says what is left of the last frame, with silence after it.
    ///
    /// # Errors
    ///
    /// The audio has ended.
    pub async fn finish(&mut self) -> Result<(), SendError> {
        self.speaker.finish(self.sink.timer.clock.now());
        say(&mut self.sink, &mut self.speaker, Duration::ZERO).await
    }

    /// Forgets what waits: it is not said.
    pub fn clear(&mut self) {
        self.speaker.clear();
    }

    /// Discontinuous transmission ([`Speaker::set_dtx`]). Without a word, or with `None`, it is on where the far side
    /// asks for it, or the settings do ([`Agreement::dtx`]).
    pub fn set_dtx(&mut self, on: impl Into<Option<bool>>) {
        self.speaker.set_dtx(on);
    }

    /// Makes ready for a path that loses so many packets of a hundred ([`Speaker::set_expected_loss`]). Without a word,
    /// or with `None`, for as many as the far side reports ([`Agreement::expected_loss`]).
    pub fn set_expected_loss(&mut self, percent: impl Into<Option<u8>>) {
        self.speaker.set_expected_loss(percent);
    }

    /// The agreement with the far side that is in force ([`AudioSender::agreement`]).
    #[must_use]
    pub fn agreement(&self) -> Option<Agreement> {
        self.sink.agreement()
    }
}

impl std::fmt::Debug for PcmSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PcmSender")
    }
}

/// The audio that waits while something is said, so that whoever is busy for a moment leaves no
/// gap.
const AHEAD: Duration = Duration::from_millis(60);

/// The length of a frame.
const FRAME_TIME: Duration = Duration::from_millis(20);

/// Says what waits, each frame when it is due, until no more is left.
async fn say(
    sink: &mut AudioSender,
    speaker: &mut Speaker,
    left: Duration,
) -> Result<(), SendError> {
    while left.is_zero() || speaker.waiting() > left {
        speaker.follow(&sink.connected().await?);
        let now = sink.timer.clock.now();
        match speaker.next_wake(now) {
            None => return Ok(()),
            Some(at) if at > now => sink.timer.sleep_until(at).await,
            Some(_) => {
                poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await?;
                if let Some(frame) = speaker.frame(now)? {
                    pass(sink, &frame).await?;
                }
            }
        }
    }
    Ok(())
}

/// Sends a frame, after what was sent before media connected and is still on its way out.
async fn pass(sink: &mut AudioSender, frame: &AudioFrame) -> Result<(), SendError> {
    loop {
        poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx)).await?;
        match Pin::new(&mut *sink).start_send(frame.clone()) {
            // The codec may change at any time, and a frame of the last one is too late.
            Ok(()) | Err(SendError::NotAgreed { .. }) => return Ok(()),
            Err(SendError::TooEarly) => {
                sink.timer.sleep_until(sink.timer.clock.now() + FRAME_TIME).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Hears PCM from the far side: whatever the codec, without gaps, as [`Listener`] makes it.
pub struct PcmReceiver {
    stream: AudioReceiver,
    listener: Listener,
}

impl PcmReceiver {
    /// Reads what is heard next, some 20 ms of it; `None` once the audio has ended. From the first
    /// frame on it goes on all the time: while nothing comes there is silence.
    ///
    /// Dropping the future loses nothing.
    pub async fn read(&mut self) -> Option<Vec<i16>> {
        loop {
            let pcm = match self.frame().await {
                Some(frame) => {
                    let frame = frame?;
                    let now = self.stream.timer.clock.now();
                    self.listener.hear(now, &frame)
                }
                None => self
                    .listener
                    .silence(self.stream.timer.clock.now())
                    .map(Option::unwrap_or_default),
            };
            match pcm {
                Ok(pcm) if pcm.is_empty() => {}
                Ok(pcm) => return Some(pcm),
                Err(error) => tracing::error!(%error, "audio cannot be decoded"),
            }
        }
    }

    /// The next frame, or the end; none where it is time for silence.
    async fn frame(&mut self) -> Option<Option<AudioFrame>> {
        let Some(at) = self.listener.next_wake() else { return Some(self.stream.next().await) };
        let timer = self.stream.timer.clone();
        // Whatever has come is before.
        match select(pin!(self.stream.next()), pin!(timer.sleep_until(at))).await {
            Either::Left((frame, _)) => Some(frame),
            Either::Right(((), _)) => None,
        }
    }
}

impl std::fmt::Debug for PcmReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PcmReceiver")
    }
}
