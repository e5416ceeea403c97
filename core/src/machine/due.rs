//! The time at which a machine is due, worked out once and kept until something stirs it.

use super::Wake;

/// See the [module](self).
pub(crate) struct Due {
    stirred: bool,
    wake: Option<Wake>,
}

impl Default for Due {
    fn default() -> Self {
        Self { stirred: true, wake: None }
    }
}

impl Due {
    /// Something happened: what is due next may be another than before.
    pub(crate) fn stir(&mut self) {
        self.stirred = true;
    }

    pub(crate) fn is_stirred(&self) -> bool {
        self.stirred
    }

    /// It was worked out.
    pub(crate) fn settle(&mut self, wake: Option<Wake>) {
        *self = Self { stirred: false, wake };
    }

    /// As last worked out.
    pub(crate) fn wake(&self) -> Option<Wake> {
        self.wake
    }
}

/// It follows from everything else, and so tells nothing.
impl std::fmt::Debug for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Due")
    }
}
