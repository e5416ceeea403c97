//! The page's colours can be read, by daylight and in the dark (WCAG 2.2, success criteria 1.4.3 and
//! 1.4.11).

use std::collections::BTreeMap;

use super::PAGE;

/// The least contrast of small text. Lines and arrows, which need 3, keep to it too.
const LEAST: f64 = 4.5;
/// The colours that words and lines are drawn on: the page, its panels, the chosen row. A row under
/// the pointer is between the page and a chosen one.
const GROUNDS: [&str; 3] = ["ground", "panel", "pick"];
const INKS: [&str; 6] = ["ink", "quiet", "rest", "xmpp", "notices", "media"];
const STATES: [&str; 7] = ["idle", "ringing", "connecting", "talking", "silent", "muted", "held"];

type Colours = BTreeMap<String, [u8; 3]>;

/// The colours of a `:root` block.
fn colours(block: &str) -> Colours {
    let block = &block[..block.find('}').unwrap()];
    let declarations = block.split(';').filter_map(|declaration| declaration.split_once(':'));
    declarations
        .filter_map(|(name, value)| Some((name.trim().strip_prefix("--")?, value.trim())))
        .map(|(name, value)| {
            let digits = value.strip_prefix('#').unwrap_or_else(|| panic!("{name}: {value}"));
            assert_eq!(digits.len(), 6, "{name}: {value}");
            let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
            (name.to_owned(), [part(0), part(2), part(4)])
        })
        .collect()
}

/// By daylight and in the dark.
fn palettes() -> [Colours; 2] {
    let mut blocks = PAGE.split(":root {").skip(1).map(colours);
    let light = blocks.next().unwrap();
    let mut dark = light.clone();
    dark.extend(blocks.next().unwrap());
    assert!(blocks.next().is_none());
    [light, dark]
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| {
        let part = f64::from(part) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn contrast_is_that_of_wcag() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([0x77; 3], [255; 3]) - 4.48).abs() < 0.01);
}

#[test]
fn words_and_lines_can_be_read_by_day_and_in_the_dark() {
    for (palette, when) in palettes().iter().zip(["light", "dark"]) {
        let lines = INKS.iter().chain(&STATES);
        let on_grounds = lines.flat_map(|ink| GROUNDS.map(|ground| (*ink, ground)));
        let on_states = STATES.map(|state| ("on", state));
        for (ink, ground) in on_grounds.chain(on_states) {
            let contrast = contrast(palette[ink], palette[ground]);
            assert!(contrast >= LEAST, "{when}: {ink} on {ground} is {contrast:.2}");
        }
    }
}

#[test]
fn states_are_told_apart() {
    for palette in palettes() {
        let mut seen: Vec<_> = STATES.iter().map(|state| palette[*state]).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), STATES.len());
    }
}

#[test]
fn all_colours_have_names() {
    let style = &PAGE[PAGE.find("* { box-sizing").unwrap()..PAGE.find("</style>").unwrap()];
    for outside in ["#", "rgb(", "rgba(", "hsl", "color: white", "color: black", "opacity"] {
        assert!(!style.contains(outside), "a colour without name, or faded: {outside}");
    }
    for state in STATES {
        assert!(style.contains(&format!(".{state} {{ --state: var(--{state}); }}")), "{state}");
        assert!(PAGE.contains(&format!("{state}: '")), "{state} has no meaning in the legend");
    }
}
