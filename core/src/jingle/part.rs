//! Attributes of optional parts. An error is the attribute's name, for the path that tells of it.

use std::str::FromStr;

use crate::sdp::is_word;
use crate::xmpp::{ElementRef, Skipped};

/// The longest id of a session, a conversation or a call, in bytes.
pub(crate) const MAX_ID: usize = 255;

/// An attribute that must be there.
pub(super) fn required<'d>(e: ElementRef<'d>, name: &'static str) -> Result<&'d str, &'static str> {
    e.attribute(name).ok_or(name)
}

/// One word that must be there: a line of SDP may have to hold it.
pub(super) fn word<'d>(e: ElementRef<'d>, name: &'static str) -> Result<&'d str, &'static str> {
    required(e, name).and_then(|text| if is_word(text) { Ok(text) } else { Err(name) })
}

/// A text that must be there and fit into one line.
pub(super) fn line<'d>(e: ElementRef<'d>, name: &'static str) -> Result<&'d str, &'static str> {
    let odd = |text: &&str| text.contains(char::is_control);
    required(e, name).and_then(|text| if odd(&text) { Err(name) } else { Ok(text) })
}

/// A number that must be there.
pub(super) fn number<T: FromStr>(e: ElementRef<'_>, name: &'static str) -> Result<T, &'static str> {
    required(e, name).and_then(|text| text.trim().parse().map_err(|_| name))
}

/// What is there and can be read. What is there and cannot is noted.
pub(super) fn maybe<'d, T>(
    e: ElementRef<'d>,
    name: &'static str,
    read: impl FnOnce(ElementRef<'d>, &'static str) -> Result<T, &'static str>,
    skipped: &mut Skipped,
) -> Option<T> {
    e.attribute(name)?;
    read(e, name).map_err(|what| skipped.add(format_args!(": {what}"))).ok()
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
