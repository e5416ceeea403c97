//! Users of the directory (w5.4).

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::Serialize;

use super::error::{Error, UsersCode};
use super::ids::UserId;
use super::wire::lenient::Text;
use super::wire::refusal::Refused;
use super::wire::resources::directory::{Criterion, Item, MAX_USERS};

/// The longest criterion in bytes.
const MAX_CRITERION: usize = 512;

/// A user of the directory (RT-036).
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct User {
    /// The user.
    pub user_id: UserId,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The address for mail.
    pub email_address: String,
    /// The address of a picture.
    #[serde(rename = "photoURL")]
    pub photo_url: String,
    /// The user's standing in the address book, as the gateway says it.
    pub buddy: String,
}

/// Shown by the user's id alone.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

impl User {
    /// Its bytes, about.
    pub(crate) fn size(&self) -> usize {
        let texts = [&self.first_name, &self.last_name, &self.email_address, &self.photo_url];
        let texts = texts.into_iter().chain([&self.buddy]).map(String::len);
        size_of::<Self>() + self.user_id.as_str().len() + texts.sum::<usize>()
    }

    /// A user as the directory has one: by the first address, else by the name.
    pub(crate) fn read(item: Item<'_>) -> Option<Self> {
        let text = |text: Text<'_>| crate::plain(text.as_str()).into_owned();
        let id = item.contact.0.or(item.id.0).filter(|id| id.len() <= crate::text_id::MAX_ID)?;
        Some(Self {
            user_id: id.as_ref().into(),
            first_name: text(item.first_name),
            last_name: text(item.last_name),
            email_address: text(item.email),
            photo_url: text(item.photo),
            buddy: text(item.buddy),
        })
    }
}

/// The thing that the directory is searched by (RA-108): one, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UserFilter {
    /// Everybody.
    All,
    /// By the first name.
    FirstName(String),
    /// By the last name.
    LastName(String),
    /// By either name.
    Name(String),
    /// By a telephone number.
    PhoneNumber(String),
    /// By the user's own name.
    UserId(String),
}

impl UserFilter {
    /// The criterion on the wire.
    ///
    /// # Errors
    ///
    /// [`UsersCode::InvalidParam`]: an empty criterion, or one of over 512 bytes.
    pub(crate) fn criterion(&self) -> Result<Option<(Criterion, &str)>, Error> {
        let (criterion, text) = match self {
            Self::All => return Ok(None),
            Self::FirstName(text) => (Criterion::FirstName, text),
            Self::LastName(text) => (Criterion::LastName, text),
            Self::Name(text) => (Criterion::Name, text),
            Self::PhoneNumber(text) => (Criterion::PhoneNumber, text),
            Self::UserId(text) => (Criterion::UserId, text),
        };
        if text.is_empty() || text.len() > MAX_CRITERION {
            return Err(Error::new(UsersCode::InvalidParam, "no criterion to search by"));
        }
        Ok(Some((criterion, text)))
    }
}

/// The users that are known: at most 10 000, the oldest go first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Users {
    all: BTreeMap<UserId, User>,
    order: VecDeque<UserId>,
}

impl Users {
    /// One user (RA-106).
    pub(crate) fn get(&self, id: &UserId) -> Option<&User> {
        self.all.get(id)
    }

    /// All users (RA-107).
    pub(crate) fn all(&self) -> impl Iterator<Item = &User> {
        self.all.values()
    }

    /// Takes note of a user.
    pub(crate) fn put(&mut self, user: User) {
        let id = user.user_id.clone();
        if self.all.insert(id.clone(), user).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > MAX_USERS {
            if let Some(oldest) = self.order.pop_front() {
                self.all.remove(&oldest);
            }
        }
    }
}

/// The error of a request for the directory (w5.4).
pub(crate) fn refused(refusal: &Refused) -> Error {
    refusal.error(UsersCode::DirectoryFailed, "the directory is refused")
}
