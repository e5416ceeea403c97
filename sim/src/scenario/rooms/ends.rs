//! Every session of a room begins once and ends once, and nothing is told of one that is not there.

use std::collections::BTreeMap;

use offhook::genesys::{Command, ConversationId, Event, SessionId};
use offhook::machine::CommandId;

use super::rule::Rule;
use super::stays::Stays;
use crate::world::{PhoneId, Seen};

/// Every session of a room begins once and ends once; that it does is the [`Stays`]' to say.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// Commands to leave rooms that wait for their answer.
    leaving: BTreeMap<(PhoneId, CommandId), ConversationId>,
}

impl Rule for Ends {
    const NAME: &'static str = "every room that begins ends once";

    fn see(&mut self, phone: PhoneId, seen: Seen<'_>, stays: &Stays) -> Result<(), String> {
        match seen {
            Seen::Told { event, .. } => match told_of(event) {
                Some(session) if stays.get(session).is_none() => {
                    Err(format!("{session} is not there: {event:?}"))
                }
                _ => Ok(()),
            },
            Seen::Submitted { id, command: Command::EndSession { conversation }, .. } => {
                // Of two sessions of one conversation, one is left.
                if stays.of(conversation).count() == 1 {
                    self.leaving.insert((phone, id), conversation.clone());
                }
                Ok(())
            }
            Seen::Completed { id, result, .. } => {
                let left = self.leaving.remove(&(phone, id)).filter(|_| result.is_ok());
                match left.and_then(|conversation| stays.of(&conversation).next().cloned()) {
                    Some(session) => Err(format!("{session} was left, and is there")),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The session of a room that an event is about.
fn told_of(event: &Event) -> Option<&SessionId> {
    match event {
        Event::TrackAdded { session, .. }
        | Event::TrackChanged { session, .. }
        | Event::TrackRemoved { session, .. }
        | Event::KeyframeWanted { session, .. }
        | Event::ActiveVideoParticipants { session, .. }
        | Event::Speakers { session, .. }
        | Event::MemberStatus { session, .. }
        | Event::RoomMessage { session, .. }
        | Event::PinnedParticipant { session, .. } => Some(session),
        Event::ParticipantsUpdate(update) => Some(&update.session),
        _ => None,
    }
}
