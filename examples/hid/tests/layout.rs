//! Descriptors: the headsets in them, and the errors of those that are none.

use offhook_hid::{
    Button, DescriptorError, Layout, LayoutError, Led, MAX_DESCRIPTOR, Quirk, Reports,
};

mod common;
use common::descriptor;

/// The boot keyboard of HID 1.11, appendix B.1: no headset, though it has lamps.
#[rustfmt::skip]
const KEYBOARD: [u8; 63] = [
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,
    0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x08, 0x81, 0x01,
    0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02,
    0x95, 0x01, 0x75, 0x03, 0x91, 0x01,
    0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0x65, 0x05, 0x07, 0x19, 0x00, 0x29, 0x65, 0x81, 0x00,
    0xc0,
];

const NOTHING: [Vec<u8>; 0] = [];

fn found(layout: &Layout) -> (Vec<Button>, Vec<Led>) {
    (layout.buttons().collect(), layout.leds().collect())
}

#[test]
fn usages_are_found_wherever_they_are() {
    use Button::{Drop, Flash, Hook, LineBusy, Mute, Redial};
    let lamps = [Led::OffHook, Led::Ring, Led::Mute, Led::Hold];
    let all = [Hook, Mute, Flash, Drop, Redial, LineBusy];
    let layout = |name| Layout::parse(&descriptor(name)).expect(name);
    assert_eq!(found(&layout("one_byte")), (all[..4].to_vec(), lamps.to_vec()));
    assert_eq!(found(&layout("one_byte_sparse")), (vec![Hook, Mute], lamps[..3].to_vec()));
    assert_eq!(found(&layout("two_reports")), (all.to_vec(), Led::ALL.to_vec()));
    assert_eq!(found(&layout("array")), (all.to_vec(), lamps.to_vec()));
    let states = (vec![Hook, Mute, Flash], [&lamps[..2], &[Led::Hold, Led::Speaker]].concat());
    assert_eq!(found(&layout("states")), states);
}

#[test]
fn what_is_no_headset_says_why() {
    let error = |bytes: &[u8]| Layout::parse(bytes).expect_err("no headset");
    let descriptor_error = |bytes: &[u8]| match error(bytes) {
        LayoutError::Descriptor(error) => error,
        other => panic!("{other}"),
    };
    assert_eq!(error(&[]), LayoutError::NoHeadset);
    assert_eq!(error(&KEYBOARD), LayoutError::NoHeadset);
    assert_eq!(
        error(&[0x05, 0x0b, 0x09, 0x05, 0xa1, 0x02, 0xc0]),
        LayoutError::NoHeadset,
        "nested"
    );
    assert_eq!(error(&[0x05, 0x0b, 0x09, 0x05, 0xa1, 0x01, 0xc0]), LayoutError::Nothing);
    assert_eq!(descriptor_error(&[0x05]), DescriptorError::CutOff(0));
    assert_eq!(descriptor_error(&[0xfe, 2, 0, 0]), DescriptorError::CutOff(0), "a long item");
    assert_eq!(descriptor_error(&[0xc0]), DescriptorError::Unbalanced(0));
    assert_eq!(descriptor_error(&[0xb4]), DescriptorError::Unbalanced(0));
    assert_eq!(descriptor_error(&[0xa1, 0x01]), DescriptorError::Unbalanced(2));
    assert_eq!(descriptor_error(&[0x85, 0x00]), DescriptorError::ReportId(0));
    let long = [0x77, 0xff, 0xff, 0xff, 0xff, 0x97, 0xff, 0xff, 0xff, 0xff, 0x81, 0x02];
    assert_eq!(descriptor_error(&long), DescriptorError::LongReport(10));
    let many = vec![0; MAX_DESCRIPTOR + 1];
    assert_eq!(descriptor_error(&many), DescriptorError::TooLong(MAX_DESCRIPTOR + 1));
    for name in common::HEADSETS {
        let whole = descriptor(name);
        for end in 0..whole.len() {
            assert!(Layout::parse(&whole[..end]).is_err(), "{name} cut off at {end}");
        }
        let long_item = [&[0xfe, 3, 0x10, 1, 2, 3], &whole[..]].concat();
        let layouts = [&whole, &long_item].map(|bytes| Layout::parse(bytes).expect("a headset"));
        assert_eq!(found(&layouts[0]), found(&layouts[1]), "a long item before");
    }
}

#[test]
fn a_maker_s_bits_are_added_where_nothing_is() {
    let quirk = Quirk::of(0x6993).expect("Yealink");
    assert_eq!(Quirk::of(0x0b0e), None);
    let sparse = Layout::parse(&descriptor("one_byte_sparse")).expect("a headset");
    let whole = Layout::parse(&descriptor("one_byte")).expect("a headset");
    assert_eq!(found(&sparse.with_quirk(quirk)), found(&whole));
    for name in ["one_byte", "two_reports", "array"] {
        let layout = Layout::parse(&descriptor(name)).expect(name);
        assert_eq!(found(&layout.clone().with_quirk(quirk)), found(&layout), "{name}");
    }
    // A report of three bits has no place for what would be behind them.
    let short = [
        0x05, 0x0b, 0x09, 0x05, 0xa1, 0x01, 0x25, 0x01, 0x75, 0x01, 0x95, 0x01, 0x09, 0x20, 0x81,
        0x22, 0xc0,
    ];
    let layout = Layout::parse(&short).expect("a headset").with_quirk(quirk);
    let mut reports = Reports::new(layout);
    assert_eq!(reports.read(&[0xff]).map(|inputs| inputs.len()), Ok(4), "a byte is a byte");
    assert_eq!(reports.show(Default::default()), NOTHING, "no lamps were said");
}
