//! Setters of settings and records that users build, where a literal cannot be written
//! (`#[non_exhaustive]`).

/// Setters for the fields of a type: each has the name of its field, and gives the whole back, so that
/// they can be chained.
///
/// A field is given as it is (`trace: bool`, `resolve: is [BTreeMap<_, _>]`), as what becomes it
/// (`name: into [String]`), as what is there (`ws_host: some [String]`), or one by one
/// (`codecs: all [AudioCodec]`).
macro_rules! setters {
    ($type:ident { $($field:ident: $how:ident $([$of:ty])?),* $(,)? }) => {
        impl $type {
            $(setters!(@one $field $how $([$of])?);)*
        }
    };
    (@one $field:ident is [$type:ty]) => {
        setters!(@set $field, $type, $field);
    };
    (@one $field:ident into [$type:ty]) => {
        setters!(@set $field, impl Into<$type>, $field.into());
    };
    (@one $field:ident some [$type:ty]) => {
        setters!(@set $field, impl Into<$type>, Some($field.into()));
    };
    (@one $field:ident all [$type:ty]) => {
        setters!(
            @set $field,
            impl IntoIterator<Item = impl Into<$type>>,
            $field.into_iter().map(Into::into).collect()
        );
    };
    (@one $field:ident $type:ident) => {
        setters!(@set $field, $type, $field);
    };
    (@set $field:ident, $given:ty, $value:expr) => {
        #[doc = concat!(
            "With this [`", stringify!($field), "`](Self#structfield.", stringify!($field), ")."
        )]
        #[must_use]
        pub fn $field(mut self, $field: $given) -> Self {
            self.$field = $value;
            self
        }
    };
}
