//! Things that somebody wrote or sent, which no log shows.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

/// Something of somebody's: `Debug` says that it is there, and no more.
///
/// ```
/// use offhook::ribbon::Private;
///
/// let text = Private::from("see you at nine".to_owned());
/// assert_eq!(format!("{text:?}"), "Private(..)");
/// assert!(text.ends_with("nine"));
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// The thing itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Private<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for Private<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private(..)")
    }
}
