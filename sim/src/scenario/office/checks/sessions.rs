//! Calls by the names that the gateway has for them: what is asked about them, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use offhook::machine::HttpId;
use offhook::ribbon::{CallDirection, CallId, CallState, Event, OperationKind, Transition};

use super::wire::{Asked, Wire};
use crate::world::PhoneId;

/// The time between the starts of two audits, where nobody says otherwise.
const AUDITS: Duration = Duration::from_secs(25);
/// And what an audit may be late: the pause after one that failed.
const LATE: Duration = Duration::from_secs(5);

/// A call as its client knows it.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) call: CallId,
    pub(super) state: CallState,
    /// The time since which an audit is due; none while one is under way.
    audited: Option<Duration>,
    auditing: Option<HttpId>,
    /// Requests to end it, and how the last of them went: well, or not, or not yet.
    deletes: Vec<(HttpId, Option<bool>)>,
}

impl Session {
    pub(super) fn is_over(&self) -> bool {
        self.state.is_final()
    }
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Sessions {
    all: BTreeMap<(PhoneId, String), Session>,
    names: BTreeMap<(PhoneId, CallId), String>,
    /// Requests that make sessions.
    making: BTreeSet<(PhoneId, HttpId)>,
    /// The session that a client hears of at this moment.
    now: Option<(PhoneId, String)>,
}

impl Sessions {
    pub(super) fn get(&self, phone: PhoneId, session: &str) -> Option<&Session> {
        self.all.get(&(phone, session.to_owned()))
    }

    /// The gateway's name of a call's session, if it is known.
    pub(super) fn of_call(&self, phone: PhoneId, call: &CallId) -> Option<&str> {
        self.names.get(&(phone, call.clone())).map(String::as_str)
    }

    /// Takes note of what a client is given.
    pub(super) fn given(&mut self, at: Duration, phone: PhoneId, wire: Option<&Wire>) {
        self.now = match wire {
            Some(Wire::Answered { id, body, status, .. }) => {
                self.answered(at, phone, *id, *status);
                let made = self.making.remove(&(phone, *id));
                let session = body["callControlResponse"]["sessionData"].as_str();
                session.filter(|_| made).map(|session| (phone, session.to_owned()))
            }
            Some(Wire::Notified(notice)) if notice.kind == "call" => {
                notice.session.clone().map(|session| (phone, session))
            }
            _ => None,
        };
    }

    fn answered(&mut self, at: Duration, phone: PhoneId, id: HttpId, status: Option<u16>) {
        for ((_, _), one) in self.all.iter_mut().filter(|((whose, _), _)| *whose == phone) {
            if one.auditing == Some(id) && status.is_none_or(|status| !(300..400).contains(&status))
            {
                one.auditing = None;
                // The next counts from the start of one that went well, and from the end of another. It is due at
                // once after one that took longer than the interval.
                let failed = status.is_none_or(|status| status >= 400);
                let since = if failed { at } else { at.saturating_sub(AUDITS) };
                one.audited = one.audited.max(Some(since));
            }
            for (_, went) in one.deletes.iter_mut().filter(|(asked, _)| *asked == id) {
                *went = Some(status.is_some_and(|status| status < 500));
            }
        }
    }

    /// A client tells of a call. Nothing if its session is not known.
    pub(super) fn told(
        &mut self,
        at: Duration,
        phone: PhoneId,
        event: &Event,
    ) -> Result<(), String> {
        match event {
            // What the two of a join become is told by its tracks, if they are over already.
            Event::CallReceived { call, .. } | Event::TracksAdded { call, .. }
                if !self.names.contains_key(&(phone, call.clone())) =>
            {
                self.named(at, phone, call, CallState::Initiating);
            }
            Event::CallState { call, .. } => {
                let key = (phone, call.id.clone());
                let is_new = !self.names.contains_key(&key);
                if is_new && call.direction == CallDirection::Outgoing && !call.state.is_final() {
                    self.named(at, phone, &call.id, call.state);
                }
                let Some(name) = self.names.get(&key) else { return Ok(()) };
                let Some(one) = self.all.get_mut(&(phone, name.clone())) else { return Ok(()) };
                let begins = one.state == CallState::Initiating;
                one.state = call.state;
                if begins {
                    one.audited.get_or_insert(at);
                }
                if call.state.is_final() {
                    return overdue(at, phone, name, one);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn named(&mut self, at: Duration, phone: PhoneId, call: &CallId, state: CallState) {
        let Some((_, name)) = self.now.take_if(|(whose, _)| *whose == phone) else { return };
        let audited = (state != CallState::Initiating).then_some(at);
        self.names.insert((phone, call.clone()), name.clone());
        let deletes = Vec::new();
        let one = Session { call: call.clone(), state, audited, auditing: None, deletes };
        self.all.insert((phone, name), one);
    }

    /// No. 6: whoever ends a call says so.
    pub(super) fn ended(&self, phone: PhoneId, event: &Event) -> Result<(), String> {
        let Event::Operation {
            call,
            kind: OperationKind::End,
            local: true,
            transition: Transition::Finish,
            ..
        } = event
        else {
            return Ok(());
        };
        let session = self.of_call(phone, call).and_then(|name| self.get(phone, name));
        match session.is_some_and(|session| session.deletes.is_empty()) {
            true => Err(format!("phone {} ends {call}, and the gateway is not told", phone.0)),
            false => Ok(()),
        }
    }

    /// No. 6: nothing is asked about a call after its end but to end it, and that once; twice where the
    /// network failed.
    pub(super) fn asked(&mut self, phone: PhoneId, asked: &Asked) -> Result<(), String> {
        if asked.of == "callControl" && asked.method == "POST" {
            self.making.insert((phone, asked.id));
        }
        let disposed = asked.body["callDispositionRequest"]["sessionData"].as_str();
        let Some(name) = asked.session.as_deref().or(disposed) else { return Ok(()) };
        let Some(one) = self.all.get_mut(&(phone, name.to_owned())) else { return Ok(()) };
        if asked.redirected {
            // The same request: it goes by another number now.
            if asked.kind == "audit" {
                one.auditing = Some(asked.id);
            } else if let ("DELETE", Some(last)) = (asked.method.as_str(), one.deletes.last_mut()) {
                *last = (asked.id, None);
            }
            return Ok(());
        }
        if asked.method == "DELETE" {
            let again = one.deletes.iter().all(|(_, went)| *went == Some(false));
            let count = one.deletes.len();
            one.deletes.push((asked.id, None));
            return match count {
                0 => Ok(()),
                1 if again => Ok(()),
                _ => Err(format!("phone {} ends {} {} times", phone.0, one.call, count + 1)),
            };
        }
        match one.is_over() || !one.deletes.is_empty() {
            true => Err(format!(
                "phone {}: {} {} of {}, which is over",
                phone.0, asked.method, asked.kind, one.call
            )),
            false => Ok(()),
        }
    }

    /// No. 16: audits of every call from its start on, at their interval.
    pub(super) fn audits(
        &mut self,
        at: Duration,
        phone: PhoneId,
        asked: &Asked,
    ) -> Result<(), String> {
        let Some(name) = asked.session.clone().filter(|_| asked.kind == "audit") else {
            return Ok(());
        };
        if asked.redirected {
            return Ok(());
        }
        let Some(one) = self.all.get_mut(&(phone, name.clone())) else { return Ok(()) };
        let result = overdue(at, phone, &name, one);
        one.audited = Some(at);
        one.auditing = Some(asked.id);
        result
    }

    /// No. 16: no audit is missing at this moment.
    pub(super) fn none_is_late(&self, at: Duration) -> Result<(), String> {
        let mut live = self.all.iter().filter(|(_, one)| !one.is_over());
        live.try_for_each(|((phone, name), one)| overdue(at, *phone, name, one))
    }

    /// No. 14: by the name of a session, those of its user's phones that are in it.
    pub(super) fn one_phone_each(&self) -> Result<(), String> {
        let mut up: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for ((phone, name), one) in &self.all {
            if one.state.is_up() {
                up.entry(name).or_default().push(phone.0);
            }
        }
        match up.into_iter().find(|(_, phones)| phones.len() > 1) {
            Some((name, phones)) => Err(format!("phones {phones:?} are in {name}")),
            None => Ok(()),
        }
    }

    /// Sessions that were known by their calls.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }
}

fn overdue(at: Duration, phone: PhoneId, name: &str, one: &Session) -> Result<(), String> {
    match (one.audited, one.auditing) {
        (Some(last), None) if at - last > AUDITS + LATE => {
            Err(format!("phone {}: no audit of {name} for {:?}", phone.0, at - last))
        }
        _ => Ok(()),
    }
}
