//! Opus (RFC 6716), mono, 20 ms frames, by the `ropus` crate: pure Rust, no cmake, bit-exact
//! with the reference.

use ropus::{Application, Bitrate, Channels, DecodeMode, Decoder, Encoder, InbandFec};

use super::{AudioError, FRAME, RATE};
use crate::media::ExpectedLoss;
#[cfg(doc)]
use crate::media::rtp::has_fec;

/// The bit rate, at which speech is hard to tell from its source.
const BITRATE: u32 = 64_000;
/// The largest packet (RFC 6716 section 3.4: 1275 bytes for one frame).
const MAX_PACKET: usize = 1275;
/// The packets of a hundred that are expected to be lost, where nothing is known of the path.
pub(super) const EXPECTED_LOSS: u8 = ExpectedLoss::LEAST;
/// The most bytes of a frame of a pause, which is not to be sent: its TOC says all.
pub(super) const NOTHING: usize = 2;
/// The shortest frame, of which the lengths of all others are multiples: 2.5 ms.
const SHORTEST: usize = RATE as usize / 400;
/// The most samples that one packet may hold: 120 ms.
const MAX_SAMPLES: usize = 5760;

fn error(error: impl std::fmt::Display) -> AudioError {
    AudioError::Codec { codec: "opus", message: error.to_string() }
}

/// Encodes Opus, with forward error correction.
pub struct OpusEncoder(Encoder);

impl OpusEncoder {
    /// An encoder for speech.
    ///
    /// # Errors
    ///
    /// The codec cannot be set up.
    pub fn new() -> Result<Self, AudioError> {
        Encoder::builder(RATE, Channels::Mono, Application::Voip)
            .bitrate(Bitrate::try_bits(BITRATE).map_err(error)?)
            .complexity(5)
            .inband_fec(InbandFec::Enabled)
            .packet_loss_perc(EXPECTED_LOSS)
            .build()
            .map(Self)
            .map_err(error)
    }

    /// Makes ready for a path that loses so many packets of a hundred: each frame has a coarser copy
    /// of the one before it with it (RFC 6716 section 2.1.7), which costs bits. Nothing does where
    /// nothing is expected to be lost. 5 unless said otherwise.
    ///
    /// # Errors
    ///
    /// The codec refuses.
    pub fn set_expected_loss(&mut self, percent: u8) -> Result<(), AudioError> {
        let fec = if percent > 0 { InbandFec::Enabled } else { InbandFec::Disabled };
        self.0.set_packet_loss_perc(percent.min(100)).map_err(error)?;
        self.0.set_inband_fec(fec).map_err(error)
    }

    /// Discontinuous transmission: of a pause most frames are of two bytes at most, and not to be
    /// sent (RFC 7587 section 3.1.3). Off unless asked for.
    ///
    /// # Errors
    ///
    /// The codec refuses.
    pub fn set_dtx(&mut self, on: bool) -> Result<(), AudioError> {
        self.0.set_dtx(on).map_err(error)
    }

    /// Encodes one frame of [`FRAME`] samples.
    ///
    /// # Errors
    ///
    /// The codec refuses the frame.
    pub fn encode(&mut self, pcm: &[i16]) -> Result<Vec<u8>, AudioError> {
        let mut packet = vec![0; MAX_PACKET];
        let length = self.0.encode(pcm, &mut packet).map_err(error)?;
        packet.truncate(length);
        Ok(packet)
    }
}

/// Decodes Opus, mono or stereo, to mono.
pub struct OpusDecoder(Decoder);

impl OpusDecoder {
    /// A decoder.
    ///
    /// # Errors
    ///
    /// The codec cannot be set up.
    pub fn new() -> Result<Self, AudioError> {
        Decoder::new(RATE, Channels::Mono).map(Self).map_err(error)
    }

    /// Decodes one packet, to at most 120 ms.
    ///
    /// # Errors
    ///
    /// Not an Opus packet.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Vec<i16>, AudioError> {
        if packet.is_empty() {
            return self.conceal();
        }
        self.run(packet, MAX_SAMPLES, DecodeMode::Normal)
    }

    /// Makes up a lost frame of 20 ms.
    ///
    /// # Errors
    ///
    /// The codec refuses.
    pub fn conceal(&mut self) -> Result<Vec<i16>, AudioError> {
        self.run(&[], FRAME, DecodeMode::Normal)
    }

    /// Makes up the lost frame of so many samples before a packet: of the copy of it that came with
    /// the packet, where one did ([`has_fec`]). The packet itself is to be decoded afterwards.
    ///
    /// # Errors
    ///
    /// Not an Opus packet, or no frame has so many samples.
    pub fn recover(&mut self, next: &[u8], samples: usize) -> Result<Vec<i16>, AudioError> {
        if !(SHORTEST..=MAX_SAMPLES).contains(&samples) || !samples.is_multiple_of(SHORTEST) {
            return Err(error("no frame is so long"));
        }
        self.run(next, samples, DecodeMode::Fec)
    }

    fn run(
        &mut self,
        packet: &[u8],
        room: usize,
        mode: DecodeMode,
    ) -> Result<Vec<i16>, AudioError> {
        let mut pcm = vec![0; room];
        let samples = self.0.decode(packet, &mut pcm, mode).map_err(error)?;
        pcm.truncate(samples);
        Ok(pcm)
    }
}
