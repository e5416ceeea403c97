//! The devices that there are.

use std::collections::BTreeSet;

use super::device::{Device, DeviceId, DeviceKind};

/// Bytes of each text of a device.
const MAX_TEXT: usize = 255;

/// The devices that there are, as last listed.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    /// None before the first list: then any device may be there.
    devices: Option<Vec<Device>>,
}

impl Catalogue {
    /// The most devices that are looked at; more of a list are not.
    pub(super) const MAX_DEVICES: usize = 256;

    pub(super) fn devices(&self) -> &[Device] {
        self.devices.as_deref().unwrap_or_default()
    }

    /// Takes the devices that there are now, in any order; returns the kinds of which there are others, if anything is
    /// news. A device that was known by a label keeps what was known of it where the label is missing now (MD-2).
    pub(super) fn list(&mut self, devices: Vec<Device>) -> Option<BTreeSet<DeviceKind>> {
        let mut listed: Vec<Device> = Vec::new();
        for device in devices {
            let texts = [device.id.as_str(), &device.group, &device.label];
            let is_known = listed.iter().any(|known| is_same(known, &device));
            if texts.iter().any(|text| text.len() > MAX_TEXT) || is_known {
                continue;
            }
            if listed.len() == Self::MAX_DEVICES {
                break;
            }
            let before = self.devices().iter().find(|known| is_same(known, &device));
            let keeps = before.filter(|known| device.label.is_empty() && !known.label.is_empty());
            listed.push(keeps.cloned().unwrap_or(device));
        }
        let lack = |all: &[Device], device: &Device| !all.iter().any(|one| is_same(one, device));
        let come = listed.iter().filter(|device| lack(self.devices(), device));
        let gone = self.devices().iter().filter(|device| lack(&listed, device));
        let others = come.chain(gone).map(|device| device.kind).collect();
        let is_known = |known: &Vec<Device>| {
            known.len() == listed.len() && listed.iter().all(|device| known.contains(device))
        };
        let is_news = !self.devices.as_ref().is_some_and(is_known);
        self.devices = Some(listed);
        is_news.then_some(others)
    }

    /// True if a device is there, as far as is known.
    pub(super) fn has(&self, kind: DeviceKind, id: &DeviceId) -> bool {
        let is_it = |device: &Device| device.kind == kind && device.id == *id;
        self.devices.as_ref().is_none_or(|devices| devices.iter().any(is_it))
    }

    /// True if there is no device of a kind.
    pub(super) fn lacks(&self, kind: DeviceKind) -> bool {
        let has = |devices: &Vec<Device>| devices.iter().any(|device| device.kind == kind);
        self.devices.as_ref().is_some_and(|devices| !has(devices))
    }
}

/// One thing may hear and speak by the same name.
fn is_same(one: &Device, other: &Device) -> bool {
    one.kind == other.kind && one.id == other.id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn microphone(n: usize) -> Device {
        Device::new(DeviceKind::Microphone, format!("m{n}"), "")
    }

    #[test]
    fn what_a_list_may_have_is_bounded() {
        let mut catalogue = Catalogue::default();
        let news = catalogue.list((0..1000).map(microphone).collect());
        assert_eq!(news, Some(BTreeSet::from([DeviceKind::Microphone])));
        assert_eq!(catalogue.devices().len(), Catalogue::MAX_DEVICES);
        let long = Device::new(DeviceKind::Speaker, "s", "s".repeat(256));
        let news = catalogue.list(vec![long, microphone(1), microphone(1)]);
        assert_eq!(news, Some(BTreeSet::from([DeviceKind::Microphone])));
        assert_eq!(catalogue.devices(), [microphone(1)]);
    }
}
