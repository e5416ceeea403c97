//! Sections of settings, and what changes them while a client runs.

/// A section of settings: a struct with its defaults, and its patch, in which everything is left out
/// that stays as it is (RA-005). Fields are settings, with `@into` what becomes them can be given; those after
/// `with` are sections.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident, $patch:ident {
        $($(#[$about:meta])* $field:ident: $(@$how:ident)? $type:ty = $default:expr,)*
    } $(with {
        $($(#[$part_about:meta])* $part:ident: $section:ident, $section_patch:ident,)*
    })?) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$about])* pub $field: $type,)*
            $($($(#[$part_about])* pub $part: $section,)*)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    $($($part: $section::default(),)*)?
                }
            }
        }

        impl $name {
            $(
                #[doc = concat!(
                    "With this [`", stringify!($field), "`](Self#structfield.", stringify!($field), ")."
                )]
                #[must_use]
                pub fn $field(mut self, $field: section!(@given $($how)? $type)) -> Self {
                    self.$field = section!(@taken $($how)? $field);
                    self
                }
            )*
            $($(
                #[doc = concat!(
                    "With this [`", stringify!($part), "`](Self#structfield.", stringify!($part), ")."
                )]
                #[must_use]
                pub fn $part(mut self, $part: $section) -> Self {
                    self.$part = $part;
                    self
                }
            )*)?
        }

        #[doc = concat!("A change of [`", stringify!($name), "`]: what is left out stays as it is.")]
        #[derive(Clone, Debug, Default)]
        #[non_exhaustive]
        pub struct $patch {
            $(
                #[doc = concat!("Another [`", stringify!($name), "::", stringify!($field), "`].")]
                pub $field: Option<$type>,
            )*
            $($(
                #[doc = concat!("Changes in [`", stringify!($name), "::", stringify!($part), "`].")]
                pub $part: $section_patch,
            )*)?
        }

        impl $patch {
            $(
                #[doc = concat!("Changes [`", stringify!($name), "::", stringify!($field), "`].")]
                #[must_use]
                pub fn $field(mut self, $field: section!(@given $($how)? $type)) -> Self {
                    self.$field = Some(section!(@taken $($how)? $field));
                    self
                }
            )*
            $($(
                #[doc = concat!("Changes [`", stringify!($name), "::", stringify!($part), "`].")]
                #[must_use]
                pub fn $part(mut self, $part: $section_patch) -> Self {
                    self.$part = $part;
                    self
                }
            )*)?

            /// Changes what is not left out.
            pub(in crate::ribbon) fn apply(self, to: &mut $name) {
                $(if let Some($field) = self.$field { to.$field = $field; })*
                $($(self.$part.apply(&mut to.$part);)*)?
            }
        }
    };
    // A setting is given as it is, or as what becomes it.
    (@given $type:ty) => { $type };
    (@given into $type:ty) => { impl Into<$type> };
    (@taken $value:ident) => { $value };
    (@taken into $value:ident) => { $value.into() };
}
pub(super) use section;
