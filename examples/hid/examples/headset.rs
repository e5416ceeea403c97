//! The telephony headsets of this computer: their keys as they are pressed, and their lamps as they are told.
//!
//! ```text
//! cargo run -p offhook-hid --example headset             lists them, and opens the first
//! cargo run -p offhook-hid --example headset -- --wait   waits for one to be plugged in
//! ```
//!
//! Words turn lamps on and off: `off-hook`, `ring`, `mute`, `hold`; `dark` turns all off, `quit` ends.

use std::io::{BufRead, stdin};
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use offhook::headset::Lamps;
use offhook_hid::{Change, Device, DeviceError, Event, Found, RELIST, list, watch};

enum News {
    Device(Event),
    Word(String),
    /// No more words come.
    Closed,
}

fn main() -> ExitCode {
    let waits = std::env::args().skip(1).any(|word| word == "--wait");
    match run(waits) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(waits: bool) -> Result<(), DeviceError> {
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
    talk(device)
}

/// Waits for a headset.
fn plugged_in() -> Result<Found, DeviceError> {
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

fn talk(mut device: Device) -> Result<(), DeviceError> {
    let layout = device.reports().layout();
    let (buttons, leds): (Vec<_>, Vec<_>) = (layout.buttons().collect(), layout.leds().collect());
    println!("opened {:?}\n  keys:  {buttons:?}\n  lamps: {leds:?}", device.found());
    println!("words: off-hook, ring, mute, hold, dark, quit");
    let (sender, news) = channel();
    forward(&device, sender.clone());
    words(sender);
    let mut lamps = Lamps::default();
    device.show(lamps)?;
    for news in news {
        match news {
            News::Device(Event::Report(report)) => match device.read(&report) {
                Ok(inputs) => println!("{report:02x?} {inputs:?}"),
                Err(error) => println!("{report:02x?} {error}"),
            },
            News::Device(Event::Gone) => return Err(DeviceError::Gone),
            News::Word(word) => match word.as_str() {
                "off-hook" => lamps.off_hook ^= true,
                "ring" => lamps.ring ^= true,
                "mute" => lamps.mute ^= true,
                "hold" => lamps.hold ^= true,
                "dark" => lamps = Lamps::default(),
                "quit" => break,
                other => println!("{other}? off-hook, ring, mute, hold, dark, quit"),
            },
            News::Closed => break,
        }
        device.show(lamps)?;
    }
    device.show(Lamps::default())
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
