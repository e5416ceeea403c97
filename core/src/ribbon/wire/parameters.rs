//! Custom parameters of calls (RT-023).

use serde::Serialize;
use serde_json::{Value, json};

use super::lenient::{List, Text, object};
use crate::plain;
use crate::ribbon::error::{CallCode, Error};

/// The most parameters that travel at once.
pub(crate) const MAX_PARAMETERS: usize = 64;
/// The longest name and the longest value in bytes.
const MAX_NAME: usize = 256;
const MAX_VALUE: usize = 4096;

/// A parameter of the application's, which rides on a call's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CustomParameter {
    /// Its name, as `X-GPS`.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl CustomParameter {
    /// A parameter.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }

    /// True if it can travel.
    fn fits(&self) -> bool {
        !self.name.is_empty() && self.name.len() <= MAX_NAME && self.value.len() <= MAX_VALUE
    }
}

/// Checks parameters that are to be sent (RA-036).
///
/// # Errors
///
/// [`CallCode::InvalidParam`]: more than 64, one without a name, a name of over 256 bytes, a value of over
/// 4 KiB.
pub(crate) fn check(parameters: &[CustomParameter]) -> Result<(), Error> {
    if parameters.len() > MAX_PARAMETERS {
        let text = format!("{} custom parameters", parameters.len());
        return Err(Error::new(CallCode::InvalidParam, text));
    }
    match parameters.iter().find(|one| !one.fits()) {
        Some(_) => Err(Error::new(
            CallCode::InvalidParam,
            "a custom parameter without a name, or too long",
        )),
        None => Ok(()),
    }
}

/// Parameters as a request has them.
pub(crate) fn sent(parameters: &[CustomParameter]) -> Value {
    parameters.iter().map(|one| json!({"name": one.name, "value": one.value})).collect()
}

object! {
    /// A parameter as it comes.
    Read<'a> {
        name: Text<'a> = "name",
        value: Text<'a> = "value",
    }
}

/// Parameters as they come.
pub(super) type ReadParameters<'a> = List<Read<'a>, MAX_PARAMETERS>;

/// Parameters that came, and the number of those left out: beyond 64, without a name, or too long.
pub(super) fn received(read: ReadParameters<'_>) -> (Vec<CustomParameter>, usize) {
    let came = read.items.len();
    let whole = read.items.into_iter().map(|one| CustomParameter {
        name: plain(one.name.as_str()).into_owned(),
        value: one.value.into_owned().unwrap_or_default(),
    });
    let kept: Vec<_> = whole.filter(CustomParameter::fits).collect();
    let cut = read.cut + came - kept.len();
    (kept, cut)
}
