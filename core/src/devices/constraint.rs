//! Constraints on one value, and on the size of a picture.

/// A wish for one value, from none at all to one that must be met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Constraint<T> {
    /// The value that it must have.
    pub exact: Option<T>,
    /// The value that it should come near to.
    pub ideal: Option<T>,
    /// The least that it may be.
    pub min: Option<T>,
    /// The most that it may be.
    pub max: Option<T>,
}

impl<T> Constraint<T> {
    /// A value that it must have.
    #[must_use]
    pub const fn exact(value: T) -> Self
    where
        T: Copy,
    {
        Self { exact: Some(value), ideal: None, min: None, max: None }
    }

    /// A value that it should come near to.
    #[must_use]
    pub const fn ideal(value: T) -> Self
    where
        T: Copy,
    {
        Self { exact: None, ideal: Some(value), min: None, max: None }
    }
}

impl<T: PartialOrd> Constraint<T> {
    /// True if a value is what is wished for.
    #[must_use]
    pub fn is_met(&self, value: T) -> bool {
        self.admits(&value) && self.ideal.as_ref().is_none_or(|ideal| *ideal == value)
    }

    /// True if some value can meet it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        let within = match (&self.min, &self.max) {
            (Some(min), Some(max)) => min <= max,
            (None, _) | (_, None) => true,
        };
        within && self.exact.as_ref().is_none_or(|exact| self.admits(exact))
    }

    fn admits(&self, value: &T) -> bool {
        self.exact.as_ref().is_none_or(|exact| exact == value)
            && self.min.as_ref().is_none_or(|min| min <= value)
            && self.max.as_ref().is_none_or(|max| value <= max)
    }
}

/// The size of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size {
    /// From side to side.
    pub width: u32,
    /// From top to bottom.
    pub height: u32,
}

/// A wish for the size of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resolution {
    /// The wish for its width, in pixels.
    pub width: Constraint<u32>,
    /// The wish for its height, in pixels.
    pub height: Constraint<u32>,
}

impl Resolution {
    /// A size that it should come near to.
    #[must_use]
    pub const fn ideal(size: Size) -> Self {
        Self { width: Constraint::ideal(size.width), height: Constraint::ideal(size.height) }
    }

    /// A size that it must have.
    #[must_use]
    pub const fn exact(size: Size) -> Self {
        Self { width: Constraint::exact(size.width), height: Constraint::exact(size.height) }
    }

    /// True if a size is what is wished for.
    #[must_use]
    pub fn is_met(&self, size: Size) -> bool {
        self.width.is_met(size.width) && self.height.is_met(size.height)
    }

    /// True if some size can meet it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.width.is_possible() && self.height.is_possible()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_met_by_what_they_name() {
        let between = Constraint { min: Some(1), max: Some(3), ..Constraint::default() };
        for (constraint, met) in [
            (Constraint::default(), vec![0, 1, 2, 3, 4]),
            (Constraint::exact(2), vec![2]),
            (Constraint::ideal(3), vec![3]),
            (between, vec![1, 2, 3]),
            (Constraint { ideal: Some(4), ..between }, vec![]),
        ] {
            let found: Vec<_> = (0..5).filter(|value| constraint.is_met(*value)).collect();
            assert_eq!(found, met, "{constraint:?}");
            assert!(constraint.is_possible());
        }
        assert!(!Constraint { min: Some(4), ..between }.is_possible());
        assert!(!Constraint { exact: Some(4), ..between }.is_possible());
    }
}
