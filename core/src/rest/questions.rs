//! The requests that are on their way, and those that will be made again.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use http::Uri;
use serde_json::Value;

use super::redirect;
use super::{Failure, FailureKind, Policy, Resource, Retry};
use crate::machine::{HttpId, NetError, Wake};

/// A request, and why it is made: `A` says whose matter the answer is.
#[derive(Debug)]
pub(crate) struct Question<A> {
    pub(crate) ask: A,
    pub(crate) resource: Resource,
    retry: Retry,
    attempt: u32,
    /// The address that it was sent to, where redirects are followed, and how many there were.
    at: Option<Uri>,
    redirects: u32,
}

impl<A> Question<A> {
    pub(crate) fn new(ask: A, resource: Resource, retry: Retry) -> Self {
        Self { ask, resource, retry, attempt: 1, at: None, redirects: 0 }
    }

    /// The address that a redirect sends it to.
    pub(crate) fn elsewhere(&self) -> Option<&Uri> {
        self.at.as_ref().filter(|_| self.redirects > 0)
    }

    /// Takes note of the address that it is sent to: redirects start there.
    pub(crate) fn sent_to(mut self, uri: Uri) -> Self {
        self.at = Some(uri);
        self
    }
}

/// A request that waits to be made again, and its bytes.
#[derive(Debug)]
struct Waiting<A> {
    question: Question<A>,
    bytes: usize,
}

/// The consequence of an HTTP result for the question that it answers.
pub(crate) enum Answered<A> {
    /// The end of the question, with its result.
    Ended(A, Result<Value, Failure>),
    /// Another attempt to come, after this failure.
    Again(A, Failure),
    /// A question to be sent at once to [another address](Question::elsewhere).
    Elsewhere(Question<A>),
}

/// The consequence of an HTTP result for the question that it answers, where its owner reads responses itself.
pub(crate) enum Taken<A> {
    /// The end of the question, with the method and the path of its request.
    Ended(A, String, Result<http::Response<Vec<u8>>, NetError>),
    /// Another attempt to come.
    Again,
    /// A question to be sent at once to [another address](Question::elsewhere).
    Elsewhere(Question<A>),
}

/// Questions to a service that are not answered yet.
#[derive(Debug)]
pub(crate) struct Questions<A> {
    policy: Policy,
    /// Boxed, as what a map holds it has room for many times over, and keeps it when it is empty.
    sent: BTreeMap<HttpId, Box<Question<A>>>,
    /// The questions that wait, by their time and their order.
    waiting: BTreeMap<(Instant, u64), Waiting<A>>,
    waited: u64,
    unmade: VecDeque<(A, Failure)>,
}

impl<A: Clone> Questions<A> {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            sent: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waited: 0,
            unmade: VecDeque::new(),
        }
    }

    /// The questions that are on their way.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &A> {
        self.sent.values().map(|question| &question.ask)
    }

    /// The resource that this request asked for.
    pub(crate) fn resource(&self, id: HttpId) -> Option<&Resource> {
        self.sent.get(&id).map(|question| &question.resource)
    }

    /// Takes note that a question's request is on its way.
    pub(crate) fn send(&mut self, id: HttpId, question: Question<A>) {
        self.sent.insert(id, Box::new(question));
    }

    /// Takes note that a question's request could not even be made: whoever asks is answered in any
    /// case.
    pub(crate) fn refuse(&mut self, question: Question<A>, why: String) {
        let failure = Failure::unmade(&question.resource, why);
        self.unmade.push_back((question.ask, failure));
    }

    /// The question whose request could not be made, and why. To be asked for after each input and
    /// command.
    pub(crate) fn take_unmade(&mut self) -> Option<(A, Failure)> {
        self.unmade.pop_front()
    }

    /// The question that an HTTP result answers. None when nobody waits for it.
    pub(crate) fn take(
        &mut self,
        id: HttpId,
        result: Result<http::Response<Vec<u8>>, NetError>,
        now: Instant,
    ) -> Option<Answered<A>> {
        let mut question = *self.sent.remove(&id)?;
        if let Some(uri) = self.redirected(&question, &result) {
            question.at = Some(uri);
            question.redirects += 1;
            return Some(Answered::Elsewhere(question));
        }
        match Failure::or_body(&question.resource, result, self.policy.explain) {
            Err(failure) if self.may_wait(&question, &failure) => {
                let ask = question.ask.clone();
                self.wait(question, &failure, now);
                Some(Answered::Again(ask, failure))
            }
            result => Some(Answered::Ended(question.ask, result)),
        }
    }

    /// The question that an HTTP result answers, as [`Questions::take`], but any response ends it.
    pub(crate) fn take_response(
        &mut self,
        id: HttpId,
        result: Result<http::Response<Vec<u8>>, NetError>,
        now: Instant,
    ) -> Option<Taken<A>> {
        let mut question = *self.sent.remove(&id)?;
        if let Some(uri) = self.redirected(&question, &result) {
            question.at = Some(uri);
            question.redirects += 1;
            return Some(Taken::Elsewhere(question));
        }
        let request = question.resource.shown();
        if let Err(error) = &result {
            let kind = FailureKind::Network(error.clone());
            let failure = Failure { request: request.clone(), kind };
            if self.may_wait(&question, &failure) {
                self.wait(question, &failure, now);
                return Some(Taken::Again);
            }
        }
        Some(Taken::Ended(question.ask, request, result))
    }

    fn redirected(
        &self,
        question: &Question<A>,
        result: &Result<http::Response<Vec<u8>>, NetError>,
    ) -> Option<Uri> {
        let (from, response) = (question.at.as_ref()?, result.as_ref().ok()?);
        if question.redirects >= self.policy.redirects {
            return None;
        }
        let location = response.headers().get(http::header::LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        redirect::target(from, &question.resource.method, response.status(), location)
    }

    fn wait(&mut self, question: Question<A>, failure: &Failure, now: Instant) {
        self.waited += 1;
        let due = (now + self.policy.pause_after(failure), self.waited);
        let bytes = question.resource.bytes();
        let attempt = question.attempt + 1;
        let question = Question { attempt, at: None, redirects: 0, ..question };
        self.waiting.insert(due, Waiting { question, bytes });
    }

    fn may_wait(&self, question: &Question<A>, failure: &Failure) -> bool {
        let has_room = || {
            let waiting: usize = self.waiting.values().map(|waiting| waiting.bytes).sum();
            waiting + question.resource.bytes() <= self.policy.bytes
        };
        question.retry == Retry::Yes
            && self.policy.passes(failure)
            && question.attempt < self.policy.attempts
            && has_room()
    }

    /// A question to be asked again now.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Question<A>> {
        let entry = self.waiting.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove().question)
    }

    /// Takes note that these questions are not to be asked anywhere else: the next response ends them,
    /// a redirect as well.
    pub(crate) fn settle(&mut self, settled: impl Fn(&A) -> bool) {
        for question in self.sent.values_mut().filter(|question| settled(&question.ask)) {
            question.at = None;
        }
    }

    /// Forgets questions: late answers are ignored and nothing is asked again.
    pub(crate) fn forget(&mut self, forget: impl Fn(&A) -> bool) {
        self.sent.retain(|_, question| !forget(&question.ask));
        self.waiting.retain(|_, waiting| !forget(&waiting.question.ask));
    }

    pub(crate) fn next_wake(&self) -> Option<Wake> {
        let due = self.waiting.first_key_value().map(|((at, _), _)| *at);
        due.map(|at| Wake { at, reason: "REST retry" })
    }
}
