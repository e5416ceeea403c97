//! Settings of devices.

/// The fate of a session whose device does not open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fallback {
    /// The default device stands in, then the system's.
    #[default]
    OtherDevices,
    /// No other device stands in (DEF-19).
    Nothing,
}

/// Settings of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// The fate of a session whose device does not open. Default [`Fallback::OtherDevices`].
    pub fallback: Fallback,
}

setters!(Options { fallback: Fallback });
