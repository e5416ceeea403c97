//! Settings of a headset.

use std::time::Duration;

/// The fate of the calls that talk when another one is answered by a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Second {
    /// They are held.
    #[default]
    Holds,
    /// They are ended.
    Ends,
}

/// Settings of a headset.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The fate of the calls that talk when another one is answered by a key. Default
    /// [`Second::Holds`].
    pub second: Second,
    /// The time after a change of a lamp in which a report that says the same is the device's echo.
    /// Default 300 ms.
    pub echo: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { second: Second::Holds, echo: Duration::from_millis(300) }
    }
}

setters!(Options { second: Second, echo: Duration });
