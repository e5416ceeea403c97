//! The devices of macOS and Windows.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{ErrorKind, SampleFormat, StreamConfig, SupportedStreamConfigRange};

use crate::RATE;
use crate::card::{Card, CardError, Changes, Device, Devices, Stream};
use crate::ends::{Microphone, Speaker};

/// The time between two looks at the devices.
const LOOK: Duration = Duration::from_secs(1);
/// The longest wait for a device to open.
const PATIENCE: Duration = Duration::from_secs(2);

/// The devices of macOS and Windows, by the `cpal` crate.
///
/// It tells neither when devices come and go nor which became the default: that is looked at once a second. Devices
/// that have no 48 kHz are refused.
pub struct Cpal {
    open: BTreeMap<Stream, cpal::Stream>,
    known: Devices,
    looked: Option<Instant>,
    stopped: (Sender<Stream>, Receiver<Stream>),
}

impl Default for Cpal {
    fn default() -> Self {
        Self { open: BTreeMap::new(), known: Devices::default(), looked: None, stopped: channel() }
    }
}

fn name(device: &cpal::Device) -> String {
    device.to_string()
}

fn list() -> Result<Devices, CardError> {
    let host = cpal::default_host();
    let known = |device: cpal::Device| {
        let name = name(&device);
        Device { description: name.clone(), name, monitor: false }
    };
    let gone = |error: cpal::Error| CardError::Gone(error.to_string());
    Ok(Devices {
        outputs: host.output_devices().map_err(gone)?.map(known).collect(),
        inputs: host.input_devices().map_err(gone)?.map(known).collect(),
        default_output: host.default_output_device().as_ref().map(name),
        default_input: host.default_input_device().as_ref().map(name),
    })
}

fn refused(device: &str, why: impl std::fmt::Display) -> CardError {
    CardError::Refused { device: device.to_owned(), why: why.to_string() }
}

/// The form in which a device is opened: 48 kHz with as few channels as it likes, floats before integers.
fn form(
    device: &str,
    forms: impl Iterator<Item = SupportedStreamConfigRange>,
) -> Result<(SampleFormat, StreamConfig), CardError> {
    let fits = |form: &SupportedStreamConfigRange| {
        form.min_sample_rate() <= RATE
            && RATE <= form.max_sample_rate()
            && matches!(form.sample_format(), SampleFormat::F32 | SampleFormat::I16)
    };
    let best = forms
        .filter(fits)
        .min_by_key(|form| (form.channels(), form.sample_format() != SampleFormat::F32));
    let best = best.ok_or_else(|| refused(device, "it has no 48 kHz"))?.with_sample_rate(RATE);
    Ok((best.sample_format(), best.config()))
}

impl Cpal {
    /// The devices that there are. An error closes all.
    fn list(&mut self) -> Result<Devices, CardError> {
        list().inspect_err(|_| self.open.clear())
    }

    /// Tells when a stream ends; what it goes on after is nothing to tell.
    fn watch(&self, stream: Stream) -> impl FnMut(cpal::Error) + Send + 'static {
        let stopped = self.stopped.0.clone();
        move |error| match error.kind() {
            ErrorKind::Xrun | ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => {}
            // The card may be gone before its streams.
            _ => drop(stopped.send(stream)),
        }
    }
}

impl Card for Cpal {
    fn devices(&mut self) -> Result<Devices, CardError> {
        self.known = self.list()?;
        Ok(self.known.clone())
    }

    fn play(&mut self, stream: Stream, device: &str, mut from: Speaker) -> Result<(), CardError> {
        let error = |error: cpal::Error| refused(device, error);
        let mut devices = cpal::default_host().output_devices().map_err(error)?;
        let found = devices.find(|one| name(one) == device);
        let found = found.ok_or_else(|| refused(device, "no such device"))?;
        let (format, config) = form(device, found.supported_output_configs().map_err(error)?)?;
        let channels = usize::from(config.channels.max(1));
        let watch = self.watch(stream);
        let mut pcm = Vec::new();
        let mut fill = move |samples: usize, info: &cpal::OutputCallbackInfo| {
            pcm.resize(samples / channels, 0);
            from.fill(&mut pcm);
            let times = info.timestamp();
            from.set_latency(times.playback.duration_since(times.callback));
            pcm.clone().into_iter().flat_map(move |sample| std::iter::repeat_n(sample, channels))
        };
        let built = match format {
            SampleFormat::F32 => found.build_output_stream(
                config,
                move |out: &mut [f32], info: &cpal::OutputCallbackInfo| {
                    let pcm = fill(out.len(), info);
                    out.iter_mut().zip(pcm).for_each(|(out, one)| *out = f32::from(one) / 32_768.0);
                },
                watch,
                Some(PATIENCE),
            ),
            _ => found.build_output_stream(
                config,
                move |out: &mut [i16], info: &cpal::OutputCallbackInfo| {
                    let pcm = fill(out.len(), info);
                    out.iter_mut().zip(pcm).for_each(|(out, one)| *out = one);
                },
                watch,
                Some(PATIENCE),
            ),
        };
        let built = built.map_err(error)?;
        built.play().map_err(error)?;
        self.open.insert(stream, built);
        Ok(())
    }

    fn record(
        &mut self,
        stream: Stream,
        device: &str,
        mut into: Microphone,
    ) -> Result<(), CardError> {
        let error = |error: cpal::Error| refused(device, error);
        let mut devices = cpal::default_host().input_devices().map_err(error)?;
        let found = devices.find(|one| name(one) == device);
        let found = found.ok_or_else(|| refused(device, "no such device"))?;
        let (format, config) = form(device, found.supported_input_configs().map_err(error)?)?;
        let channels = usize::from(config.channels.max(1));
        let watch = self.watch(stream);
        // Of several channels the first is heard: the others of a microphone are the same, or nothing.
        let mut hear = move |pcm: Vec<i16>, info: &cpal::InputCallbackInfo| {
            let times = info.timestamp();
            into.set_latency(times.callback.duration_since(times.capture));
            into.hear(&pcm);
        };
        let built = match format {
            SampleFormat::F32 => found.build_input_stream(
                config,
                move |pcm: &[f32], info: &cpal::InputCallbackInfo| {
                    let one = |sample: &f32| (sample * 32_768.0).round() as i16;
                    hear(pcm.iter().step_by(channels).map(one).collect(), info);
                },
                watch,
                Some(PATIENCE),
            ),
            _ => found.build_input_stream(
                config,
                move |pcm: &[i16], info: &cpal::InputCallbackInfo| {
                    hear(pcm.iter().step_by(channels).copied().collect(), info);
                },
                watch,
                Some(PATIENCE),
            ),
        };
        let built = built.map_err(error)?;
        built.play().map_err(error)?;
        self.open.insert(stream, built);
        Ok(())
    }

    fn close(&mut self, stream: Stream) {
        self.open.remove(&stream);
    }

    fn turn(&mut self, wait: Duration) -> Result<Changes, CardError> {
        let mut changes = Changes::default();
        if let Ok(stream) = self.stopped.1.recv_timeout(wait)
            && self.open.remove(&stream).is_some()
        {
            changes.stopped.push(stream);
        }
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.looked = Some(Instant::now());
            changes.devices = self.list()? != self.known;
        }
        Ok(changes)
    }
}
