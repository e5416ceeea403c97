//! The numbers that were typed: also those of before, which a file keeps from one phone to the next.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tempfile::NamedTempFile;

use crate::news::{News, Tell};
use crate::screen::MAX_TEXT;

/// The most lines that are remembered.
const MAX_LINES: usize = 50;
/// The most bytes of a file that are read: each character may have four, and a line has an end.
const MAX_BYTES: usize = MAX_LINES * (4 * MAX_TEXT + 1);

/// The numbers, the newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History(VecDeque<String>);

impl History {
    /// The numbers of a text, one a line. Lines that nobody can have typed are left out.
    fn of(text: &str) -> Self {
        let mut history = Self::default();
        for line in text.lines().map(str::trim) {
            let is_odd = |char: char| char.is_control() || char == char::REPLACEMENT_CHARACTER;
            if (1..=MAX_TEXT).contains(&line.chars().count()) && !line.chars().any(is_odd) {
                history.note(line);
            }
        }
        history
    }

    /// Remembers a number.
    pub(crate) fn note(&mut self, number: &str) {
        self.0.retain(|known| known != number);
        self.0.push_back(number.to_owned());
        if self.0.len() > MAX_LINES {
            self.0.pop_front();
        }
    }

    /// The one so many before the newest, from 1.
    pub(crate) fn back(&self, by: usize) -> Option<&String> {
        self.0.len().checked_sub(by).and_then(|at| self.0.get(at))
    }
}

/// The file that keeps it, which only its owner may read.
#[derive(Clone)]
pub(crate) struct Keeper {
    path: Option<PathBuf>,
    /// Held while the file is changed.
    changes: Arc<Mutex<()>>,
}

impl Keeper {
    /// The keeper of a file; without one nothing is kept.
    pub(crate) fn new(path: Option<PathBuf>) -> Self {
        Self { path, changes: Arc::default() }
    }

    /// The numbers of before. There are none without a file.
    ///
    /// # Errors
    ///
    /// It is there, and cannot be read.
    pub(crate) fn read(&self) -> anyhow::Result<History> {
        let Some(path) = &self.path else { return Ok(History::default()) };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(History::default()),
            Err(error) => return Err(error).with_context(|| words(path)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BYTES as u64).read_to_end(&mut bytes).with_context(|| words(path))?;
        Ok(History::of(&String::from_utf8_lossy(&bytes)))
    }

    /// Keeps one more number, and waits for no disk. Only the log says if that fails: there are calls to look at.
    pub(crate) fn notes(&self, number: &str, tell: &Tell) {
        let (keeper, number, tell) = (self.clone(), number.to_owned(), Arc::clone(tell));
        let noting = smol::unblock(move || {
            if let Err(error) = keeper.note(&number) {
                tell(News::Said(format!("! {error:#}")));
            }
        });
        noting.detach();
    }

    /// Keeps one more number, together with what other phones have kept before.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written. It is as it was then.
    fn note(&self, number: &str) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let _changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut history = self.read()?;
        history.note(number);
        let write = || {
            let folder = path.parent().unwrap_or_else(|| Path::new("."));
            std::fs::create_dir_all(folder)?;
            // Whole, or not at all; nobody else may read such a file.
            let mut file = NamedTempFile::new_in(folder)?;
            for line in &history.0 {
                writeln!(file, "{line}")?;
            }
            file.persist(path)?;
            anyhow::Ok(())
        };
        write().with_context(|| words(path))
    }
}

fn words(path: &Path) -> String {
    format!("numbers of before: {}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> History {
        History(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn numbers_are_kept_from_one_phone_to_the_next_and_by_two_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("not/yet/there");
        let [first, second] = [(); 2].map(|()| Keeper::new(Some(path.clone())));
        assert_eq!(first.read().unwrap(), History::default());
        first.note("+15550100").unwrap();
        second.note("sip:lin@lab.test").unwrap();
        first.note("+15550100").unwrap();
        assert_eq!(second.read().unwrap(), history(&["sip:lin@lab.test", "+15550100"]));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let left = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "nothing else is left there");
    }

    #[test]
    fn without_a_file_nothing_is_kept() {
        let keeper = Keeper::new(None);
        keeper.note("+15550100").unwrap();
        assert_eq!(keeper.read().unwrap(), History::default());
    }

    #[test]
    fn of_a_file_of_anything_only_what_can_have_been_typed_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers");
        let long = "5".repeat(MAX_TEXT + 1);
        let odd = format!("\n \n555\n\u{1b}[2J\n{long}\n 556 \n555\n").into_bytes();
        std::fs::write(&path, [&odd[..], &[0xff, 0xfe]].concat()).unwrap();
        let keeper = Keeper::new(Some(path.clone()));
        assert_eq!(keeper.read().unwrap().back(2), Some(&"556".to_owned()));
        // The most that are kept, and the oldest go first.
        std::fs::write(&path, (0..200).map(|n| format!("{n}\n")).collect::<String>()).unwrap();
        keeper.note("last").unwrap();
        let kept = keeper.read().unwrap();
        assert_eq!((kept.0.len(), kept.back(MAX_LINES)), (MAX_LINES, Some(&"151".to_owned())));
        // More than is read at all.
        std::fs::write(&path, "7\n".repeat(MAX_BYTES)).unwrap();
        assert_eq!(keeper.read().unwrap(), history(&["7"]));
    }

    #[test]
    fn a_place_that_is_none_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = Keeper::new(Some(folder.path().to_owned()));
        for error in [keeper.read().map(drop), keeper.note("555")].map(Result::unwrap_err) {
            assert!(format!("{error:#}").contains("numbers of before"), "{error:#}");
        }
    }
}
