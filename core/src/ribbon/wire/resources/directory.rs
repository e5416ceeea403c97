//! The directory of users (w5.4).

use super::Resources;
use crate::rest::{Resource, segment};
use crate::ribbon::error::Error;
use crate::ribbon::wire::answer::read;
use crate::ribbon::wire::lenient::{List, Text, object};

/// The most users of one answer.
pub(crate) const MAX_USERS: usize = 10_000;

/// A criterion of the directory, with its number on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Criterion {
    FirstName = 1,
    LastName = 2,
    Name = 3,
    PhoneNumber = 4,
    UserId = 5,
}

object! {
    Wrapper<'a> {
        body: Body<'a> = "directory",
    }
}
object! {
    Body<'a> {
        items: List<Item<'a>, MAX_USERS> = "directoryItems",
    }
}
object! {
    /// A user of the directory.
    Item<'a> {
        contact: Text<'a> = "primaryContact",
        id: Text<'a> = "userId",
        first_name: Text<'a> = "firstName",
        last_name: Text<'a> = "lastName",
        email: Text<'a> = "emailAddress",
        photo: Text<'a> = "photoURL",
        buddy: Text<'a> = "buddy",
    }
}

impl Resources {
    /// A search; everybody without a criterion.
    pub(crate) fn directory(&self, wanted: Option<(Criterion, &str)>) -> Resource {
        match wanted {
            Some((criterion, text)) => {
                let (text, number) = (segment(text), criterion as u8);
                self.get(&format!("directory?criteria={text}&criteriaType={number}"))
            }
            None => self.get("directory"),
        }
    }
}

/// The users of an answer.
///
/// # Errors
///
/// The answer is no JSON.
pub(crate) fn users<'a>(request: &str, body: &'a [u8]) -> Result<Vec<Item<'a>>, Error> {
    let Wrapper { body } = read(request, body)?;
    Ok(body.items.items)
}
