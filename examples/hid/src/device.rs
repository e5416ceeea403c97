//! Headsets that are plugged in, by hidapi.

use std::ffi::CString;
use std::{fmt, thread};

use async_channel::{Receiver, Sender};
use hidapi::{HidApi, HidDevice, HidError};
use offhook::headset::Lamps;

use crate::descriptor::MAX_DESCRIPTOR;
use crate::layout::{Layout, LayoutError};
use crate::quirk::Quirk;
use crate::reports::{Input, ReportError, Reports};
use crate::usage::Usage;

/// Reports that wait to be looked at; more wait in the system, which keeps some and drops the oldest.
const WAITING: usize = 64;
/// The time in milliseconds after which the reader looks whether it is still wanted.
pub(crate) const PATIENCE: i32 = 250;
/// The most bytes of a report that are read at once; one of a headset has a handful.
const ROOM: usize = 4096;

/// A headset that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// The system lets others only: on Linux, hidraw nodes are root's.
    #[error(
        "no permission for {path}: give it by a udev rule, as 70-offhook-headsets.rules does: \
         KERNEL==\"hidraw*\", ATTRS{{idVendor}}==\"{vendor:04x}\", TAG+=\"uaccess\""
    )]
    Permission {
        /// The device's node.
        path: String,
        /// The maker.
        vendor: u16,
    },
    /// It was pulled out.
    #[error("the headset is gone")]
    Gone,
    /// It is none, or a kind of its own.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The system says something else.
    #[error("the system: {0}")]
    System(String),
}

impl From<HidError> for DeviceError {
    fn from(error: HidError) -> Self {
        Self::System(error.to_string())
    }
}

/// A headset that is plugged in, and not opened. Of equal ones each has its own path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    path: CString,
    vendor: u16,
    product: u16,
    name: String,
}

impl Found {
    pub(crate) fn new(path: CString, vendor: u16, product: u16, name: String) -> Self {
        Self { path, vendor, product, name }
    }

    /// The maker's id.
    #[must_use]
    pub fn vendor(&self) -> u16 {
        self.vendor
    }

    /// The maker's number of the model.
    #[must_use]
    pub fn product(&self) -> u16 {
        self.product
    }

    /// The name that the device says, without characters that would steer a terminal. It may be empty.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the device in this system, as `/dev/hidraw0`.
    #[must_use]
    pub fn path(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Answers why the node cannot be opened, which hidapi only tells in words.
    #[cfg(target_os = "linux")]
    fn permitted(&self) -> Result<(), DeviceError> {
        let path = self.path();
        let opened = std::fs::OpenOptions::new().read(true).write(true).open(&path);
        opened.map(drop).map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => {
                DeviceError::Permission { path, vendor: self.vendor }
            }
            std::io::ErrorKind::NotFound => DeviceError::Gone,
            _ => DeviceError::System(format!("{path}: {error}")),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn permitted(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:04x}:{:04x}) at {:?}", self.name, self.vendor, self.product, self.path)
    }
}

/// The headsets that are plugged in, by their paths. That takes no permission.
///
/// # Errors
///
/// The system does not say.
pub fn list() -> Result<Vec<Found>, DeviceError> {
    let api = HidApi::new()?;
    let usage = Usage::HEADSET;
    let headsets =
        api.device_list().filter(|d| (d.usage_page(), d.usage()) == (usage.page, usage.id));
    let found = headsets.map(|device| Found {
        path: device.path().to_owned(),
        vendor: device.vendor_id(),
        product: device.product_id(),
        name: plain(device.product_string().unwrap_or_default()),
    });
    let mut found: Vec<_> = found.collect();
    found.sort();
    found.dedup();
    Ok(found)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// Something that comes from a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An input report, for [`Device::read`].
    Report(Vec<u8>),
    /// The device was pulled out, or fails, which is as good as that. It is the last event.
    Gone,
}

/// A headset that is plugged in and opened.
///
/// A thread of its own waits for reports and hands them over; it ends with the device, or a moment after
/// this is dropped. Nothing else here waits for a person: [`Device::show`] takes as long as the system
/// takes to write a few bytes.
pub struct Device {
    found: Found,
    descriptor: Vec<u8>,
    reports: Reports,
    writer: Box<dyn Port>,
    events: Receiver<Event>,
}

impl Device {
    /// Opens a headset.
    ///
    /// A system gives permission a moment after a device was plugged in, so what is refused then may be
    /// tried again.
    ///
    /// # Errors
    ///
    /// There is no permission, the device is gone or no headset, or the system says something else.
    pub fn open(found: &Found) -> Result<Self, DeviceError> {
        found.permitted()?;
        let api = HidApi::new()?;
        // Two handles: one waits while the other writes.
        let (reader, writer) = (api.open_path(&found.path)?, api.open_path(&found.path)?);
        let mut descriptor = vec![0; MAX_DESCRIPTOR];
        let length = writer.get_report_descriptor(&mut descriptor)?;
        descriptor.truncate(length);
        Self::over(found.clone(), descriptor, Box::new(reader), Box::new(writer))
    }

    /// A headset at some port: one handle waits while the other writes.
    pub(crate) fn over(
        found: Found,
        descriptor: Vec<u8>,
        reader: Box<dyn Port>,
        writer: Box<dyn Port>,
    ) -> Result<Self, DeviceError> {
        let layout = Layout::parse(&descriptor)?;
        let layout = match Quirk::of(found.vendor) {
            Some(quirk) => layout.with_quirk(quirk),
            None => layout,
        };
        let (sender, events) = async_channel::bounded(WAITING);
        thread::Builder::new()
            .name("headset".to_owned())
            .spawn(move || hand_over(&*reader, &sender))
            .map_err(|error| DeviceError::System(error.to_string()))?;
        Ok(Self { found, descriptor, reports: Reports::new(layout), writer, events })
    }

    /// The device.
    #[must_use]
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// The report descriptor, as the system gives it.
    #[must_use]
    pub fn descriptor(&self) -> &[u8] {
        &self.descriptor
    }

    /// The talk with it.
    #[must_use]
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The events, for any executor, or for a thread that waits.
    #[must_use]
    pub fn events(&self) -> Receiver<Event> {
        self.events.clone()
    }

    /// Reads an input report of it.
    ///
    /// # Errors
    ///
    /// It is too short, and nothing was taken from it.
    pub fn read(&mut self, report: &[u8]) -> Result<Vec<Input>, ReportError> {
        self.reports.read(report)
    }

    /// Shows lamps, which writes what changes. Answers the reports that were written.
    ///
    /// # Errors
    ///
    /// The device does not take it, and will probably say that it is gone.
    pub fn show(&mut self, lamps: Lamps) -> Result<Vec<Vec<u8>>, DeviceError> {
        let reports = self.reports.show(lamps);
        reports.iter().try_for_each(|report| self.writer.write(report))?;
        Ok(reports)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.events.close();
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("found", &self.found).finish_non_exhaustive()
    }
}

/// An open device.
pub(crate) trait Port: Send {
    /// Waits a while for a report, whose length it answers; 0 is none.
    fn read(&self, room: &mut [u8]) -> Result<usize, DeviceError>;

    fn write(&self, report: &[u8]) -> Result<(), DeviceError>;
}

impl Port for HidDevice {
    fn read(&self, room: &mut [u8]) -> Result<usize, DeviceError> {
        Ok(self.read_timeout(room, PATIENCE)?)
    }

    fn write(&self, report: &[u8]) -> Result<(), DeviceError> {
        Self::write(self, report)?;
        Ok(())
    }
}

/// Hands over what comes, until the device is gone or nobody wants it.
fn hand_over(port: &dyn Port, events: &Sender<Event>) {
    let mut room = [0; ROOM];
    while !events.is_closed() {
        let event = match port.read(&mut room) {
            Ok(0) => continue,
            Ok(length) => Event::Report(room[..length].to_vec()),
            Err(_) => Event::Gone,
        };
        let is_last = event == Event::Gone;
        if events.send_blocking(event).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
pub(crate) fn found_for_tests(path: &str) -> Found {
    let path = CString::new(path).expect("a path");
    Found::new(path, 1, 1, "Fake".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;

    use offhook::headset::{Hook, Key};

    use super::*;

    const HEADSET: [u8; 23] = [
        0x05, 0x0b, 0x09, 0x05, 0xa1, 0x01, 0x25, 0x01, 0x75, 0x01, 0x95, 0x01, 0x09, 0x20, 0x81,
        0x22, 0x05, 0x08, 0x09, 0x17, 0x91, 0x22, 0xc0,
    ];

    /// A device that says what a test says, and tells the test what is written.
    struct Fake {
        says: Mutex<mpsc::Receiver<Vec<u8>>>,
        written: mpsc::Sender<Vec<u8>>,
    }

    impl Port for Fake {
        fn read(&self, room: &mut [u8]) -> Result<usize, DeviceError> {
            let report = self.says.lock().expect("a lock").recv().map_err(|_| DeviceError::Gone)?;
            room[..report.len()].copy_from_slice(&report);
            Ok(report.len())
        }

        fn write(&self, report: &[u8]) -> Result<(), DeviceError> {
            self.written.send(report.to_vec()).map_err(|_| DeviceError::Gone)
        }
    }

    fn found() -> Found {
        found_for_tests("/dev/hidraw-none")
    }

    fn fake() -> (Fake, mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>) {
        let (say, says) = mpsc::channel();
        let (written, writes) = mpsc::channel();
        (Fake { says: Mutex::new(says), written }, say, writes)
    }

    fn over(reader: Fake, writer: Fake) -> Device {
        let device = Device::over(found(), HEADSET.to_vec(), Box::new(reader), Box::new(writer));
        device.expect("a headset")
    }

    #[test]
    fn reports_come_lamps_go_and_a_device_that_is_pulled_out_says_so() {
        let (reader, say, _) = fake();
        let (writer, _, writes) = fake();
        let mut device = over(reader, writer);
        let events = device.events();
        say.send(vec![1]).expect("a reader");
        let event = events.recv_blocking().expect("an event");
        assert_eq!(event, Event::Report(vec![1]));
        assert_eq!(device.read(&[1]), Ok(vec![Input::Key(Key::Hook(Hook::Up))]));
        let lamps = Lamps { off_hook: true, ..Lamps::default() };
        assert_eq!(device.show(lamps).expect("a device"), [[0, 1]]);
        assert!(device.show(lamps).expect("a device").is_empty());
        assert_eq!(writes.try_iter().collect::<Vec<_>>(), [[0, 1]], "once");
        drop(say);
        assert_eq!(events.recv_blocking(), Ok(Event::Gone));
        assert!(events.recv_blocking().is_err(), "it is the last");
        drop(writes);
        assert!(matches!(device.show(Lamps::default()), Err(DeviceError::Gone)));
    }

    #[test]
    fn who_drops_a_device_ends_its_thread() {
        let (reader, say, _) = fake();
        let (writer, ..) = fake();
        let device = over(reader, writer);
        let events = device.events();
        drop(device);
        assert!(events.recv_blocking().is_err());
        // Its end of the pipe is gone once the thread is.
        while say.send(Vec::new()).is_ok() {
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let gone = Device::open(&found()).map(drop);
        if cfg!(target_os = "linux") {
            assert!(matches!(gone, Err(DeviceError::Gone)), "{gone:?}");
        } else {
            assert!(gone.is_err());
        }
        let refused = DeviceError::Permission { path: "/dev/hidraw3".to_owned(), vendor: 0x0b0e };
        assert_eq!(
            refused.to_string(),
            "no permission for /dev/hidraw3: give it by a udev rule, as 70-offhook-headsets.rules \
             does: KERNEL==\"hidraw*\", ATTRS{idVendor}==\"0b0e\", TAG+=\"uaccess\""
        );
        assert_eq!(plain("Head\u{1b}[31mset\n"), "Head[31mset");
    }

    /// The rule gives what is known of makers to whoever sits at the computer.
    #[test]
    fn the_udev_rule_is_well_formed() {
        let rules = include_str!("../70-offhook-headsets.rules");
        let rules: Vec<_> =
            rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert_eq!(rules.len(), 5);
        for rule in rules {
            let vendor = rule
                .strip_prefix("KERNEL==\"hidraw*\", ATTRS{idVendor}==\"")
                .and_then(|rest| rest.strip_suffix("\", TAG+=\"uaccess\""));
            let digits = vendor.expect("a rule");
            assert!(
                digits.len() == 4 && digits.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
            );
        }
    }
}
