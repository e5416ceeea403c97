//! WAV files, by the `hound` crate.

use std::io::{Read, Seek, Write};

use super::{AudioError, RATE, resample};

/// The longest recording read, in seconds.
const MAX_LENGTH: u32 = 3600;

fn error(error: impl std::fmt::Display) -> AudioError {
    AudioError::Wav(error.to_string())
}

/// Reads a WAV file, to 48 kHz mono PCM: channels are mixed, other rates converted.
///
/// # Errors
///
/// [`AudioError::Wav`] when it is no WAV file, of an unknown sample format, or longer than an
/// hour.
pub fn read(from: impl Read) -> Result<Vec<i16>, AudioError> {
    let mut reader = hound::WavReader::new(from).map_err(error)?;
    let spec = reader.spec();
    if spec.channels == 0 || reader.duration() / MAX_LENGTH >= spec.sample_rate.max(1) {
        return Err(AudioError::Wav("empty or too long".to_owned()));
    }
    let samples: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => {
            reader.samples::<f32>().collect::<Result<_, _>>().map_err(error)?
        }
        hound::SampleFormat::Int if spec.bits_per_sample > 32 => {
            return Err(AudioError::Wav(format!("samples of {} bits", spec.bits_per_sample)));
        }
        hound::SampleFormat::Int => {
            let scale = (1_i64 << (spec.bits_per_sample.max(1) - 1)) as f32;
            reader
                .samples::<i32>()
                .map(|s| s.map(|s| s as f32 / scale))
                .collect::<Result<_, _>>()
                .map_err(error)?
        }
    };
    let channels = usize::from(spec.channels);
    let mono: Vec<i16> = samples
        .chunks(channels)
        .map(|c| (c.iter().sum::<f32>() / channels as f32 * 32_768.0).round() as i16)
        .collect();
    resample(&mono, spec.sample_rate, RATE)
}

/// Writes 48 kHz mono 16-bit PCM.
///
/// # Errors
///
/// [`AudioError::Wav`] when it cannot be written.
pub fn write(to: impl Write + Seek, pcm: &[i16]) -> Result<(), AudioError> {
    write_at(to, RATE, &[pcm])
}

/// Writes 16-bit PCM at any rate, one channel or several, as long as the shortest of them.
///
/// # Errors
///
/// [`AudioError::Wav`] when it cannot be written.
pub fn write_at(
    to: impl Write + Seek,
    sample_rate: u32,
    channels: &[&[i16]],
) -> Result<(), AudioError> {
    let spec = hound::WavSpec {
        channels: channels.len() as u16,
        sample_rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::new(to, spec).map_err(error)?;
    let length = channels.iter().map(|channel| channel.len()).min().unwrap_or_default();
    for n in 0..length {
        for channel in channels {
            writer.write_sample(channel[n]).map_err(error)?;
        }
    }
    writer.finalize().map_err(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn what_is_written_is_read() {
        let pcm: Vec<i16> = (0..1000).map(|n| (n * 31 % 2000) as i16 - 1000).collect();
        let mut file = Cursor::new(Vec::new());
        write(&mut file, &pcm).unwrap();
        assert_eq!(read(Cursor::new(file.into_inner())).unwrap(), pcm);
    }

    #[test]
    fn any_usual_rate_and_several_channels_are_read_in_their_place() {
        for rate in [8_000, 11_025, 22_050, 44_100, 48_000, 96_000] {
            let one = vec![1_000; rate as usize];
            let mut file = Cursor::new(Vec::new());
            write_at(&mut file, rate, &[&one, &vec![3_000; rate as usize]]).unwrap();
            let pcm = read(Cursor::new(file.into_inner())).unwrap();
            assert_eq!(pcm.len(), RATE as usize, "{rate}");
            let whole = &pcm[2_000..46_000];
            assert!(whole.iter().all(|sample| (1_950..2_050).contains(sample)), "{rate}");
        }
    }

    #[test]
    fn samples_of_more_bits_than_there_are_is_a_typed_error() {
        let mut file = Cursor::new(Vec::new());
        write(&mut file, &[1, 2, 3]).unwrap();
        let mut file = file.into_inner();
        // In `fmt `: the bytes of a sample of all channels, and its bits.
        file[32..34].copy_from_slice(&9_u16.to_le_bytes());
        file[34..36].copy_from_slice(&72_u16.to_le_bytes());
        assert!(matches!(read(&file[..]), Err(AudioError::Wav(_))));
    }

    #[test]
    fn junk_is_a_typed_error() {
        for junk in [&b""[..], b"RIFF", b"not a wav file at all, not even close to one"] {
            assert!(matches!(read(junk), Err(AudioError::Wav(_))));
        }
    }
}
