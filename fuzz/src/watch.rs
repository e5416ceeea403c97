//! The choice of the inputs that the dearest oracles watch.

/// One input in so many is watched when libFuzzer tries many.
const ONE_IN: u32 = 8;

/// The inputs watched by the oracles that cost as much as what they watch: a trace of all that is
/// said, no secret in any output, no change by a refused command.
///
/// They only look: without them an input leads to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// All of them: what is kept, and what is looked into.
    All,
    /// One in eight, by its bytes, so that a finding stays one.
    Some,
}

impl Watch {
    pub(crate) fn is_on(self, data: &[u8]) -> bool {
        let mix = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        // FNV-1a, whose high bits depend on every byte.
        self == Self::All || (data.iter().fold(0x811c_9dc5, mix) >> 16).is_multiple_of(ONE_IN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_input_in_eight_is_watched() {
        let inputs = || (0..8000_u32).map(u32::to_le_bytes);
        let watched = inputs().filter(|data| Watch::Some.is_on(data)).count();
        assert!((900..1100).contains(&watched), "{watched} of 8000");
        assert!(inputs().all(|data| Watch::All.is_on(&data)));
    }
}
