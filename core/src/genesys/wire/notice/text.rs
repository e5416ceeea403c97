//! A text of a notification, borrowed from it where nothing in it is escaped.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::genesys::ids::MAX_ID;

/// A text, or a number as text; null is an empty one, as the service means the same by both.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Text<'_> {
    /// It, to be kept.
    pub(crate) fn into_owned(self) -> Text<'static> {
        Text(self.0.into_owned().into())
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader).map(Self)
    }
}

/// A text and nothing else, or null.
pub(super) fn only<'de, D: Deserializer<'de>>(from: D) -> Result<Text<'de>, D::Error> {
    from.deserialize_any(Strict { null: true, longest: usize::MAX }).map(Text)
}

/// A name of something in the service, within its bound.
pub(super) fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Text<'de>, D::Error> {
    from.deserialize_any(Strict { null: false, longest: MAX_ID }).map(Text)
}

/// The same, or null.
pub(super) fn name_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Text<'de>, D::Error> {
    from.deserialize_any(Strict { null: true, longest: MAX_ID }).map(Text)
}

struct Strict {
    /// True if null is an empty text.
    null: bool,
    /// In bytes.
    longest: usize,
}

impl Strict {
    fn checked<'de, E: Error>(&self, text: Cow<'de, str>) -> Result<Cow<'de, str>, E> {
        match text.len() {
            length if length > self.longest => Err(E::custom(format!("a name of {length} bytes"))),
            _ => Ok(text),
        }
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        self.checked(text.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.checked(text.to_owned().into())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        if self.null {
            Ok(Cow::Borrowed(""))
        } else {
            Err(E::invalid_type(Unexpected::Unit, &self))
        }
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(text.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.to_owned().into())
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(text.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(number.to_string().into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(number.to_string().into())
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }
}
