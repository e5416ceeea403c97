//! The devices of macOS and Windows.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait as _, HostTrait as _, StreamTrait as _};
use cpal::{
    ErrorKind, FromSample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfigRange,
};

use crate::card::{Card, CardError, Changes, Device, Devices, Stream};
use crate::ends::{Microphone, Speaker};
use crate::form::{FromDevice, Offer, ToDevice};

/// The time between two looks at the devices.
const LOOK: Duration = Duration::from_secs(1);
/// The longest wait for a device to open.
const PATIENCE: Duration = Duration::from_secs(2);

/// The formats of samples that we take, from the best. Each system has its devices in floats, too, as far as it mixes.
const FORMATS: [SampleFormat; 5] =
    [SampleFormat::F32, SampleFormat::I16, SampleFormat::I24, SampleFormat::I32, SampleFormat::F64];

/// The devices of macOS and Windows, by the `cpal` crate.
///
/// It tells neither when devices come and go nor which became the default: that is looked at once a second. A device that
/// has no 48 kHz is opened at the nearest rate that it has. No device was tried with it yet: it is known to compile.
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

/// The form in which a device is opened, of those that it has.
fn form(
    device: &str,
    forms: impl Iterator<Item = SupportedStreamConfigRange>,
) -> Result<(SampleFormat, StreamConfig), CardError> {
    let offer = |form: SupportedStreamConfigRange| {
        let format = FORMATS.iter().position(|format| *format == form.sample_format())?;
        let rates = form.min_sample_rate()..=form.max_sample_rate();
        Some((Offer { rates, channels: form.channels(), format }, form))
    };
    let best = forms.filter_map(offer).min_by_key(|(offer, _)| offer.rank());
    let (offer, form) = best.ok_or_else(|| refused(device, "it has no form that we know"))?;
    let form = form.with_sample_rate(offer.rate());
    Ok((form.sample_format(), form.config()))
}

/// Opens a stream by the function for the samples of a format.
macro_rules! by_format {
    ($format:expr, $open:ident($($argument:expr),*)) => {
        match $format {
            SampleFormat::F64 => $open::<f64>($($argument),*),
            SampleFormat::I32 => $open::<i32>($($argument),*),
            SampleFormat::I24 => $open::<cpal::I24>($($argument),*),
            SampleFormat::I16 => $open::<i16>($($argument),*),
            _ => $open::<f32>($($argument),*),
        }
    };
}

fn player<S: SizedSample + FromSample<f32>>(
    device: &cpal::Device,
    config: StreamConfig,
    mut way: ToDevice,
    mut from: Speaker,
    watch: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error> {
    let play = move |frames: &mut [S], info: &cpal::OutputCallbackInfo| {
        way.give(frames, |pcm| from.fill(pcm));
        let times = info.timestamp();
        from.set_latency(times.playback.duration_since(times.callback) + way.delay());
    };
    device.build_output_stream(config, play, watch, Some(PATIENCE))
}

fn recorder<S: SizedSample>(
    device: &cpal::Device,
    config: StreamConfig,
    mut way: FromDevice,
    mut into: Microphone,
    watch: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error>
where
    f32: FromSample<S>,
{
    let hear = move |frames: &[S], info: &cpal::InputCallbackInfo| {
        let times = info.timestamp();
        into.set_latency(times.callback.duration_since(times.capture) + way.delay());
        into.hear(way.take(frames));
    };
    device.build_input_stream(config, hear, watch, Some(PATIENCE))
}

impl Cpal {
    /// The devices that there are. An error closes all.
    fn list(&mut self) -> Result<Devices, CardError> {
        list().inspect_err(|_| self.open.clear())
    }

    fn begin(&mut self, stream: Stream, built: cpal::Stream) -> Result<(), cpal::Error> {
        built.play()?;
        self.open.insert(stream, built);
        Ok(())
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

    fn play(&mut self, stream: Stream, device: &str, from: Speaker) -> Result<(), CardError> {
        let error = |error: cpal::Error| refused(device, error);
        let mut devices = cpal::default_host().output_devices().map_err(error)?;
        let found = devices.find(|one| name(one) == device);
        let found = found.ok_or_else(|| refused(device, "no such device"))?;
        let (format, config) = form(device, found.supported_output_configs().map_err(error)?)?;
        let way = ToDevice::new(config.sample_rate, config.channels);
        let way = way.map_err(|error| refused(device, error))?;
        let watch = self.watch(stream);
        let built = by_format!(format, player(&found, config, way, from, watch));
        self.begin(stream, built.map_err(error)?).map_err(error)
    }

    fn record(&mut self, stream: Stream, device: &str, into: Microphone) -> Result<(), CardError> {
        let error = |error: cpal::Error| refused(device, error);
        let mut devices = cpal::default_host().input_devices().map_err(error)?;
        let found = devices.find(|one| name(one) == device);
        let found = found.ok_or_else(|| refused(device, "no such device"))?;
        let (format, config) = form(device, found.supported_input_configs().map_err(error)?)?;
        let way = FromDevice::new(config.sample_rate, config.channels);
        let way = way.map_err(|error| refused(device, error))?;
        let watch = self.watch(stream);
        let built = by_format!(format, recorder(&found, config, way, into, watch));
        self.begin(stream, built.map_err(error)?).map_err(error)
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
