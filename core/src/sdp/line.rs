//! One line.

use std::borrow::Cow;
use std::fmt;

/// A line of a description, as it came. Secrets are not shown by `Debug`.
#[derive(Clone)]
pub struct Line<'a> {
    number: usize,
    text: Cow<'a, str>,
}

/// Two lines are the same when they say the same, wherever they stand.
impl PartialEq for Line<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Line<'_> {}

impl<'a> Line<'a> {
    /// A line of one's own; without a number.
    #[must_use]
    pub fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self { number: 0, text: text.into() }
    }

    /// `a=name:value`, or `a=name` for an empty value. What would end the line becomes a space.
    #[must_use]
    pub fn attribute_line(name: &str, value: &str) -> Self {
        let text = if value.is_empty() { format!("a={name}") } else { format!("a={name}:{value}") };
        Self::new(if is_one_line(&text) { text } else { text.replace(char::is_control, " ") })
    }

    pub(super) fn numbered(number: usize, text: &'a str) -> Self {
        Self { number, text: Cow::Borrowed(text) }
    }

    /// Its number in what was read, from 1; 0 for one that was not read.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The whole line, without its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The letter before the `=`; none where there is no such.
    #[must_use]
    pub fn kind(&self) -> Option<char> {
        let mut chars = self.text.chars();
        chars.next().filter(|_| chars.next() == Some('='))
    }

    /// The text after the `=`, without white space around it.
    #[must_use]
    pub fn value(&self) -> &str {
        self.kind().map_or("", |kind| self.text[kind.len_utf8() + 1..].trim())
    }

    /// Name and value of an attribute (`a=`); a value that is not there is empty.
    #[must_use]
    pub fn attribute(&self) -> Option<(&str, &str)> {
        let (name, value) = self.parts()?;
        Some((name.trim(), value.trim()))
    }

    /// The value of an attribute of that name.
    pub(crate) fn value_of(&self, name: &str) -> Option<&str> {
        let (own, value) = self.parts()?;
        // Most lines are of another name.
        (own.len() >= name.len() && own.trim() == name).then(|| value.trim())
    }

    /// Name and value of an attribute, with the white space around them.
    fn parts(&self) -> Option<(&str, &str)> {
        let attribute = self.text.strip_prefix("a=")?;
        Some(match attribute.bytes().position(|byte| byte == b':') {
            Some(colon) => (&attribute[..colon], &attribute[colon + 1..]),
            None => (attribute, ""),
        })
    }
}

impl Line<'_> {
    /// The line for a person: short, without secrets, and without what would break out of it.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        const MOST: usize = 60;
        match self.attribute() {
            Some((name @ ("ice-pwd" | "crypto"), _)) => {
                return Cow::Owned(format!("a={name}:(secret)"));
            }
            _ if self.kind() == Some('k') => return Cow::Borrowed("k=(secret)"),
            _ => {}
        }
        if self.text.len() <= MOST && is_one_line(&self.text) {
            return Cow::Borrowed(&self.text);
        }
        let clean = self.text.chars().map(|c| if c.is_control() { '?' } else { c });
        Cow::Owned(clean.take(MOST).chain(['…']).collect())
    }
}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.number, self.shown())
    }
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// True if a text is one word of a line: no space, and nothing that would end the line.
pub(crate) fn is_word(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    !text.is_empty() && (all_bytes(text, |b| b.is_ascii_graphic()) || !text.contains(odd))
}

/// True if a text has nothing that would end the line.
pub(crate) fn is_one_line(text: &str) -> bool {
    all_bytes(text, |b| matches!(b, b' '..=b'~')) || !text.contains(char::is_control)
}

/// True if all bytes are so: of most texts they are, and nobody need look at the characters.
/// Without an early end, which would keep it from being done many bytes at a time.
fn all_bytes(text: &str, is_so: impl Fn(u8) -> bool) -> bool {
    text.bytes().fold(true, |all, b| all & is_so(b))
}

/// The attributes of one name.
pub(super) fn of_name<'s, 'a>(
    lines: &'s [Line<'a>],
    name: &'s str,
) -> impl Iterator<Item = (&'s Line<'a>, &'s str)> {
    lines.iter().filter_map(move |line| Some((line, line.value_of(name)?)))
}

pub(super) fn values<'s>(
    lines: &'s [Line<'_>],
    name: &'s str,
) -> impl Iterator<Item = &'s str> + 's {
    of_name(lines, name).map(|(_, value)| value)
}

pub(super) fn value<'s>(lines: &'s [Line<'_>], name: &str) -> Option<&'s str> {
    lines.iter().filter_map(Line::attribute).find(|(own, _)| *own == name).map(|(_, value)| value)
}

pub(super) fn direction(lines: &[Line<'_>]) -> Option<super::Direction> {
    lines.iter().find_map(|line| {
        let (name, _) = line.attribute()?;
        super::Direction::from_name(name)
    })
}
