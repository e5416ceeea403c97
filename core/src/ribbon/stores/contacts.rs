//! The address book: what is asked for and answered (w5.3).

use super::{Stores, logged_in};
use crate::machine::CommandId;
use crate::ribbon::ask::{ContactsAsk, StoreAsk};
use crate::ribbon::command::Command;
use crate::ribbon::contacts::{Contact, refused};
use crate::ribbon::error::{Error, UsersCode};
use crate::ribbon::event::Event;
use crate::ribbon::fault::Fault;
use crate::ribbon::ids::ContactId;
use crate::ribbon::outbox::Outbox;
use crate::ribbon::outcome::Outcome;
use crate::ribbon::wire::resources::contacts::read_entries;
use crate::text_id::MAX_ID;

impl Stores {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn apply_contacts(id: CommandId, command: Command, out: &mut Outbox) {
        let resources = out.resources();
        let (ask, resource) = match command {
            Command::AddContact(contact) => {
                let fields = contact.fields().unwrap_or_default();
                (ContactsAsk::Add(Box::new(contact)), resources.add_contact(&fields))
            }
            Command::UpdateContact(contact) => {
                let fields = contact.fields().unwrap_or_default();
                let resource = resources.update_contact(&contact.id(), &fields);
                (ContactsAsk::Update(Box::new(contact)), resource)
            }
            Command::RemoveContact { contact } => {
                let resource = resources.remove_contact(&contact);
                (ContactsAsk::Remove(contact), resource)
            }
            Command::FetchContact { contact } => (ContactsAsk::Fetch, resources.contact(&contact)),
            _ => (ContactsAsk::Refresh, resources.contacts()),
        };
        out.ask(id, StoreAsk::Contacts(ask), resource);
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the rest is others' own")]
    pub(super) fn plan_contacts(&self, command: &Command, out: &Outbox) -> Result<(), Error> {
        match command {
            Command::AddContact(contact) => {
                contact.fields()?;
                if !self.contacts.has_room(&contact.id()) {
                    return Err(Error::new(UsersCode::InvalidParam, "the address book is full"));
                }
                named(&contact.id())?;
            }
            Command::UpdateContact(contact) => {
                contact.fields()?;
                named(&contact.id())?;
            }
            Command::RemoveContact { contact } | Command::FetchContact { contact } => {
                named(contact)?;
            }
            _ => {}
        }
        logged_in(out, UsersCode::Unknown)
    }

    pub(super) fn contacts_answered(
        &mut self,
        ask: ContactsAsk,
        request: &str,
        result: Result<Vec<u8>, Fault>,
        out: &mut Outbox,
    ) -> Result<Outcome, Error> {
        let body = result.map_err(|fault| fault.error(refused))?;
        let (entries, left_out) = match &ask {
            ContactsAsk::Remove(_) => (Vec::new(), 0),
            ContactsAsk::Add(_)
            | ContactsAsk::Update(_)
            | ContactsAsk::Fetch
            | ContactsAsk::Refresh => read_entries(request, &body)?,
        };
        let outcome = match ask {
            ContactsAsk::Refresh => {
                self.contacts.replace(entries, left_out);
                Outcome::Done
            }
            ContactsAsk::Remove(id) => {
                self.contacts.remove(&id);
                Outcome::Done
            }
            ContactsAsk::Fetch => {
                let Some(contact) = entries.into_iter().find_map(Contact::read) else {
                    return Err(Error::new(UsersCode::Unknown, "there is no such contact"));
                };
                self.contacts.put(contact.clone());
                Outcome::Contact(contact)
            }
            ContactsAsk::Add(sent) | ContactsAsk::Update(sent) => {
                // The gateway may have changed it, or say nothing (w8, no. 23).
                let told = entries.into_iter().find_map(Contact::read);
                let contact = told.filter(|told| told.id() == sent.id()).unwrap_or(*sent);
                let is_new = self.contacts.get(&contact.id()).is_none();
                if self.contacts.put(contact.clone()) && is_new {
                    out.event(Event::ContactAdded { contact: Box::new(contact.clone()) });
                }
                Outcome::Contact(contact)
            }
        };
        out.event(Event::ContactsChanged { left_out: self.contacts.left_out() });
        Ok(outcome)
    }
}

fn named(id: &ContactId) -> Result<(), Error> {
    if id.as_str().is_empty() || id.as_str().len() > MAX_ID {
        return Err(Error::new(UsersCode::InvalidParam, "a contact without a name, or a long one"));
    }
    Ok(())
}
