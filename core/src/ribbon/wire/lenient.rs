//! Reading of JSON that is lenient in what it skips: a value of another shape than the wanted one is as
//! good as none, of a key that stands twice the last counts, and what nobody asks for is passed over. One
//! pass, and texts are borrowed where nothing in them is escaped.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::plain::json_fault;

/// A type that can be read from any JSON value, and is its default where the value has another shape.
pub(crate) trait Lenient<'de>: Default {
    fn text(_: Cow<'de, str>) -> Self {
        Self::default()
    }

    fn whole(_: i128) -> Self {
        Self::default()
    }

    fn fraction(_: f64) -> Self {
        Self::default()
    }

    fn flag(_: bool) -> Self {
        Self::default()
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }

    fn object<A: MapAccess<'de>>(mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::default())
    }
}

/// Reads a document.
///
/// # Errors
///
/// It is no JSON: the fault, without a word of it.
pub(crate) fn read<'de, T: Lenient<'de>>(document: &'de [u8]) -> Result<T, String> {
    let mut from = serde_json::Deserializer::from_slice(document);
    let value = Part::default().deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    value.map_err(|error| json_fault(&error))
}

/// Reads a document that is text already.
///
/// # Errors
///
/// It is no JSON: the fault, without a word of it.
pub(crate) fn read_text<'de, T: Lenient<'de>>(document: &'de str) -> Result<T, String> {
    let mut from = serde_json::Deserializer::from_str(document);
    let value = Part::default().deserialize(&mut from).and_then(|value| from.end().map(|()| value));
    value.map_err(|error| json_fault(&error))
}

/// The reader of a value.
pub(crate) struct Part<T>(PhantomData<T>);

impl<T> Default for Part<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T: Lenient<'de>> DeserializeSeed<'de> for Part<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de, T: Lenient<'de>> Visitor<'de> for Part<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(T::whole(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(T::whole(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        Ok(T::fraction(number))
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<T, E> {
        Ok(T::flag(flag))
    }

    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_none<E: Error>(self) -> Result<T, E> {
        Ok(T::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<T, A::Error> {
        T::object(object)
    }
}

/// A text, or a number or a flag as text; none where it is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl<'a> Lenient<'a> for Text<'a> {
    fn text(text: Cow<'a, str>) -> Self {
        Self((!text.is_empty()).then_some(text))
    }

    fn whole(number: i128) -> Self {
        Self(Some(Cow::Owned(number.to_string())))
    }

    fn fraction(number: f64) -> Self {
        Self(Some(Cow::Owned(number.to_string())))
    }

    fn flag(flag: bool) -> Self {
        Self(Some(Cow::Borrowed(if flag { "true" } else { "false" })))
    }
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// It, to be kept.
    pub(crate) fn into_owned(self) -> Option<String> {
        self.0.map(Cow::into_owned)
    }
}

/// A whole number, also one that is written as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Whole(pub(crate) Option<i64>);

impl<'a> Lenient<'a> for Whole {
    fn text(text: Cow<'a, str>) -> Self {
        Self(text.trim().parse().ok())
    }

    fn whole(number: i128) -> Self {
        Self(number.try_into().ok())
    }

    fn fraction(number: f64) -> Self {
        // What no whole number can hold is the nearest that can.
        Self(number.is_finite().then_some(number as i64))
    }
}

impl Whole {
    /// The number, if it is not negative.
    pub(crate) fn natural(self) -> Option<u64> {
        self.0.and_then(|number| number.try_into().ok())
    }

    /// The number as a code of the gateway's or of SIP's.
    pub(crate) fn code(self) -> Option<i32> {
        self.0.and_then(|number| number.try_into().ok())
    }
}

/// A flag, also one that is written as text: `true`, `yes` and `1` are so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) Option<bool>);

impl<'a> Lenient<'a> for Flag {
    fn text(text: Cow<'a, str>) -> Self {
        let is = |words: [&str; 3]| words.iter().any(|word| word.eq_ignore_ascii_case(text.trim()));
        match () {
            () if is(["true", "yes", "1"]) => Self(Some(true)),
            () if is(["false", "no", "0"]) => Self(Some(false)),
            () => Self(None),
        }
    }

    fn whole(number: i128) -> Self {
        Self(Some(number != 0))
    }

    fn flag(flag: bool) -> Self {
        Self(Some(flag))
    }
}

/// A list of at most so many; those beyond are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct List<T, const MOST: usize> {
    pub(crate) items: Vec<T>,
    /// Those left out.
    pub(crate) cut: usize,
}

impl<T, const MOST: usize> Default for List<T, MOST> {
    fn default() -> Self {
        Self { items: Vec::new(), cut: 0 }
    }
}

impl<'de, T: Lenient<'de>, const MOST: usize> Lenient<'de> for List<T, MOST> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut read = Self::default();
        while read.items.len() < MOST {
            match list.next_element_seed(Part::default())? {
                Some(item) => read.items.push(item),
                None => return Ok(read),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            read.cut += 1;
        }
        Ok(read)
    }
}

/// An object that is there or is not.
impl<'de, T: Lenient<'de>> Lenient<'de> for Option<Box<T>> {
    fn object<A: MapAccess<'de>>(object: A) -> Result<Self, A::Error> {
        T::object(object).map(|value| Some(Box::new(value)))
    }
}

/// A list that is there or is not.
impl<'de, T: Lenient<'de>, const MOST: usize> Lenient<'de> for Option<List<T, MOST>> {
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Self, A::Error> {
        List::list(list).map(Some)
    }
}

/// Nothing of it is wanted, but that it is JSON.
impl<'de> Lenient<'de> for () {}

/// A key of an object.
pub(crate) struct Key<'a>(Cow<'a, str>);

impl Key<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> serde::Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(key))
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(key.to_owned()))
            }
        }
        from.deserialize_identifier(Reader).map(Self)
    }
}

/// An object of which some keys are read: a struct of parts, each with its key.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident$(<$life:lifetime>)? {
        $($(#[$about:meta])* $field:ident: $type:ty = $key:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(crate) struct $name$(<$life>)? {
            $($(#[$about])* pub(crate) $field: $type,)*
        }

        object!(@read $name, ($($life)?), $($field = $key),*);
    };
    (@read $name:ident, ($life:lifetime), $($field:ident = $key:literal),*) => {
        impl<$life> $crate::ribbon::wire::lenient::Lenient<$life> for $name<$life> {
            object!(@fn $life, $($field = $key),*);
        }
    };
    (@read $name:ident, (), $($field:ident = $key:literal),*) => {
        impl<'de> $crate::ribbon::wire::lenient::Lenient<'de> for $name {
            object!(@fn 'de, $($field = $key),*);
        }
    };
    (@fn $life:lifetime, $($field:ident = $key:literal),*) => {
        fn object<A: serde::de::MapAccess<$life>>(mut object: A) -> Result<Self, A::Error> {
            use $crate::ribbon::wire::lenient::{Key, Part};
            let mut read = Self::default();
            while let Some(key) = object.next_key::<Key<'_>>()? {
                match key.as_str() {
                    $($key => read.$field = object.next_value_seed(Part::default())?,)*
                    _ => {
                        object.next_value::<serde::de::IgnoredAny>()?;
                    }
                }
            }
            Ok(read)
        }
    };
}
pub(crate) use object;

#[cfg(test)]
mod tests {
    use super::*;

    object! {
        Whatever<'a> {
            text: Text<'a> = "text",
            number: Whole = "number",
            flag: Flag = "flag",
            list: List<Text<'a>, 2> = "list",
            inner: Option<Box<Inner>> = "inner",
        }
    }
    object! {
        Inner {
            number: Whole = "n",
        }
    }

    #[test]
    fn values_of_other_shapes_are_none_and_of_doubles_the_last_counts() {
        let odd = r#"{"text": ["x"], "number": {"n": 1}, "flag": null, "list": {"a": 1},
                      "inner": [], "more": [1, {"x": null}], "text": [[]]}"#;
        assert_eq!(read_text::<Whatever<'_>>(odd), Ok(Whatever::default()));
        let good = r#"{"text": "old", "text": "new", "number": "7", "flag": "Yes",
                       "list": [1, true, 2.5, null], "inner": {"n": -3.9}}"#;
        let good: Whatever<'_> = read_text(good).unwrap();
        assert!(matches!(good.text.0, Some(Cow::Borrowed("new"))));
        assert_eq!((good.number.0, good.flag.0), (Some(7), Some(true)));
        let list: Vec<_> = good.list.items.iter().map(Text::as_str).collect();
        assert_eq!((list, good.list.cut), (vec!["1", "true"], 2));
        assert_eq!(good.inner.unwrap().number, Whole(Some(-3)));
        for other in ["1", "[]", "\"x\"", "null", "true"] {
            assert_eq!(read_text::<Whatever<'_>>(other), Ok(Whatever::default()), "{other}");
        }
        for broken in ["", "{", "{}x", "{\"text\": \"s3cret\u{1}\"}"] {
            let fault = read::<Whatever<'_>>(broken.as_bytes()).unwrap_err();
            assert!(!fault.contains("s3cret"), "{fault}");
        }
    }

    #[test]
    fn numbers_are_whole_within_their_range() {
        let whole = |text: &str| read_text::<Whole>(text).unwrap();
        assert_eq!(whole("18446744073709551615").0, None);
        assert_eq!((whole("-1").natural(), whole("-1").code()), (None, Some(-1)));
        assert_eq!((whole("\" 42 \"").natural(), whole("1e3").0), (Some(42), Some(1000)));
        assert_eq!((whole("\"4x\"").0, whole("99999999999").code()), (None, None));
    }
}
