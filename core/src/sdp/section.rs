//! One media section.

use super::line::{self, Line};
use super::{Description, Direction};

/// A media section: its `m=` line and the lines up to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// `m=<kind> <port> <protocol> <formats>` (RFC 8866 section 5.14).
    pub media: Line<'a>,
    /// The lines after it.
    pub lines: Vec<Line<'a>>,
}

impl<'a> Section<'a> {
    /// A section with nothing but its `m=` line.
    #[must_use]
    pub fn new(media: Line<'a>) -> Self {
        Self { media, lines: Vec::new() }
    }

    fn word(&self, index: usize) -> &str {
        self.media.value().split_ascii_whitespace().nth(index).unwrap_or_default()
    }

    /// The kind of media, as `audio`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.word(0)
    }

    /// The port; the first one of a range.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.word(1).split('/').next()?.parse().ok()
    }

    /// The transport protocol, as `UDP/TLS/RTP/SAVPF`.
    #[must_use]
    pub fn protocol(&self) -> &str {
        self.word(2)
    }

    /// The formats; payload types where the protocol is RTP.
    pub fn formats(&self) -> impl Iterator<Item = &str> {
        self.media.value().split_ascii_whitespace().skip(3)
    }

    /// True if it is off: port 0, and not only because it rides on another section's transport
    /// (`a=bundle-only`, RFC 8843 section 6).
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.port() == Some(0) && self.value("bundle-only").is_none()
    }

    /// The name (`a=mid`, RFC 5888), letter for letter.
    #[must_use]
    pub fn mid(&self) -> Option<&str> {
        self.value("mid").filter(|mid| !mid.is_empty())
    }

    /// The direction that it states itself.
    #[must_use]
    pub fn direction(&self) -> Option<Direction> {
        line::direction(&self.lines)
    }

    /// The direction in force: its own, or the session's, or both ways.
    #[must_use]
    pub fn direction_in(&self, description: &Description<'_>) -> Direction {
        self.direction().or_else(|| line::direction(&description.session)).unwrap_or_default()
    }

    /// True if an attribute is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The value of the first attribute of a name; empty for one that has no value.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        line::value(&self.lines, name)
    }

    /// The attributes of a name: their lines and values.
    pub fn attributes<'s>(
        &'s self,
        name: &'s str,
    ) -> impl Iterator<Item = (&'s Line<'a>, &'s str)> + 's {
        line::of_name(&self.lines, name)
    }

    /// Adds an attribute at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        self.lines.push(Line::attribute_line(name, value));
    }

    /// Takes all attributes of a name away.
    pub fn remove(&mut self, name: &str) {
        self.lines.retain(|line| line.value_of(name).is_none());
    }

    /// States a direction in place of the one that was stated.
    pub fn set_direction(&mut self, direction: Direction) {
        self.lines.retain(|line| {
            line.attribute().is_none_or(|(name, _)| Direction::from_name(name).is_none())
        });
        self.push(direction.name(), "");
    }
}
