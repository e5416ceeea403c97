//! Headsets: descriptors and reports of any bytes.

use offhook::headset::Lamps;
use offhook_hid::{Button, Layout, Led, MAX_REPORT, Quirk, Reports};

/// A descriptor, and a talk by it. Two bytes say how long the descriptor is; then each step begins with a
/// byte: its low four bits are the length of an input report that follows, the others are lamps that are
/// shown.
///
/// Whatever comes: a headset has keys or lamps, a report says each key once, a short one changes nothing,
/// lamps that are shown again are not written again, and what is written is a report of the device.
///
/// # Panics
///
/// One of these does not hold.
pub fn hid(data: &[u8]) {
    let [low, high, data @ ..] = data else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high])).min(data.len());
    let (descriptor, talk) = data.split_at(length);
    let Ok(layout) = Layout::parse(descriptor) else { return };
    assert!(layout.buttons().count() + layout.leds().count() > 0, "a headset of nothing");
    let (plain, quirk) = (layout.clone(), layout.with_quirk(Quirk::Yealink));
    assert!(plain.buttons().all(|button| quirk.buttons().any(|other| other == button)));
    for layout in [plain, quirk] {
        speak(Reports::new(layout), talk);
    }
}

fn speak(mut reports: Reports, mut talk: &[u8]) {
    let (mut short, mut steps) = (0, 0);
    while let [step, rest @ ..] = talk
        && steps < 16
    {
        steps += 1;
        let (report, rest) = rest.split_at(usize::from(step & 15).min(rest.len()));
        talk = rest;
        match reports.read(report) {
            Ok(inputs) => {
                assert!(inputs.len() <= Button::ALL.len());
                // Keys that are pressed already are not pressed again: states alone are said again.
                let again = reports.read(report).expect("it was well");
                let third = reports.read(report).expect("it was well");
                assert_eq!(again, third, "what is said again differs");
            }
            Err(error) => {
                short += 1;
                assert!(error.has == report.len() && error.needed > error.has);
            }
        }
        assert_eq!(reports.short(), short);
        let lit = |n: u8| step >> n & 1 == 1;
        let lamps = Lamps { ring: lit(4), off_hook: lit(5), mute: lit(6), hold: lit(7) };
        let written = reports.show(lamps);
        assert!(written.len() <= Led::ALL.len());
        for report in &written {
            assert!((2..=1 + MAX_REPORT).contains(&report.len()));
        }
        assert!(written.is_sorted_by_key(|report| report[0]), "each report once");
        assert!(reports.show(lamps).is_empty(), "nothing changed in between");
    }
}
