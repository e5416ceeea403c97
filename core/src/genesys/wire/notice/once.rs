//! Lists in which nothing counts twice: of what stands in one under the same id, the last counts, as
//! the last of a field's values does, and the newest of the user's own parts (CV-4, CV-6).

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Call, Notice, Participant, or_default};

/// Lists up to this length are compared pair by pair, which needs no memory.
const SHORT: usize = 16;

/// A part of a list that has an id.
pub(super) trait Named {
    fn id(&self) -> &str;
}

impl Named for Notice<'_> {
    fn id(&self) -> &str {
        self.id.as_str()
    }
}

impl Named for Participant<'_> {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Named for Call<'_> {
    fn id(&self) -> &str {
        self.id.as_str()
    }
}

/// Reads a list, less its doubles. Null is an empty one.
pub(super) fn list<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: Named + Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    or_default(from).map(each)
}

/// A list, less its doubles.
pub(super) fn each<T: Named>(mut all: Vec<T>) -> Vec<T> {
    if has_doubles(&all) {
        let mut seen = BTreeSet::new();
        let is_last: Vec<_> = all.iter().rev().map(|one| seen.insert(one.id())).collect();
        let mut is_last = is_last.into_iter().rev();
        all.retain(|_| is_last.next().unwrap_or(true));
    }
    all
}

fn has_doubles<T: Named>(all: &[T]) -> bool {
    if all.len() > SHORT {
        let mut seen = BTreeSet::new();
        return !all.iter().all(|one| seen.insert(one.id()));
    }
    all.iter().enumerate().any(|(at, one)| all[..at].iter().any(|other| other.id() == one.id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Part(String, usize);

    impl Named for Part {
        fn id(&self) -> &str {
            &self.0
        }
    }

    #[test]
    fn of_what_stands_twice_the_last_counts_in_short_lists_and_long_ones() {
        for length in [0, 1, 2, SHORT, SHORT + 1, 10 * SHORT] {
            for different in [1, 3, SHORT + 2, 20 * SHORT] {
                let part = |n: usize| Part((n % different).to_string(), n);
                let kept = each((0..length).map(part).collect());
                let last = length.saturating_sub(different)..length;
                assert_eq!(kept, last.map(part).collect::<Vec<_>>(), "{length} of {different}");
            }
        }
    }
}
