//! Constants of the SDK (w6.3): each set an enum, with the SDK's values as texts.

mod calls;
mod operations;
mod presence;
mod reports;
mod service;

pub use calls::{CallState, HoldState, MediaConnectionState};
pub use operations::{OperationKind, OperationStatus, Transition};
pub use presence::{Activity, Status};
pub use reports::{Metric, ReportEvent};
pub use service::{ChangeReason, LogLevel};

/// A text that is no value of a set of constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no {0}")]
pub struct UnknownValue(pub(crate) &'static str);

/// A set of constants: an enum whose variants have texts as values, and are read and serialised so.
macro_rules! constants {
    ($(#[$doc:meta])* $name:ident, $what:literal {
        $($(#[$about:meta])* $variant:ident = $value:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $value,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::ribbon::UnknownValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let mut all = Self::ALL.iter().copied();
                all.find(|one| one.as_str() == text).ok_or(crate::ribbon::UnknownValue($what))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use constants;
