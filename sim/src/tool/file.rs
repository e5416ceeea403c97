//! A file for an answer that takes a while: opened before the work, written after it.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::answer::ToolError;

/// Somewhere to write to. What was there stays until there is something new.
#[derive(Debug)]
pub(super) struct Answer {
    path: PathBuf,
    file: File,
    /// True if it was made for this answer, and has none yet.
    empty: bool,
}

impl Answer {
    /// Opens a file that can be written, or fails at once.
    pub(super) fn open(path: &Path) -> Result<Self, ToolError> {
        let failed = |source| ToolError::File { path: path.to_owned(), source };
        let (file, empty) = match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => (file, true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (OpenOptions::new().write(true).open(path).map_err(failed)?, false)
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { path: path.to_owned(), file, empty })
    }

    /// Writes the whole answer, in place of what was there.
    pub(super) fn write(mut self, content: &str) -> Result<(), ToolError> {
        self.empty = false;
        self.replace(content).map_err(|source| ToolError::File { path: self.path.clone(), source })
    }

    fn replace(&mut self, content: &str) -> io::Result<()> {
        // A pipe or a terminal has no length.
        if self.file.metadata()?.is_file() {
            self.file.rewind()?;
            self.file.set_len(0)?;
        }
        self.file.write_all(content.as_bytes())?;
        self.file.flush()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.empty {
            // An empty file is no answer; where it cannot be removed, it stays.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_the_place_of_another_and_nothing_leaves_nothing() {
        let path = std::env::temp_dir().join(format!("offhook-answer-{}", std::process::id()));
        drop(Answer::open(&path).unwrap());
        assert!(!path.exists(), "work that failed leaves no file");
        Answer::open(&path).unwrap().write("a long answer").unwrap();
        drop(Answer::open(&path).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a long answer");
        Answer::open(&path).unwrap().write("short").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
        std::fs::remove_file(&path).unwrap();
        let error = Answer::open(&path.join("in/no/folder")).unwrap_err();
        assert!(matches!(error, ToolError::File { .. }), "{error}");
    }
}
