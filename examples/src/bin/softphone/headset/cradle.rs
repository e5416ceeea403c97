//! The place of the headset: a thread that looks for one, opens it when it comes, hears its keys and shows its lamps.

use std::sync::mpsc;
use std::time::Duration;

use futures_util::stream::{self, LocalBoxStream, SelectAll, StreamExt as _};
use offhook::headset::Lamps;
use offhook_hid::{Bus, Change, Device, DeviceError, Event, Found, Input, RELIST};
use smol::channel::{Receiver, Sender, bounded};

/// The things that wait to be looked at, on either side.
const WAITING: usize = 64;
/// The time in which a headset is left dark. One that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// Something that is told of headsets.
#[derive(Debug)]
pub(crate) enum Told {
    /// One is there, of this name, and is used.
    Came(String),
    /// It is gone.
    Went,
    /// One is there and cannot be used, or none can be looked for.
    Refused(DeviceError),
    /// Its lamps cannot be set, and are left alone. Its keys are heard.
    Unlit(DeviceError),
    /// It says something.
    Input(Input),
}

/// See the [module](self). Leaves the headset dark when it is dropped.
pub(crate) struct Cradle {
    lamps: Sender<Lamps>,
    /// Closed by the end of the thread.
    over: mpsc::Receiver<()>,
}

impl Cradle {
    /// A cradle for the headsets of a bus, and what it will tell.
    ///
    /// # Errors
    ///
    /// There is no thread for it.
    pub(super) fn new(bus: impl Bus) -> std::io::Result<(Self, Receiver<Told>)> {
        Self::with(bus, RELIST)
    }

    /// The same, where one that cannot be opened is tried again after such a time.
    pub(super) fn with(bus: impl Bus, again: Duration) -> std::io::Result<(Self, Receiver<Told>)> {
        let (lamps, shown) = bounded(WAITING);
        let (told, tells) = bounded(WAITING);
        let (ends, over) = mpsc::channel();
        std::thread::Builder::new().name("cradle".to_owned()).spawn(move || {
            smol::block_on(Keeper::new(bus, again, told).keep(shown));
            drop(ends);
        })?;
        Ok((Self { lamps, over }, tells))
    }

    /// Shows lamps, as soon as the headset takes them.
    pub(super) fn show(&self, lamps: Lamps) {
        // The last ones count.
        let _ = self.lamps.force_send(lamps);
    }
}

impl Drop for Cradle {
    fn drop(&mut self) {
        self.lamps.close();
        let _ = self.over.recv_timeout(PATIENCE);
    }
}

/// Something that the thread reacts to.
enum Next {
    Show(Lamps),
    /// Nobody wants the headset any more.
    Over,
    Changed(Change),
    /// An event of the headset that was opened as the one of this number.
    Event(u64, Event),
    /// It is time to try again.
    Again,
}

/// The thread.
struct Keeper<B> {
    bus: B,
    again: Duration,
    told: Sender<Told>,
    sources: SelectAll<LocalBoxStream<'static, Next>>,
    /// The headsets that are plugged in.
    there: Vec<Found>,
    open: Option<Device>,
    /// The headsets that were opened so far.
    opened: u64,
    /// The times that all that are there were refused.
    refused: u32,
    /// True while it will be tried again.
    waits: bool,
    lamps: Lamps,
    /// False once the lamps of the one that is open could not be set.
    lights: bool,
}

impl<B: Bus> Keeper<B> {
    /// The times that it is refused before it is told: a system gives permission a moment after a device was plugged in.
    const TOLD: u32 = 2;

    fn new(bus: B, again: Duration, told: Sender<Told>) -> Self {
        Self {
            bus,
            again,
            told,
            sources: SelectAll::new(),
            there: Vec::new(),
            open: None,
            opened: 0,
            refused: 0,
            waits: false,
            lamps: Lamps::default(),
            lights: true,
        }
    }

    async fn keep(mut self, lamps: Receiver<Lamps>) {
        let changes = match self.bus.watch() {
            Ok(changes) => changes,
            Err(error) => return self.tell(Told::Refused(error)).await,
        };
        let lamps = lamps.map(Next::Show).chain(stream::iter([Next::Over]));
        self.sources.push(lamps.boxed_local());
        self.sources.push(changes.map(Next::Changed).boxed_local());
        while let Some(next) = self.sources.next().await {
            match next {
                Next::Show(lamps) => self.show(lamps).await,
                Next::Over => break,
                Next::Changed(Change::Came(found)) => {
                    self.there.push(found);
                    self.look().await;
                }
                Next::Changed(Change::Went(found)) => self.went(&found).await,
                Next::Event(number, event) if number == self.opened => self.heard(event).await,
                Next::Event(..) => {}
                Next::Again => {
                    self.waits = false;
                    self.look().await;
                }
            }
        }
        if self.lamps != Lamps::default() {
            self.show(Lamps::default()).await;
        }
    }

    /// Opens the first headset that can be, unless one is open.
    async fn look(&mut self) {
        if self.open.is_some() {
            return;
        }
        let mut refusal = None;
        for found in &self.there {
            match self.bus.open(found) {
                Ok(device) => {
                    self.opened += 1;
                    self.refused = 0;
                    self.lights = true;
                    let number = self.opened;
                    let events = device.events().map(move |event| Next::Event(number, event));
                    self.sources.push(events.boxed_local());
                    let name = name(found);
                    self.open = Some(device);
                    return self.tell(Told::Came(name)).await;
                }
                // That it went will be told.
                Err(DeviceError::Gone) => {}
                Err(error) => {
                    refusal.get_or_insert(error);
                }
            }
        }
        if let Some(error) = refusal {
            self.refused = self.refused.saturating_add(1);
            if self.refused == Self::TOLD {
                self.tell(Told::Refused(error)).await;
            }
        }
        self.try_again();
    }

    /// Looks again after a while.
    fn try_again(&mut self) {
        if self.waits || self.there.is_empty() {
            return;
        }
        self.waits = true;
        let timer = smol::Timer::after(self.again);
        self.sources.push(stream::once(timer).map(|_| Next::Again).boxed_local());
    }

    async fn went(&mut self, found: &Found) {
        self.there.retain(|there| there != found);
        if self.open.as_ref().is_some_and(|open| open.found() == found) {
            self.lost().await;
        } else if self.there.is_empty() && self.open.is_none() {
            // So is what was said of it.
            if std::mem::take(&mut self.refused) >= Self::TOLD {
                self.tell(Told::Went).await;
            }
        }
    }

    async fn heard(&mut self, event: Event) {
        let Some(device) = &mut self.open else { return };
        match event {
            // One that is too short says nothing.
            Event::Report(report) => {
                for input in device.read(&report).unwrap_or_default() {
                    self.tell(Told::Input(input)).await;
                }
            }
            Event::Gone => self.lost().await,
        }
    }

    async fn show(&mut self, lamps: Lamps) {
        let Some(device) = self.open.as_mut().filter(|_| self.lights) else { return };
        match device.show(lamps) {
            Ok(_) => self.lamps = lamps,
            // That it is gone will be told.
            Err(DeviceError::Gone) => {}
            Err(error) => {
                self.lights = false;
                self.tell(Told::Unlit(error)).await;
            }
        }
    }

    /// The open one is gone.
    async fn lost(&mut self) {
        self.open = None;
        self.lamps = Lamps::default();
        self.tell(Told::Went).await;
        self.try_again();
    }

    async fn tell(&self, told: Told) {
        // Nobody listens at the end.
        let _ = self.told.send(told).await;
    }
}

fn name(found: &Found) -> String {
    match found.name().trim() {
        "" => format!("{:04x}:{:04x}", found.vendor(), found.product()),
        name => name.to_owned(),
    }
}
