//! Values of bodies, as far as they may be kept.

use serde_json::{Map, Value, json};

/// The largest entry of any store, as JSON.
const MAX_ENTRY: usize = 16 << 10;

/// Returns true if a value may be kept.
pub(super) fn is_small(value: &Value) -> bool {
    value.to_string().len() <= MAX_ENTRY
}

/// The fields of an object; none of anything else.
pub(super) fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// A list of texts; none where it is no such list.
pub(super) fn texts(value: &Value, most: usize) -> Option<Vec<String>> {
    let list = value.as_array().filter(|list| list.len() <= most)?;
    list.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

/// An object with the code of success where it is the only thing to say.
pub(super) const NOTHING: fn() -> Value = || json!({});
