//! Opus (RFC 6716), mono, 20 ms frames, by the `ropus` crate: pure Rust, no cmake, bit-exact
//! with the reference.

use ropus::{Application, Bitrate, Channels, DecodeMode, Decoder, Encoder, InbandFec};

use super::{AudioError, FRAME, RATE};

/// The bit rate, at which speech is hard to tell from its source.
const BITRATE: u32 = 64_000;
/// The largest packet (RFC 6716 section 3.4: 1275 bytes for one frame).
const MAX_PACKET: usize = 1275;
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
            .packet_loss_perc(5)
            .build()
            .map(Self)
            .map_err(error)
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
        self.run(packet, MAX_SAMPLES)
    }

    /// Makes up a lost frame of 20 ms.
    ///
    /// # Errors
    ///
    /// The codec refuses.
    pub fn conceal(&mut self) -> Result<Vec<i16>, AudioError> {
        self.run(&[], FRAME)
    }

    fn run(&mut self, packet: &[u8], room: usize) -> Result<Vec<i16>, AudioError> {
        let mut pcm = vec![0; room];
        let samples = self.0.decode(packet, &mut pcm, DecodeMode::Normal).map_err(error)?;
        pcm.truncate(samples);
        Ok(pcm)
    }
}
