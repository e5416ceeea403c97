//! Keys to press in a call, with pauses between them (w4.18).

use std::str::FromStr;
use std::time::Duration;

use super::error::{CallCode, Error};
use crate::media::Digit;

/// The most keys and pauses of one command.
pub(super) const MAX_TONES: usize = 64;
/// The time between two keys (w4.18).
pub(super) const TONE_GAP: Duration = Duration::from_millis(70);
/// The pause that a comma stands for (RA-038).
pub(super) const TONE_PAUSE: Duration = Duration::from_secs(2);

/// A key, or a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tone {
    /// A key.
    Key(Digit),
    /// A pause of 2 s: a comma.
    Pause,
}

/// Keys to press, in this order: `0` to `9`, `*`, `#`, and `,` for a pause.
///
/// ```
/// use offhook::ribbon::Tones;
///
/// let tones: Tones = "1,22#".parse()?;
/// assert_eq!(tones.len(), 5);
/// assert!("1x".parse::<Tones>().is_err(), "the whole text is looked at");
/// # Ok::<(), offhook::ribbon::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tones(Vec<Tone>);

impl Tones {
    /// The number of keys and pauses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Tone> + '_ {
        self.0.iter().copied()
    }
}

impl From<Vec<Digit>> for Tones {
    fn from(keys: Vec<Digit>) -> Self {
        Self(keys.into_iter().map(Tone::Key).collect())
    }
}

impl FromStr for Tones {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = |fault| Error::new(CallCode::InvalidParam, fault);
        let tones: Result<Vec<_>, _> = text.chars().map(tone).collect();
        let tones = tones.map_err(|()| invalid("a tone that is no key and no pause"))?;
        match tones.first() {
            None => Err(invalid("no keys")),
            Some(Tone::Pause) => Err(invalid("the first tone is no key")),
            Some(Tone::Key(_)) if tones.len() > MAX_TONES => Err(invalid("too many keys")),
            Some(Tone::Key(_)) => Ok(Self(tones)),
        }
    }
}

fn tone(sign: char) -> Result<Tone, ()> {
    match sign {
        ',' => Ok(Tone::Pause),
        '0'..='9' | '*' | '#' => Digit::try_from(sign).map(Tone::Key).map_err(drop),
        _ => Err(()),
    }
}
