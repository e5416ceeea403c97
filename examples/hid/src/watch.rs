//! Headsets that come and go.

use std::thread;
use std::time::Duration;

use async_channel::{Receiver, Sender};

use crate::device::{DeviceError, Found, list};

/// The time from one listing to the next. A listing reads some small files of `/sys`, or asks the system.
pub const RELIST: Duration = Duration::from_secs(2);

/// A headset that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was plugged in, or was there at first.
    Came(Found),
    /// It was pulled out.
    Went(Found),
}

/// The headsets that are plugged in now, and each that comes or goes from then on, noticed within
/// [`RELIST`]. A thread of its own looks for them, until the receiver is dropped.
///
/// One that was pulled out and plugged in again in between has not gone, here: an open
/// [`Device`](crate::Device) says that it is, and [`list`] has the new one.
///
/// # Errors
///
/// The system does not say.
pub fn watch() -> Result<Receiver<Change>, DeviceError> {
    let first = list()?;
    let (sender, changes) = async_channel::bounded(64);
    thread::Builder::new()
        .name("headsets".to_owned())
        .spawn(move || {
            // A listing that fails says nothing; the next one may.
            let next = || {
                thread::sleep(RELIST);
                list().ok()
            };
            follow(first, next, &sender);
        })
        .map_err(|error| DeviceError::System(error.to_string()))?;
    Ok(changes)
}

/// Tells what changes from listing to listing, as long as somebody listens.
fn follow(
    first: Vec<Found>,
    mut next: impl FnMut() -> Option<Vec<Found>>,
    changes: &Sender<Change>,
) {
    let mut seen = Vec::new();
    let mut listed = Some(first);
    while !changes.is_closed() {
        if let Some(now) = listed {
            for change in compare(&seen, &now) {
                if changes.send_blocking(change).is_err() {
                    return;
                }
            }
            seen = now;
        }
        listed = next();
    }
}

/// The headsets that went, then those that came.
fn compare(before: &[Found], now: &[Found]) -> Vec<Change> {
    let went = before.iter().filter(|found| !now.contains(found)).cloned().map(Change::Went);
    let came = now.iter().filter(|found| !before.contains(found)).cloned().map(Change::Came);
    went.chain(came).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::found_for_tests;

    #[test]
    fn what_comes_and_goes_is_told_once() {
        let [a, b] = ["/dev/hidraw0", "/dev/hidraw1"].map(found_for_tests);
        let (sender, changes) = async_channel::unbounded();
        let mut listings = [
            Some(vec![a.clone(), b.clone()]),
            None,
            Some(vec![a.clone(), b.clone()]),
            Some(vec![b.clone()]),
            Some(vec![]),
        ]
        .into_iter();
        let closing = changes.clone();
        let next = move || {
            let next = listings.next();
            if next.is_none() {
                closing.close();
            }
            next.flatten()
        };
        follow(vec![a.clone()], next, &sender);
        let told: Vec<_> = std::iter::from_fn(|| changes.try_recv().ok()).collect();
        let came = |found: &Found| Change::Came(found.clone());
        let went = |found: &Found| Change::Went(found.clone());
        assert_eq!(told, [came(&a), came(&b), went(&a), went(&b)]);
    }

    #[test]
    fn the_headsets_of_this_computer_are_listed() {
        let listed = list().expect("a system");
        assert!(listed.is_sorted());
        let changes = watch().expect("a system");
        for found in listed {
            assert_eq!(changes.recv_blocking(), Ok(Change::Came(found)));
        }
    }
}
