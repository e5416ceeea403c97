//! The telephony headsets of this computer: their keys as they are pressed, and their lamps as they are told.
//!
//! ```text
//! cargo run -p offhook-hid --example headset             lists them, and opens the first
//! cargo run -p offhook-hid --example headset -- --wait   waits for one to be plugged in
//! cargo run -p offhook-hid --example headset -- --record FILE
//!                                                        writes what happens to a new file
//! ```
//!
//! Words turn lamps on and off: `off-hook`, `ring`, `mute`, `hold`; `dark` turns all off, `quit` ends.
//!
//! A recording ([`offhook_hid::recording`]) is whole also after Ctrl-C. A line that begins with `#` is a note
//! in it: say what you are about to do (`# presses mute`), then do it. Best have each key pressed with the
//! lamps dark, while it rings, off hook, muted and on hold.

use std::fs::File;
use std::io::{BufRead, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use offhook::headset::Lamps;
use offhook_hid::recording::Recorder;
use offhook_hid::{Change, Device, DeviceError, Event, Found, RELIST, list, watch};

enum News {
    Device(Event),
    Word(String),
    /// No more words come.
    Closed,
}

/// The flags.
#[derive(Default)]
struct Flags {
    waits: bool,
    record: Option<PathBuf>,
}

impl Flags {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut flags = Self::default();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--wait" => flags.waits = true,
                "--record" => {
                    flags.record = Some(words.next().context("--record wants a file")?.into());
                }
                other => bail!("{other}? --wait, --record FILE"),
            }
        }
        Ok(flags)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let Flags { waits, record } = Flags::read(std::env::args().skip(1))?;
    let listed = list()?;
    for found in &listed {
        println!("{found:?}");
    }
    let found = match listed.into_iter().next() {
        Some(found) => found,
        None if waits => plugged_in()?,
        None => {
            println!(
                "no telephony headset (HID usage 0x0B/0x05) is plugged in; --wait waits for one"
            );
            return Ok(());
        }
    };
    let device = match Device::open(&found) {
        // The system gives permission a moment after it was plugged in.
        Err(DeviceError::Permission { .. }) if waits => {
            thread::sleep(RELIST);
            Device::open(&found)?
        }
        opened => opened?,
    };
    let tape = record.map(|path| Tape::begin(&device, &path)).transpose()?;
    talk(device, tape)
}

/// A recording with its clock.
struct Tape {
    recorder: Recorder<File>,
    began: Instant,
}

impl Tape {
    fn begin(device: &Device, path: &Path) -> Result<Self> {
        let file = File::create_new(path).with_context(|| path.display().to_string())?;
        Ok(Self { recorder: Recorder::begin(device, file)?, began: Instant::now() })
    }
}

/// Waits for a headset.
fn plugged_in() -> Result<Found> {
    println!("no telephony headset is plugged in; waiting for one");
    let changes = watch()?;
    loop {
        match changes.recv_blocking().map_err(|_| DeviceError::Gone)? {
            Change::Came(found) => {
                println!("{found:?}");
                return Ok(found);
            }
            Change::Went(_) => {}
        }
    }
}

fn talk(mut device: Device, mut tape: Option<Tape>) -> Result<()> {
    let layout = device.reports().layout();
    let (buttons, leds): (Vec<_>, Vec<_>) = (layout.buttons().collect(), layout.leds().collect());
    println!("opened {:?}\n  keys:  {buttons:?}\n  lamps: {leds:?}", device.found());
    println!("words: off-hook, ring, mute, hold, dark, quit; # and a note");
    let (sender, news) = channel();
    forward(&device, sender.clone());
    words(sender);
    let mut lamps = Lamps::default();
    show(&mut device, lamps, &mut tape)?;
    for news in news {
        match news {
            News::Device(Event::Report(report)) => {
                let inputs = device.read(&report);
                if let Some(Tape { recorder, began }) = &mut tape {
                    recorder.said(began.elapsed(), &report, &inputs)?;
                }
                match inputs {
                    // Without a key the lamps are as they were.
                    Ok(inputs) if inputs.is_empty() => {
                        println!("{report:02x?}");
                        continue;
                    }
                    Ok(inputs) => println!("{report:02x?} {inputs:?}"),
                    Err(error) => println!("{report:02x?} {error}"),
                }
            }
            News::Device(Event::Gone) => return Err(DeviceError::Gone.into()),
            News::Word(word) => match word.as_str() {
                "off-hook" => lamps.off_hook ^= true,
                "ring" => lamps.ring ^= true,
                "mute" => lamps.mute ^= true,
                "hold" => lamps.hold ^= true,
                "dark" => lamps = Lamps::default(),
                "quit" => break,
                other => {
                    match (other.strip_prefix('#'), &mut tape) {
                        (Some(note), Some(tape)) => tape.recorder.note(note)?,
                        (Some(_), None) => println!("nothing is recorded: --record FILE"),
                        (None, _) => println!("{other}? off-hook, ring, mute, hold, dark, quit"),
                    }
                    continue;
                }
            },
            News::Closed => break,
        }
        show(&mut device, lamps, &mut tape)?;
    }
    show(&mut device, Lamps::default(), &mut tape)
}

fn show(device: &mut Device, lamps: Lamps, tape: &mut Option<Tape>) -> Result<()> {
    let written = device.show(lamps)?;
    if let Some(Tape { recorder, began }) = tape {
        recorder.shown(began.elapsed(), lamps, written)?;
    }
    Ok(())
}

fn forward(device: &Device, news: Sender<News>) {
    let events = device.events();
    thread::spawn(move || {
        while let Ok(event) = events.recv_blocking() {
            if news.send(News::Device(event)).is_err() {
                return;
            }
        }
    });
}

fn words(news: Sender<News>) {
    thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if news.send(News::Word(line.trim().to_owned())).is_err() {
                return;
            }
        }
        let _ = news.send(News::Closed);
    });
}
