//! The screens of a recording are told to the service once its media has connected, and once only
//! (SR-2).

use std::collections::{BTreeMap, BTreeSet};

use offhook::genesys::{ConversationId, Event, SessionType};
use offhook::machine::{HttpId, Input, Output};
use offhook::media::MediaState;
use serde_json::Value;

use super::rule::Rule;
use super::stays::Stays;
use crate::world::{PhoneId, Seen};

/// The end of the path by which screens are told.
const PATH: &str = "/recordings/screensessions/metadata";

/// The report of a recording's screens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    /// It is to be made.
    Due,
    /// It is on its way.
    Asked(HttpId),
    /// It failed, and may be made again.
    Failed,
    Done,
}

/// The screens of a recording are told once.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    reports: BTreeMap<(PhoneId, ConversationId), Report>,
    asked: BTreeSet<(PhoneId, HttpId)>,
}

impl Recorded {
    /// The number of recordings whose screens were told.
    pub(super) fn told(&self) -> u64 {
        self.reports.values().filter(|report| **report == Report::Done).count() as u64
    }

    /// Checks that each recording that connected was told.
    pub(super) fn at_rest(&self) -> Result<(), String> {
        match self.reports.iter().find(|(_, report)| **report == Report::Due) {
            Some(((phone, conversation), _)) => {
                Err(format!("phone {}: the screens of {conversation} are never told", phone.0))
            }
            None => Ok(()),
        }
    }

    fn asks(
        &mut self,
        phone: PhoneId,
        id: HttpId,
        request: &http::Request<Vec<u8>>,
    ) -> Result<(), String> {
        if !request.uri().path().ends_with(PATH) {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let conversation =
            ConversationId::from(body["conversationId"].as_str().unwrap_or_default());
        let report = self.reports.insert((phone, conversation.clone()), Report::Asked(id));
        self.asked.insert((phone, id));
        match report {
            Some(Report::Due | Report::Failed) => Ok(()),
            Some(Report::Asked(_) | Report::Done) => {
                Err(format!("the screens of {conversation} are told again"))
            }
            None => Err(format!("the screens of {conversation} are told before they are seen")),
        }
    }
}

impl Rule for Recorded {
    const NAME: &'static str = "the screens of a recording are told once";

    fn see(&mut self, phone: PhoneId, seen: Seen<'_>, stays: &Stays) -> Result<(), String> {
        match seen {
            Seen::Told { event, .. } => {
                if let Event::MediaState { session, state: MediaState::Connected, .. } = event
                    && let Some(stay) = stays.get(session)
                    && stay.kind == SessionType::ScreenRecording
                {
                    let key = (phone, stay.conversation.clone());
                    self.reports.entry(key).or_insert(Report::Due);
                }
                Ok(())
            }
            Seen::Wanted { output: Output::Http { id, request, .. }, .. } => {
                self.asks(phone, *id, request)
            }
            Seen::Given { input: Input::Http { id, result }, .. }
                if self.asked.remove(&(phone, *id)) =>
            {
                let done = result.as_ref().is_ok_and(|answer| answer.status().is_success());
                let now = if done { Report::Done } else { Report::Failed };
                let mut of_phone = self.reports.iter_mut().filter(|((of, _), _)| *of == phone);
                if let Some((_, report)) =
                    of_phone.find(|(_, report)| **report == Report::Asked(*id))
                {
                    *report = now;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
