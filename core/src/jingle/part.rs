//! Attributes of optional parts. An error is the attribute's name, for the path that tells of it.

use std::str::FromStr;

use crate::sdp::{is_one_line, is_word};
use crate::xmpp::{ElementRef, Skipped};

/// The longest id of a session, a conversation or a call, in bytes.
pub(crate) const MAX_ID: usize = 255;

/// A part that must be there and be readable.
#[inline]
pub(super) fn required<'d, T>(
    e: ElementRef<'d>,
    name: &'static str,
    read: impl FnOnce(&'d str) -> Option<T>,
) -> Result<T, &'static str> {
    e.attribute(name).and_then(read).ok_or(name)
}

/// Reads an attribute, if it is there and can be read. What is there and cannot is noted.
#[inline]
pub(super) fn maybe<'d, T>(
    e: ElementRef<'d>,
    name: &'static str,
    read: impl FnOnce(&'d str) -> Option<T>,
    skipped: &mut Skipped,
) -> Option<T> {
    let read = read(e.attribute(name)?);
    if read.is_none() {
        skipped.add(format_args!(": {name}"));
    }
    read
}

/// One word: a line of SDP may have to hold it.
pub(super) fn word(text: &str) -> Option<&str> {
    is_word(text).then_some(text)
}

/// A text that fits into one line.
pub(super) fn line(text: &str) -> Option<&str> {
    is_one_line(text).then_some(text)
}

/// A number.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().or_else(|_| text.trim().parse()).ok()
}

/// A child element, or nothing: what is wrong with it is noted with its path.
pub(super) fn child<'d, T>(
    parent: ElementRef<'d>,
    child: ElementRef<'d>,
    skipped: &mut Skipped,
    read: impl FnOnce(ElementRef<'d>, &mut Skipped) -> Result<T, &'static str>,
) -> Option<T> {
    skipped.inside(
        || format!("{}[{}]", child.name(), parent.ordinal(child)),
        |skipped| read(child, skipped).map_err(|what| skipped.add(format_args!(": {what}"))).ok(),
    )
}
