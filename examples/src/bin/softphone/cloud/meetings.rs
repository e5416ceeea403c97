//! Meetings at Genesys Cloud: how they begin, what is told of them, their films, and the one microphone that they share with
//! calls.

use std::rc::Rc;

use anyhow::{Context as _, bail};
use futures_util::FutureExt as _;
use offhook::genesys::{
    ConversationId, Error, ErrorKind, Event, Phone as _, Reason, RoomMedia, RoomParticipant,
    Session,
};
use offhook_runtime::Sockets;
use smol::channel::Receiver;

use super::Cloud;
use crate::ask::{Act, Ask};
use crate::film::{Film, Told};
use crate::live::{PATIENCE, within};
use crate::meeting::Meeting;
use crate::news::{CallKey, Change, News};
use crate::phone::Asking;

/// The most people who are named when they come or go at once.
const MAX_NAMED: usize = 4;

impl<R: Sockets> Cloud<R> {
    /// Takes part in a meeting that offers itself.
    pub(super) fn joins(&mut self, session: Session) -> anyhow::Result<()> {
        let conversation = session.conversation.clone();
        if !self.rows.borrow_mut().joins(&conversation) {
            // Whether that works is seen.
            drop(self.phone.end(&conversation));
            return Ok(());
        }
        let heard = {
            let (id, call) = (session.id.as_str(), conversation.as_str().into());
            self.sound.begin::<R>(id, Some(call), self.phone.audio(session.media))?
        };
        let media = if self.sound.speaks() { RoomMedia::Audio } else { RoomMedia::Nothing };
        let accepted = self.phone.accept_room(&conversation, media);
        let (tell, phone, id) = (self.tell.clone(), self.phone.clone(), session.id.clone());
        R::spawn(async move {
            if let Err(error) = accepted.await {
                tell(News::Failed(format!("the meeting: {error}")));
                // One that is not taken part in is neither muted nor left.
                drop(phone.force_terminate(id, Reason::FailedApplication).await);
            }
        })?;
        let id = session.id.clone();
        let before = self.meetings.insert(conversation, Meeting::new(session, heard));
        // One that was offered anew goes on by the new session alone.
        if let Some(before) = before.filter(|before| before.session.id != id) {
            drop(self.phone.force_terminate(&before.session.id, Reason::AlternativeSession));
        }
        Ok(())
    }

    /// Takes what is told of a meeting.
    pub(super) fn meets(&mut self, event: Event) {
        let conversation = match &event {
            Event::ParticipantsUpdate(update) => &update.conversation,
            Event::TrackAdded { conversation, .. }
            | Event::TrackRemoved { conversation, .. }
            | Event::ActiveVideoParticipants { conversation, .. }
            | Event::Speakers { conversation, .. }
            | Event::MemberStatus { conversation, .. }
            | Event::PinnedParticipant { conversation, .. } => conversation,
            _ => return,
        };
        let conversation = conversation.clone();
        let Some(meeting) = self.meetings.get_mut(&conversation) else { return };
        let mut news = Vec::new();
        match event {
            Event::TrackAdded { track, .. } => return meeting.added(track),
            Event::TrackRemoved { track, .. } => return meeting.removed(track),
            Event::ActiveVideoParticipants { users, .. } => meeting.show(users),
            Event::Speakers { users, .. } => meeting.speak(users),
            Event::MemberStatus { status, .. } => meeting.status(&status),
            Event::PinnedParticipant { participant, .. } => meeting.pinned(participant),
            Event::ParticipantsUpdate(update) => {
                let named =
                    |one: &RoomParticipant| one.name.as_deref().unwrap_or("a guest").to_owned();
                let own = update.own.clone();
                let others = |all: &[RoomParticipant], one: &str, many: &str| {
                    let others = all.iter().filter(|one| Some(&one.participant) != own.as_ref());
                    let others: Vec<_> = others.collect();
                    match others.len() {
                        0..=MAX_NAMED => {
                            others.iter().map(|who| format!("{} {one}", named(who))).collect()
                        }
                        count => vec![format!("{count} people {many}")],
                    }
                };
                news.extend(others(&update.added, "is in the meeting", "are in the meeting"));
                news.extend(others(
                    &update.removed,
                    "has left the meeting",
                    "have left the meeting",
                ));
                if let Some(muted) = meeting.told(update) {
                    let key = conversation.as_str().into();
                    (self.tell)(News::Call(key, Change::Muted(muted)));
                }
            }
            _ => {}
        }
        let people = meeting.news();
        for line in news {
            self.say(line);
        }
        if let Some(people) = people {
            self.change(&conversation, Change::People(people));
        }
    }

    /// Takes the end of a session. The service may have moved it to another conversation, and a meeting may have another
    /// session by now.
    pub(super) fn ended(&mut self, session: &Session, reason: &str) {
        let own = self.meetings.iter().find(|(_, meeting)| meeting.session.id == session.id);
        let conversation = match own.map(|(conversation, _)| conversation.clone()) {
            Some(conversation) => {
                self.meetings.remove(&conversation);
                conversation
            }
            None if self.meetings.contains_key(&session.conversation) => return,
            None => session.conversation.clone(),
        };
        self.rows.borrow_mut().parts(&conversation, reason);
    }

    /// Ends what may not have begun.
    pub(super) fn leaves(&self, call: ConversationId) -> Asking {
        let (phone, rows) = (self.phone.clone(), Rc::clone(&self.rows));
        async move {
            let is_unknown =
                |error: &Error| error.kind == ErrorKind::Session && error.cause().is_none();
            match phone.end(&call).await {
                Err(error) if is_unknown(&error) => {}
                ended => return Ok(ended?),
            }
            // The service is about to tell of what was dialled, and it is to be over when this is done.
            let awaits = rows.borrow_mut().awaits(&call);
            if let Some(awaits) = awaits {
                let _ = within::<R, _>(PATIENCE, awaits.recv()).await;
                match phone.end(&call).await {
                    Err(error) if is_unknown(&error) => {}
                    ended => return Ok(ended?),
                }
            }
            // It tells nothing any more, unless it has begun meanwhile.
            let is_left = rows.borrow_mut().leaves(&call);
            if !is_left {
                phone.end(&call).await?;
            }
            Ok(())
        }
        .boxed_local()
    }

    /// Begins or ends a film of a meeting. One that ends is closed when it is written.
    pub(super) fn film(
        &mut self,
        conversation: &ConversationId,
        on: bool,
    ) -> anyhow::Result<Option<Receiver<()>>> {
        let meeting = self.meetings.get_mut(conversation).context("this is no meeting")?;
        let film =
            meeting.film.take_if(|film| !on || film.is_over()).filter(|film| !film.is_over());
        if !on {
            let film = film.context("no film of it is being made")?;
            return Ok(Some(film.written()));
        }
        if meeting.film.is_some() {
            bail!("a film of it is being made");
        }
        let (tell, key) = (self.tell.clone(), CallKey::from(conversation.as_str()));
        let tell = Box::new(move |told| {
            let (news, file) = match told {
                Told::File(path) => (News::Said(format!("writing {}", path.display())), Some(path)),
                Told::Over(Ok(words)) => (News::Done(format!("wrote {words}")), None),
                Told::Over(Err(error)) => {
                    (News::Failed(format!("the film is broken off: {error:#}")), None)
                }
            };
            tell(News::Call(key.clone(), Change::Film(file)));
            tell(news);
        });
        let (media, heard) = (meeting.session.media, meeting.heard.clone());
        let film = Film::begin::<R>(self.phone.clone(), media, &self.films, heard, tell)?;
        self.written.retain(|written| !written.is_closed());
        self.written.push(film.written());
        meeting.films(film);
        Ok(None)
    }

    /// The meetings to be muted and the calls to be held before something else is spoken to: there is one microphone. True
    /// of a meeting. Calls among themselves the service holds.
    pub(super) fn quiets(&self, ask: &Ask) -> Vec<(ConversationId, bool)> {
        let rows = self.rows.borrow();
        let (subject, meets) = match ask {
            Ask::Dial(_) => (None, false),
            Ask::Meet(_) => (None, true),
            Ask::Call(call, Act::Answer) => {
                let call = ConversationId::from(call.as_str());
                let meets = rows.is_meeting(&call);
                (Some(call), meets)
            }
            Ask::Call(call, Act::Hold(false)) => (Some(ConversationId::from(call.as_str())), false),
            // One that was muted for a call is heard again.
            Ask::Call(call, Act::Mute(false)) => {
                let call = ConversationId::from(call.as_str());
                if !self.meetings.contains_key(&call) {
                    return Vec::new();
                }
                (Some(call), true)
            }
            _ => return Vec::new(),
        };
        let talks = rows.talks();
        let others = self.meetings.keys().map(|meeting| (meeting, true));
        let calls = talks.iter().filter(|_| meets).map(|call| (call, false));
        let others = others.chain(calls).filter(|(one, _)| Some(*one) != subject.as_ref());
        others.map(|(one, meets)| (one.clone(), meets)).collect()
    }
}
