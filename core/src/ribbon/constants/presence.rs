//! Constants of presence.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use crate::plain;

/// Constants that others may stand beside: what is not known is kept as it is.
macro_rules! open_constants {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$about:meta])* $variant:ident = $value:literal,)*
        ..
        $(#[$other:meta])* Other
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant,)*
            $(#[$other])*
            Other(String),
        }

        impl $name {
            /// Those that have a name here, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The value.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $value,)*
                    Self::Other(value) => value,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($value => Self::$variant,)*
                    other => Self::Other(plain(other).into_owned()),
                }
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}

open_constants! {
    /// The state of a user who can be reached, or cannot (RK-005).
    Status {
        /// The user can be.
        Open = "open",
        /// The user cannot be.
        Closed = "closed",
        ..
        /// Another status, as the gateway has it. Cannot be set.
        Other
    }
}

open_constants! {
    /// The activity of a user (RK-006).
    Activity {
        /// Nothing that stands in the way. [`Activity::AVAILABLE`] is its other name (w8.28).
        Active = "active",
        /// Nothing, for a while.
        Idle = "idle",
        /// The user is not there.
        Away = "away",
        /// The user eats.
        Lunch = "lunch",
        /// Something else, which a note may tell.
        OtherActivity = "other",
        /// Something that stands in the way.
        Busy = "busy",
        /// The user is on holiday.
        Vacation = "vacation",
        /// The user is in a call.
        OnThePhone = "on-the-phone",
        /// Not known.
        Unknown = "unknown",
        ..
        /// Another activity, as the gateway has it. Cannot be set.
        Other
    }
}

impl Activity {
    /// The documents' name for [`Activity::Active`].
    pub const AVAILABLE: Self = Self::Active;
}
