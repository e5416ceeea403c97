//! The texts that agents send each other: each has a number, and all that a text may have in it.

use offhook::ribbon::Draft;

use crate::world::PhoneId;

/// Words that break what does not take them as they are.
const WORDS: [&str; 6] = [
    "plain words",
    "a \"quote\" and a \\",
    "two\nlines",
    "\u{1f4de} \u{e9}t\u{e9} \u{4f60}\u{597d}",
    "<b>&amp;</b> %41 +",
    " spaces \t at both ends ",
];

/// The parts of a phone's message of that number.
fn parts(phone: PhoneId, number: u64) -> Vec<String> {
    let words = WORDS[(number % 6) as usize];
    let first = format!("{} {number}: {words}", phone.0);
    // Some have more parts than one.
    if number.is_multiple_of(5) { vec![first, "and more".to_owned()] } else { vec![first] }
}

/// A phone's message of that number.
pub(super) fn draft(phone: PhoneId, number: u64) -> Draft {
    let mut parts = parts(phone, number).into_iter();
    let first = Draft::text(parts.next().unwrap_or_default());
    parts.fold(first, Draft::part)
}

/// True if a text on the wire is that message: its parts, a line each.
pub(super) fn is(text: &str, draft: &Draft) -> bool {
    let more = text.strip_suffix("\nand more").map(|first| Draft::text(first).part("and more"));
    *draft == more.unwrap_or_else(|| Draft::text(text))
}
