//! Setters of settings and records that users build: each has the name of its field, and gives the
//! whole back, so that they can be chained where a literal cannot be written
//! (`#[non_exhaustive]`).

/// Setters for the fields of a type. A field is given as it is (`trace: bool`), as what it is made
/// of (`environment: into String`), or as what is there (`ws_host: some String`).
macro_rules! setters {
    ($type:ident { $($field:ident: $how:ident $($rest:ident)?),* $(,)? }) => {
        impl $type {
            $(setters!(@one $field $how $($rest)?);)*
        }
    };
    (@one $field:ident into $type:ident) => {
        #[doc = concat!("With this [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: impl Into<$type>) -> Self {
            self.$field = $field.into();
            self
        }
    };
    (@one $field:ident some $type:ident) => {
        #[doc = concat!("With this [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: impl Into<$type>) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    (@one $field:ident all $type:ident) => {
        #[doc = concat!("With these [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: impl IntoIterator<Item = impl Into<$type>>) -> Self {
            self.$field = $field.into_iter().map(Into::into).collect();
            self
        }
    };
    (@one $field:ident $type:ident) => {
        #[doc = concat!("With this [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
        #[must_use]
        pub fn $field(mut self, $field: $type) -> Self {
            self.$field = $field;
            self
        }
    };
}
