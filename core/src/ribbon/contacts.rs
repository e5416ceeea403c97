//! The address book (w5.3).

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::error::{Error, UsersCode};
use super::ids::ContactId;
use super::wire::refusal::Refused;
use super::wire::resources::contacts::{Fields, MAX_ENTRIES};

/// The longest field of an entry in bytes.
const MAX_FIELD: usize = 1024;

/// An entry of the user's address book. Empty fields are not there.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Contact {
    /// Its name, by which it is found.
    pub contact_id: String,
    /// The first address.
    pub primary_contact: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The address of a picture.
    pub photo_url: String,
    /// The address for mail.
    pub email_address: String,
    /// The number at home.
    pub home_phone: String,
    /// The number at work.
    pub work_phone: String,
    /// The number of the mobile telephone.
    pub mobile_phone: String,
    /// The address of a conference.
    #[serde(rename = "conferenceURL")]
    pub conference_url: String,
    /// The number for fax.
    pub fax: String,
    /// The number of a pager.
    pub pager: String,
    /// The list that it stands in. Default `friends`.
    pub group_list: String,
    /// True if the two are friends.
    pub friend_status: Option<bool>,
}

setters!(Contact {
    primary_contact: into[String],
    first_name: into[String],
    last_name: into[String],
    photo_url: into[String],
    email_address: into[String],
    home_phone: into[String],
    work_phone: into[String],
    mobile_phone: into[String],
    conference_url: into[String],
    fax: into[String],
    pager: into[String],
    group_list: into[String],
    friend_status: some[bool],
});

/// Shown by its name alone.
impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("contact_id", &self.contact_id).finish_non_exhaustive()
    }
}

/// The names of fields on the wire.
const NAMES: [&str; 13] = [
    "nickname",
    "primaryContact",
    "firstName",
    "lastName",
    "photoUrl",
    "emailAddress",
    "homePhone",
    "workPhone",
    "mobilePhone",
    "conferenceURL",
    "fax",
    "pager",
    "groupList",
];

impl Contact {
    /// An entry with a name and a first address.
    #[must_use]
    pub fn new(contact_id: impl Into<String>, primary_contact: impl Into<String>) -> Self {
        Self {
            contact_id: contact_id.into(),
            primary_contact: primary_contact.into(),
            ..Self::default()
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> ContactId {
        self.contact_id.as_str().into()
    }

    /// The entry as it travels.
    ///
    /// # Errors
    ///
    /// [`UsersCode::InvalidParam`]: without a name or a first address, or with a field of over 1 KiB.
    pub(crate) fn fields(&self) -> Result<Fields, Error> {
        if self.contact_id.is_empty() || self.primary_contact.is_empty() {
            return Err(Error::new(
                UsersCode::InvalidParam,
                "a contact without a name or an address",
            ));
        }
        let mut own = self.clone();
        if own.group_list.is_empty() {
            own.group_list = "friends".to_owned();
        }
        let texts = own.texts();
        if texts.iter().any(|text| text.len() > MAX_FIELD) {
            return Err(Error::new(
                UsersCode::InvalidParam,
                "a contact with a field of over 1 KiB",
            ));
        }
        let named = NAMES.iter().zip(texts).filter(|(_, text)| !text.is_empty());
        let mut fields: Fields =
            named.map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        if let Some(friend) = self.friend_status {
            fields.insert("friendStatus".to_owned(), friend.to_string());
        }
        Ok(fields)
    }

    /// An entry as it came; none without a name.
    pub(crate) fn read(mut fields: Fields) -> Option<Self> {
        let mut contact = Self::default();
        for (name, text) in NAMES.iter().zip(contact.texts()) {
            if let Some(value) = fields.remove(*name).filter(|value| value.len() <= MAX_FIELD) {
                *text = crate::plain(&value).into_owned();
            }
        }
        contact.friend_status = fields.get("friendStatus").map(|value| value == "true");
        (!contact.contact_id.is_empty()).then_some(contact)
    }

    /// The fields that are texts, in the order of [`NAMES`].
    fn texts(&mut self) -> [&mut String; 13] {
        [
            &mut self.contact_id,
            &mut self.primary_contact,
            &mut self.first_name,
            &mut self.last_name,
            &mut self.photo_url,
            &mut self.email_address,
            &mut self.home_phone,
            &mut self.work_phone,
            &mut self.mobile_phone,
            &mut self.conference_url,
            &mut self.fax,
            &mut self.pager,
            &mut self.group_list,
        ]
    }
}

/// The address book: at most 10 000 entries. A new one beyond is not kept, and counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Contacts {
    all: BTreeMap<ContactId, Contact>,
    left_out: usize,
}

impl Contacts {
    /// One entry (RA-055).
    pub(crate) fn get(&self, id: &ContactId) -> Option<&Contact> {
        self.all.get(id)
    }

    /// All entries (RA-056).
    pub(crate) fn all(&self) -> impl Iterator<Item = &Contact> {
        self.all.values()
    }

    /// The entries that were not kept.
    pub(crate) fn left_out(&self) -> usize {
        self.left_out
    }

    /// True if an entry of that name could be kept.
    pub(crate) fn has_room(&self, id: &ContactId) -> bool {
        self.all.len() < MAX_ENTRIES || self.all.contains_key(id)
    }

    /// Keeps an entry, in place of the one of its name. True if something changed.
    pub(crate) fn put(&mut self, contact: Contact) -> bool {
        let id = contact.id();
        if !self.all.contains_key(&id) && self.all.len() >= MAX_ENTRIES {
            self.left_out += 1;
            return false;
        }
        let old = self.all.insert(id.clone(), contact);
        old.as_ref() != self.all.get(&id)
    }

    /// Forgets an entry. True if there was one.
    pub(crate) fn remove(&mut self, id: &ContactId) -> bool {
        self.all.remove(id).is_some()
    }

    /// Keeps these entries and no others (RA-057). So many more were left out before.
    pub(crate) fn replace(&mut self, entries: Vec<Fields>, left_out: usize) {
        *self = Self { all: BTreeMap::new(), left_out };
        for contact in entries.into_iter().filter_map(Contact::read) {
            self.put(contact);
        }
    }
}

/// The error of a request for the address book (w5.3).
pub(crate) fn refused(refusal: &Refused) -> Error {
    let code = match (refusal.code, refusal.http) {
        (Some(4 | 27 | 35), _) | (_, 403) => UsersCode::RefreshContactsFailed,
        _ => UsersCode::Unknown,
    };
    refusal.error(code, "the address book is refused")
}
