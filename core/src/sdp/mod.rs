//! Session descriptions (RFC 8866), read without loss, edited and written.
//!
//! What far ends send is rarely what one grammar allows: lines of unknown kinds, sections of
//! unknown media, attributes for the session that belong to a section, line ends without carriage
//! return. A [`Description`] keeps every line as it came; accessors find what is there, and what
//! nobody asks for costs nothing.
//!
//! ```
//! use offhook::sdp::{Description, Direction};
//!
//! let text = "v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=sendonly\nm=image 0 udptl t38\n";
//! let mut description = Description::read(text)?;
//! let audio = &mut description.sections[0];
//! assert_eq!((audio.kind(), audio.port()), ("audio", Some(9)));
//! assert_eq!(audio.direction(), Some(Direction::SendOnly));
//! audio.set_direction(Direction::Inactive);
//! assert!(description.sections[1].is_off());
//! assert!(description.to_string().contains("a=inactive\r\nm=image 0 udptl t38\r\n"));
//! # Ok::<(), offhook::sdp::SdpError>(())
//! ```

pub mod candidate;
mod direction;
mod error;
mod line;
mod section;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::Secret;

pub use self::direction::Direction;
pub use self::error::SdpError;
pub use self::line::Line;
pub(crate) use self::line::{is_one_line, is_word};
pub use self::section::Section;

/// Bytes of one description; a longer one is refused.
pub const MAX_BYTES: usize = 64 * 1024;
/// Lines of one description; one more is refused.
pub const MAX_LINES: usize = 1000;
/// Media sections of one description; one more is refused.
pub const MAX_SECTIONS: usize = 128;

/// A session description: the lines for the session, then the media sections, in order.
///
/// Writes itself (`to_string`) with every line that was read, ended by CR and LF.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description<'a> {
    /// The lines before the first media section.
    pub session: Vec<Line<'a>>,
    /// The media sections.
    pub sections: Vec<Section<'a>>,
}

impl<'a> Description<'a> {
    /// Reads a description. Empty lines are left out; nothing else is judged here.
    ///
    /// # Errors
    ///
    /// It is longer than [`MAX_BYTES`], [`MAX_LINES`] or [`MAX_SECTIONS`].
    pub fn read(text: &'a str) -> Result<Self, SdpError> {
        if text.len() > MAX_BYTES {
            return Err(SdpError::TooLong);
        }
        let mut description = Self::default();
        for (index, text) in text.lines().enumerate() {
            if index >= MAX_LINES {
                return Err(SdpError::TooManyLines);
            }
            if text.chars().all(char::is_whitespace) {
                continue;
            }
            let line = Line::numbered(index + 1, text);
            if line.kind() == Some('m') {
                if description.sections.len() >= MAX_SECTIONS {
                    return Err(SdpError::TooManySections);
                }
                description.sections.push(Section::new(line));
            } else {
                match description.sections.last_mut() {
                    Some(section) => section.lines.push(line),
                    None => description.session.push(line),
                }
            }
        }
        Ok(description)
    }

    /// All its lines, in order.
    fn lines(&self) -> impl Iterator<Item = &Line<'a>> {
        let of_sections =
            self.sections.iter().flat_map(|s| std::iter::once(&s.media).chain(&s.lines));
        self.session.iter().chain(of_sections)
    }

    /// As [written](fmt::Display), in memory that is asked for once.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(self.lines().map(|line| line.text().len() + 2).sum());
        self.lines().for_each(|line| {
            text.push_str(line.text());
            text.push_str("\r\n");
        });
        text
    }

    /// The value of an attribute for the whole session.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        line::value(&self.session, name)
    }

    /// The first ICE user name fragment and password (RFC 8839 section 5.4), of the session or of
    /// a section.
    #[must_use]
    pub fn ice_credentials(&self) -> Option<(&str, &str)> {
        let first = |name| {
            let of_sections = || self.sections.iter().find_map(|section| section.value(name));
            self.value(name).or_else(of_sections).map(str::trim)
        };
        Some((first("ice-ufrag")?, first("ice-pwd")?))
    }

    /// Puts other ICE credentials in place wherever there are some.
    pub fn set_ice_credentials(&mut self, ufrag: &str, pwd: &Secret) {
        for line in self.lines_mut() {
            match line.attribute() {
                Some(("ice-ufrag", _)) => *line = Line::attribute_line("ice-ufrag", ufrag),
                Some(("ice-pwd", _)) => *line = Line::attribute_line("ice-pwd", pwd.expose()),
                _ => {}
            }
        }
    }

    /// The values of all certificate fingerprints (RFC 8122), of the session and of its sections.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        let of_sections = self.sections.iter().flat_map(|section| &section.lines);
        let attributes = self.session.iter().chain(of_sections).filter_map(Line::attribute);
        let values = attributes.filter(|(name, _)| *name == "fingerprint");
        values.map(|(_, value)| value.to_owned()).collect()
    }

    /// Puts these certificate fingerprints (`sha-256 AB:CD`, RFC 8122) in place in each section
    /// that has some, or that the session has some for.
    pub fn set_fingerprints(&mut self, fingerprints: &[String]) {
        let is_one = |line: &Line<'_>| matches!(line.attribute(), Some(("fingerprint", _)));
        let of_session = self.session.iter().any(is_one);
        self.session.retain(|line| !is_one(line));
        for section in &mut self.sections {
            let own = section.lines.iter().any(is_one);
            section.lines.retain(|line| !is_one(line));
            if own || of_session {
                let lines = fingerprints.iter().map(|f| Line::attribute_line("fingerprint", f));
                section.lines.extend(lines);
            }
        }
    }

    /// Takes the candidates out, and returns them: the values of the lines, from `candidate:` on.
    pub fn take_candidates(&mut self) -> Vec<String> {
        let mut candidates = Vec::new();
        let mut keep = |line: &Line<'_>| match line.attribute() {
            Some(("candidate", value)) => {
                candidates.push(format!("candidate:{value}"));
                false
            }
            Some(("end-of-candidates", _)) => false,
            _ => true,
        };
        self.session.retain(&mut keep);
        for section in &mut self.sections {
            section.lines.retain(&mut keep);
        }
        candidates
    }

    /// The names (`a=mid`) in each group of a kind, as `BUNDLE` (RFC 8843).
    pub fn groups<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = Vec<&'s str>> + 's {
        line::values(&self.session, "group").filter_map(move |value| {
            let mut words = value.split_ascii_whitespace();
            (words.next()? == kind).then(|| words.collect())
        })
    }

    /// The name of the first section that has one.
    #[must_use]
    pub fn first_mid(&self) -> Option<&str> {
        self.sections.iter().find_map(Section::mid)
    }

    fn lines_mut(&mut self) -> impl Iterator<Item = &mut Line<'a>> {
        let of_sections = self.sections.iter_mut().flat_map(|section| &mut section.lines);
        self.session.iter_mut().chain(of_sections)
    }
}

impl fmt::Display for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().try_for_each(|line| {
            f.write_str(line.text())?;
            f.write_str("\r\n")
        })
    }
}
