//! Recordings as texts.

use std::fmt;

use super::words::{of_bytes, of_keys, of_lamps};
use super::{Happening, Recording, Step};

/// The bytes of a descriptor in one line.
const LINE: usize = 16;

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "vendor {:04x}", self.vendor)?;
        writeln!(f, "product {:04x}", self.product)?;
        let name = self.name.replace(char::is_control, " ");
        if !name.trim().is_empty() {
            writeln!(f, "name {}", name.trim())?;
        }
        for line in self.descriptor.chunks(LINE) {
            writeln!(f, "descriptor {}", of_bytes(line))?;
        }
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.as_millis();
        match &self.what {
            Happening::Said { report, keys } => {
                writeln!(f, "{at} in {}", of_bytes(report))?;
                let words = of_keys(keys.as_deref());
                words.iter().try_for_each(|word| writeln!(f, "  expect {word}"))
            }
            Happening::Shown { lamps, written } => {
                writeln!(f, "{at} show {}", of_lamps(*lamps))?;
                written.iter().try_for_each(|report| writeln!(f, "  out {}", of_bytes(report)))
            }
        }
    }
}
