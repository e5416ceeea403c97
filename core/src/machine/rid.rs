//! The name of one encoding among several of a track.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// The name of an encoding of a track that is sent in several at once: the same picture in other sizes or rates
/// (`a=rid`, RFC 8851 section 4; simulcast, RFC 8853).
///
/// ```
/// # use offhook::machine::Rid;
/// let rid: Rid = "h".parse()?;
/// assert_eq!(rid.as_str(), "h");
/// # Ok::<(), offhook::machine::NotARid>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Rid([u8; Self::MAX_LENGTH]);

/// A text that is no name of an encoding: it is empty, too long, or has other characters than letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an encoding")]
pub struct NotARid;

impl Rid {
    /// The longest name, in characters. RFC 8852 section 3 allows longer ones and wants short ones.
    pub const MAX_LENGTH: usize = 8;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX_LENGTH);
        self.0.get(..length).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl FromStr for Rid {
    type Err = NotARid;

    fn from_str(text: &str) -> Result<Self, NotARid> {
        let usable = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let mut name = [0; Self::MAX_LENGTH];
        let place = name.get_mut(..text.len()).filter(|_| usable).ok_or(NotARid)?;
        place.copy_from_slice(text.as_bytes());
        Ok(Self(name))
    }
}

impl TryFrom<String> for Rid {
    type Error = NotARid;

    fn try_from(text: String) -> Result<Self, NotARid> {
        text.parse()
    }
}

impl Serialize for Rid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for Rid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Rid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_8852_3_a_name_has_letters_and_digits_and_is_short() {
        for name in ["h", "m1", "12345678"] {
            assert_eq!(name.parse::<Rid>().unwrap().to_string(), name);
        }
        for not in ["", "a-b", "a b", "é", "123456789", "a\0"] {
            assert_eq!(not.parse::<Rid>(), Err(NotARid), "{not:?}");
        }
    }
}
