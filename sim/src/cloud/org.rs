//! The organisation.

/// The organisation that everybody belongs to.
pub(super) const ORG: &str = "0e0e0e0e-1111-4222-8333-444444444444";
