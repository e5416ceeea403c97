//! The history of calls: what is asked for and answered (w5.1).

use super::{Stores, logged_in};
use crate::machine::CommandId;
use crate::ribbon::ask::{HistoryAsk, StoreAsk};
use crate::ribbon::command::Command;
use crate::ribbon::error::{Error, HistoryCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::history::{
    CallDirection, CallRecord, History, MAX_AMOUNT, RecordDirection, refused,
};
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::reports::Ended;

/// The status of a call that another client of the user answered (w4.0.2).
const ELSEWHERE: i64 = 9904;

impl Stores {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan_history(&self, command: &Command, out: &Outbox) -> Result<(), Error> {
        match command {
            Command::FetchHistory { amount, .. } if !(1..=MAX_AMOUNT).contains(amount) => {
                Err(Error::new(HistoryCode::Unknown, "not 1 to 50 records"))
            }
            Command::RemoveRecord { record } => match self.history.record(record) {
                Some(known) if known.local => Ok(()),
                Some(_) => logged_in(out, HistoryCode::NotAuthenticated),
                None => Err(Error::new(HistoryCode::NotFound, "there is no such record")),
            },
            Command::SetHistoryCache(text) => History::default().set_cache(text),
            _ => logged_in(out, HistoryCode::NotAuthenticated),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply_history(&mut self, id: CommandId, command: Command, out: &mut Outbox) {
        let resources = out.resources();
        let (ask, resource) = match command {
            Command::FetchHistory { amount, offset } => {
                (HistoryAsk::Fetch, resources.history(amount, offset))
            }
            Command::RemoveRecord { record } => {
                if self.history.record(&record).is_some_and(|known| known.local) {
                    self.history.remove(&record);
                    tell(out);
                    out.complete(id, Ok(Outcome::Done));
                    return;
                }
                let resource = resources.remove_record(&record);
                (HistoryAsk::Remove(record), resource)
            }
            Command::SetHistoryCache(text) => {
                let result = self.history.set_cache(&text).map(|()| Outcome::Done);
                tell(out);
                out.complete(id, result);
                return;
            }
            _ => (HistoryAsk::Clear, resources.clear_history()),
        };
        out.ask(id, StoreAsk::History(ask), resource);
    }

    pub(super) fn history_answered(
        &mut self,
        ask: &HistoryAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let body = match result {
            Ok(body) => Some(body),
            // Where the gateway has no history there is our own.
            Err(Fault::Refused(refusal)) => match refused(&refusal) {
                Some(error) => return Err(error),
                None => None,
            },
            Err(Fault::Other(error)) => return Err(error),
        };
        match (ask, body) {
            (HistoryAsk::Fetch, Some(body)) => self.history.take(request, &body)?,
            (HistoryAsk::Fetch, None) => {}
            (HistoryAsk::Remove(record), _) => self.history.remove(record),
            (HistoryAsk::Clear, _) => self.history.clear(),
        }
        tell(out);
        Ok(Outcome::Done)
    }

    /// A call is over: there is one record of it, however it ended.
    pub(in crate::ribbon) fn call_ended(&mut self, ended: &Ended, out: &mut Outbox) {
        let Ended { call, begun, reason, .. } = ended;
        let end = call.ended.unwrap_or_else(|| out.now());
        let answered = call.started.is_some()
            || reason.as_ref().is_some_and(|reason| reason.status == Some(ELSEWHERE));
        let direction = match (call.direction, call.state, answered) {
            (CallDirection::Outgoing, ..) => RecordDirection::Outgoing,
            (CallDirection::Incoming, _, true) => RecordDirection::Incoming,
            (CallDirection::Incoming, ..) => RecordDirection::Missed,
        };
        let start = call.started.unwrap_or(*begun);
        let duration = call.started.map_or(0, |start| {
            end.saturating_duration_since(start).as_millis().try_into().unwrap_or(u64::MAX)
        });
        let id = call.id.as_str().into();
        let mut record = CallRecord::local(id, direction, out.clock().unix_ms(start), duration);
        let name = call.remote.display_name.clone().unwrap_or_default();
        let number = call.remote.display_number.clone().unwrap_or_default();
        match call.direction {
            CallDirection::Outgoing => (record.callee_name, record.callee_number) = (name, number),
            CallDirection::Incoming => (record.caller_name, record.caller_number) = (name, number),
        }
        self.history.add(record);
        tell(out);
    }
}

fn tell(out: &mut Outbox) {
    out.event(Event::HistoryChanged);
    out.event(Event::HistoryCacheChanged);
}
