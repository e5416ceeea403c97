//! The reports on calls, beside what was told of them.

use std::collections::BTreeMap;

use offhook::ribbon::{
    CallId, CallReport, Event, Metric, OperationKind, TimelineEvent, Transition,
};

use crate::world::PhoneId;

/// Operations of a call, by kind and by who began them: how many began.
type Began = BTreeMap<(OperationKind, bool), usize>;

/// See the [module](self).
#[derive(Debug, Default)]
pub(super) struct Reports {
    began: BTreeMap<(PhoneId, CallId), Began>,
}

impl Reports {
    pub(super) fn told(&mut self, phone: PhoneId, event: &Event) {
        if let Event::Operation { call, kind, transition: Transition::Start, local, .. } = event {
            let began = self.began.entry((phone, call.clone())).or_default();
            *began.entry((*kind, *local)).or_default() += 1;
        }
    }

    /// No. 23: one event for each operation, none over before it began, and times only of what
    /// succeeded.
    pub(super) fn look(
        &self,
        phone: PhoneId,
        call: &CallId,
        report: &CallReport,
    ) -> Result<(), String> {
        let wrong = |what: String| Err(format!("phone {}: the report on {call}: {what}", phone.0));
        let mut failed = Vec::new();
        let mut all: Vec<&TimelineEvent> = report.timeline.iter().collect();
        let mut at = 0;
        while let Some(event) = all.get(at).copied() {
            at += 1;
            all.extend(&event.timeline);
            if event.end.is_some_and(|end| end < event.start) {
                return wrong(format!("{:?} is over before it began", event.kind));
            }
            if event.error.is_some() {
                failed.push(event.id.as_str());
            }
        }
        for metric in report.metrics.iter().filter(|metric| !is_of_part(metric.kind)) {
            if let Some(id) = metric.event_ids.iter().find(|id| failed.contains(&id.as_str())) {
                return wrong(format!("{:?} measures {id}, which failed", metric.kind));
            }
        }
        let began = self.began.get(&(phone, call.clone()));
        // The far side's making of a call is the receiving of it, which is told besides.
        let operations = began.into_iter().flatten();
        let count: usize = operations
            .filter(|((kind, local), _)| *local || *kind != OperationKind::Make)
            .map(|(_, count)| count)
            .sum();
        let told = report.timeline.iter().filter(|event| is_of_operation(event)).count();
        match told == count {
            true => Ok(()),
            false => wrong(format!("{count} operations, {told} events")),
        }
    }
}

/// True for the time of a part of an operation: it stays, though the whole may fail after it.
fn is_of_part(metric: Metric) -> bool {
    let parts = [
        Metric::MakeCallPreLocalSetup,
        Metric::MakeCallLocalSetup,
        Metric::MakeCallRemoteSetup,
        Metric::AnswerCallPreLocalSetup,
        Metric::AnswerCallLocalSetup,
    ];
    parts.contains(&metric)
}

/// True for an event that stands for an operation.
fn is_of_operation(event: &TimelineEvent) -> bool {
    use offhook::ribbon::ReportEvent as E;
    let parts = [
        E::ReceiveCall,
        E::RemoteRinging,
        E::RestRequest,
        E::AuditCall,
        E::ProcessMediaLocal,
        E::IceCollection,
    ];
    !parts.contains(&event.kind)
}
