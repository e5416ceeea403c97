//! The screen as a headset meets it: what a key of it asks for is said and noted as if the keyboard had.

use super::keys::{ask, no};
use super::{Screen, Status};
use crate::ask::{Act, Ask};
use crate::headset::{Face, Seen};
use crate::news::CallKey;

impl Screen {
    /// Takes the headset and its state in words, if there is one.
    pub(crate) fn wears(&mut self, headset: Option<String>) {
        self.headset = headset;
    }

    /// True if this is what did not work last.
    #[cfg(test)]
    pub(crate) fn says_no(&self, why: &str) -> bool {
        self.status == Status::No(why.to_owned())
    }
}

impl Face for Screen {
    fn seen(&self) -> Vec<Seen> {
        self.calls.seen()
    }

    fn takes(&mut self, call: &CallKey, act: Act, word: &str) -> Option<(Ask, String)> {
        let deed = match self.calls.find(call) {
            None => no("the call is over"),
            Some(call) => self.may(call, &act).map(|()| ask(call, act, word)),
        };
        match deed {
            Ok(deed) => {
                let asked = self.does(deed);
                asked.map(|asked| (asked, self.begun()))
            }
            Err(why) => {
                self.status = Status::No(why);
                None
            }
        }
    }

    fn did(&mut self, said: &str) {
        self.done(said);
    }

    fn says(&mut self, line: String) {
        self.log.say(self.now, line);
    }

    fn fails(&mut self, why: &str) {
        self.failed(why);
    }
}
