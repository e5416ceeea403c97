//! The time at which a machine is due, worked out once and kept until something stirs it.

use super::Wake;

/// The time at which a machine is due, or the word that it has to be worked out anew.
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
    /// Notes that something happened: what is due next may be another than before.
    pub(crate) fn stir(&mut self) {
        self.stirred = true;
    }

    pub(crate) fn is_stirred(&self) -> bool {
        self.stirred
    }

    /// Keeps the time that was worked out.
    pub(crate) fn settle(&mut self, wake: Option<Wake>) {
        *self = Self { stirred: false, wake };
    }

    /// The time that was worked out last.
    pub(crate) fn wake(&self) -> Option<Wake> {
        self.wake
    }
}

/// Shown without content: it follows from everything else.
impl std::fmt::Debug for Due {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Due")
    }
}
