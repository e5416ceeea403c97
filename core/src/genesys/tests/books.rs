//! Books of what the application is told: what begins ends once, and never twice.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::rig::Rig;
use crate::genesys::{Conversation, Event};
use crate::machine::CommandId;

/// The count of what the application was told and asked.
#[derive(Default)]
pub(super) struct Books {
    pub(super) commands: Vec<CommandId>,
    /// By session id: rings less their ends, starts less their ends.
    pub(super) ringing: BTreeMap<String, i32>,
    started: BTreeMap<String, i32>,
    calls: BTreeMap<String, i32>,
    /// By conversation: connected less ended.
    pub(super) talking: BTreeMap<String, i32>,
    /// The calls as last told.
    pub(super) view: BTreeMap<String, Conversation>,
}

impl Books {
    /// Enters what was told since the last look.
    pub(super) fn enter(&mut self, rig: &mut Rig) -> Result<(), TestCaseError> {
        for event in rig.events.drain(..) {
            match event {
                Event::PendingSession(pending) => {
                    let count = self.ringing.entry(pending.conversation.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} rings twice", pending.conversation);
                }
                Event::CancelPendingSession { conversation, .. }
                | Event::HandledPendingSession { conversation, .. } => {
                    let count = self.ringing.entry(conversation.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} ends ringing twice", conversation);
                }
                Event::SessionStarted(session) => {
                    let count = self.started.entry(session.id.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} starts twice", session.id);
                }
                Event::SessionReplaced { session, old } => {
                    let count = self.started.entry(old.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} is replaced without being there", old);
                    let count = self.started.entry(session.id.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} starts twice", session.id);
                }
                Event::SessionEnded { session, .. } => {
                    let count = self.started.entry(session.id.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} ends twice", session.id);
                }
                Event::CallConnected { call, .. } => {
                    let count = self.talking.entry(call.id.to_string()).or_default();
                    *count += 1;
                    prop_assert_eq!(*count, 1, "{} connects twice", call.id);
                }
                Event::CallEnded { conversation, .. } => {
                    let count = self.talking.entry(conversation.to_string()).or_default();
                    *count -= 1;
                    prop_assert_eq!(*count, 0, "{} ends twice", conversation);
                }
                Event::ConversationUpdate(update) => {
                    let view =
                        update.current.iter().map(|call| (call.id.to_string(), call.clone()));
                    self.view = view.collect();
                    for added in &update.added {
                        let count = self.calls.entry(added.id.to_string()).or_default();
                        *count += 1;
                        prop_assert!(*count <= 1, "{} is added twice", added.id);
                        prop_assert!(update.current.iter().any(|c| c.id == added.id));
                    }
                    for removed in &update.removed {
                        *self.calls.entry(removed.id.to_string()).or_default() = 0;
                        prop_assert!(update.current.iter().all(|c| c.id != removed.id));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// True if a session was told as begun, and not as over.
    pub(super) fn is_up(&self, session: &str) -> bool {
        self.started.get(session).is_some_and(|n| *n > 0)
    }

    /// Every command was answered, and what began has ended.
    pub(super) fn close(&self, rig: &Rig) -> Result<(), TestCaseError> {
        for command in &self.commands {
            prop_assert!(rig.completion(*command).is_some(), "{command:?} is never answered");
        }
        for (what, book) in [
            ("ringing", &self.ringing),
            ("up", &self.started),
            ("talking", &self.talking),
            ("listed", &self.calls),
        ] {
            prop_assert!(book.values().all(|n| *n == 0), "still {what}: {book:?}");
        }
        Ok(())
    }
}
