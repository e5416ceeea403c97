//! The end of a phone to which no calls come any more: with those that there are.

use anyhow::bail;
use console::style;

use crate::news::{Network, News, Tell};

/// The reason why no calls come any more, once they do not.
#[derive(Default)]
pub(crate) struct Away(Option<String>);

impl Away {
    /// Takes that none come any more, which is said where the phone goes on meanwhile.
    pub(crate) fn sent(&mut self, why: String, has_calls: bool, tell: &Tell) {
        if has_calls {
            let words = format!("{why}; the phone ends with its calls");
            tell(News::Said(style(&words).red().to_string()));
            tell(News::Network(Network::Lost(words)));
        }
        self.0 = Some(why);
    }

    /// Takes that they come again.
    pub(crate) fn back(&mut self) {
        self.0 = None;
    }

    /// True while none come.
    pub(crate) fn is(&self) -> bool {
        self.0.is_some()
    }

    /// Checks that the phone goes on.
    ///
    /// # Errors
    ///
    /// No calls come any more, and none is there: this is the reason.
    pub(crate) fn goes_on(&self, has_calls: bool) -> anyhow::Result<()> {
        match &self.0 {
            Some(why) if !has_calls => bail!("{why}"),
            Some(_) | None => Ok(()),
        }
    }
}
