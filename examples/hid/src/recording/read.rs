//! Recordings out of texts.

use std::str::FromStr;
use std::time::Duration;

use super::words;
use super::{Happening, MAX_NAME, MAX_RECORDING, Recording, Step};
use crate::descriptor::{MAX_DESCRIPTOR, MAX_REPORT};

/// The most characters of a word that is repeated in an error.
const SHOWN: usize = 32;

/// A text that is no recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ParseError {
    /// The line, of which the first is 1. Of something that is missing it is the last one.
    pub line: usize,
    /// The problem with it.
    pub problem: Problem,
}

/// The problem with a line of a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The text is longer than [`MAX_RECORDING`].
    #[error("a recording has {MAX_RECORDING} bytes at most")]
    TooLong,
    /// A word that is none of a recording.
    #[error("{0:?} is no word of a recording")]
    Word(String),
    /// A line in a place where it cannot be.
    #[error("`{0}` cannot be here")]
    Misplaced(&'static str),
    /// Something that is said twice.
    #[error("`{0}` is said twice")]
    Twice(&'static str),
    /// Something that is not said.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// An id that is none.
    #[error("{0:?} is no id of four hexadecimal digits")]
    Id(String),
    /// A name that is too long or steers a terminal.
    #[error("a name has {MAX_NAME} characters at most, and none of them steers a terminal")]
    Name,
    /// A time that is none.
    #[error("{0:?} is no time in milliseconds")]
    Time(String),
    /// A time before that of the line before.
    #[error("the time goes backwards")]
    Backwards,
    /// Bytes that are none.
    #[error("{0:?} are no bytes of two hexadecimal digits each")]
    Bytes(String),
    /// A descriptor longer than [`MAX_DESCRIPTOR`].
    #[error("a descriptor has {MAX_DESCRIPTOR} bytes at most")]
    LongDescriptor,
    /// A report longer than [`MAX_REPORT`] and its id.
    #[error("a report has {MAX_REPORT} bytes at most, and its id")]
    LongReport,
    /// A key that is none.
    #[error("{0:?} is no key")]
    Key(String),
    /// Lamps that are none.
    #[error("{0:?} are no lamps")]
    Lamps(String),
}

impl FromStr for Recording {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if let Some(head) =
            text.as_bytes().get(..MAX_RECORDING).filter(|head| head.len() < text.len())
        {
            let line = 1 + head.iter().filter(|byte| **byte == b'\n').count();
            return Err(ParseError { line, problem: Problem::TooLong });
        }
        let mut reader = Reader::default();
        let mut line = 0;
        for text in text.lines() {
            line += 1;
            reader.line(text).map_err(|problem| ParseError { line, problem })?;
        }
        reader.end().map_err(|problem| ParseError { line, problem })
    }
}

#[derive(Default)]
struct Reader {
    vendor: Option<u16>,
    product: Option<u16>,
    name: Option<String>,
    descriptor: Vec<u8>,
    steps: Vec<Step>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Problem> {
        let (word, rest) = first(line.split('#').next().unwrap_or_default());
        match word {
            "" => Ok(()),
            "vendor" => once(&mut self.vendor, "vendor", id(rest)?),
            "product" => once(&mut self.product, "product", id(rest)?),
            // A name may have any sign.
            "name" => once(&mut self.name, "name", name(first(line).1)?),
            "descriptor" => self.descriptor(rest),
            "expect" => self.expect(rest),
            "out" => self.out(rest),
            time if time.starts_with(|sign: char| sign.is_ascii_digit()) => self.step(time, rest),
            other => Err(Problem::Word(shown(other))),
        }
    }

    fn descriptor(&mut self, words: &str) -> Result<(), Problem> {
        self.descriptor.extend(bytes(words)?);
        match self.descriptor.len() <= MAX_DESCRIPTOR {
            true => Ok(()),
            false => Err(Problem::LongDescriptor),
        }
    }

    fn step(&mut self, time: &str, rest: &str) -> Result<(), Problem> {
        let ms: u32 = time.parse().map_err(|_| Problem::Time(shown(time)))?;
        let at = Duration::from_millis(ms.into());
        if self.steps.last().is_some_and(|last| last.at > at) {
            return Err(Problem::Backwards);
        }
        let what = match first(rest) {
            ("in", rest) => Happening::Said { report: report(rest)?, keys: Some(Vec::new()) },
            ("show", rest) => {
                let lamps = words::lamps(rest).ok_or_else(|| Problem::Lamps(shown(rest)))?;
                Happening::Shown { lamps, written: Vec::new() }
            }
            (other, _) => return Err(Problem::Word(shown(other))),
        };
        self.steps.push(Step { at, what });
        Ok(())
    }

    fn expect(&mut self, key: &str) -> Result<(), Problem> {
        let Some(Step { what: Happening::Said { keys, .. }, .. }) = self.steps.last_mut() else {
            return Err(Problem::Misplaced("expect"));
        };
        match keys {
            Some(keys) if key != "short" => {
                keys.push(words::key(key).ok_or_else(|| Problem::Key(shown(key)))?);
                Ok(())
            }
            Some(some) if some.is_empty() => {
                *keys = None;
                Ok(())
            }
            Some(_) | None => Err(Problem::Misplaced("expect")),
        }
    }

    fn out(&mut self, words: &str) -> Result<(), Problem> {
        let Some(Step { what: Happening::Shown { written, .. }, .. }) = self.steps.last_mut()
        else {
            return Err(Problem::Misplaced("out"));
        };
        written.push(report(words)?);
        Ok(())
    }

    fn end(self) -> Result<Recording, Problem> {
        if self.descriptor.is_empty() {
            return Err(Problem::Missing("descriptor"));
        }
        Ok(Recording {
            vendor: self.vendor.ok_or(Problem::Missing("vendor"))?,
            product: self.product.ok_or(Problem::Missing("product"))?,
            name: self.name.unwrap_or_default(),
            descriptor: self.descriptor,
            steps: self.steps,
        })
    }
}

/// The first word and what follows it.
fn first(line: &str) -> (&str, &str) {
    let line = line.trim();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    (word, rest.trim())
}

fn shown(word: &str) -> String {
    word.chars().take(SHOWN).collect()
}

fn once<T>(place: &mut Option<T>, word: &'static str, value: T) -> Result<(), Problem> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Problem::Twice(word)),
    }
}

fn id(word: &str) -> Result<u16, Problem> {
    words::number(word, 4).ok_or_else(|| Problem::Id(shown(word)))
}

fn name(name: &str) -> Result<String, Problem> {
    match name.chars().count() <= MAX_NAME && !name.contains(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(Problem::Name),
    }
}

fn bytes(words: &str) -> Result<Vec<u8>, Problem> {
    let bytes = words::bytes(words).filter(|bytes| !bytes.is_empty());
    bytes.ok_or_else(|| Problem::Bytes(shown(words)))
}

fn report(words: &str) -> Result<Vec<u8>, Problem> {
    let report = bytes(words)?;
    match report.len() <= 1 + MAX_REPORT {
        true => Ok(report),
        false => Err(Problem::LongReport),
    }
}

#[cfg(test)]
mod tests {
    use offhook::headset::Lamps;
    use proptest::prelude::*;

    use super::super::words::KEYS;
    use super::*;

    const HEAD: &str = "vendor 6993\nproduct 0001\nname A #1\ndescriptor 05 0b # telephony\n";

    fn problem(text: &str) -> (usize, Problem) {
        let error = text.parse::<Recording>().expect_err("no recording");
        (error.line, error.problem)
    }

    #[test]
    fn a_recording_is_read_as_the_module_says() {
        let steps = "\n# presses hook\n0 show dark\r\n\tout 00 00\n 7 in 01 FF # both\nexpect hook  up\n7 in 02\nexpect short";
        let recording: Recording = format!("{HEAD}{steps}").parse().expect("a recording");
        assert_eq!((recording.vendor, recording.product), (0x6993, 1));
        assert_eq!((recording.name.as_str(), &recording.descriptor[..]), ("A #1", &[5, 0x0b][..]));
        let step = |ms, what| Step { at: Duration::from_millis(ms), what };
        let said = |report: &[u8], keys| Happening::Said { report: report.to_vec(), keys };
        let dark = Happening::Shown { lamps: Lamps::default(), written: vec![vec![0, 0]] };
        let up = said(&[1, 0xff], Some(vec![KEYS[0].1]));
        assert_eq!(recording.steps, [step(0, dark), step(7, up), step(7, said(&[2], None))]);
        assert_eq!(HEAD.parse().map(|recording: Recording| recording.steps), Ok(vec![]), "cut off");
    }

    #[test]
    fn what_is_no_recording_says_where_and_why() {
        let after = |steps: &str| {
            let (line, problem) = problem(&format!("{HEAD}{steps}"));
            (line - 4, problem)
        };
        let word = |word: &str| word.to_owned();
        assert_eq!(problem(""), (0, Problem::Missing("descriptor")));
        assert_eq!(problem("descriptor 05\n\n"), (2, Problem::Missing("vendor")));
        assert_eq!(problem("vendor 0001\ndescriptor 05"), (2, Problem::Missing("product")));
        assert_eq!(problem("vendor 0x6993"), (1, Problem::Id(word("0x6993"))));
        assert_eq!(problem("vendor +001"), (1, Problem::Id(word("+001"))));
        assert_eq!(problem("name \u{1b}[31m"), (1, Problem::Name));
        assert_eq!(problem(&format!("name {}", "é".repeat(MAX_NAME + 1))), (1, Problem::Name));
        assert_eq!(problem("descriptor"), (1, Problem::Bytes(word(""))));
        assert_eq!(problem("descriptor 05 b"), (1, Problem::Bytes(word("05 b"))));
        let long = "descriptor ".to_owned() + &"00 ".repeat(MAX_DESCRIPTOR);
        assert_eq!(problem(&format!("{long}\ndescriptor 00")), (2, Problem::LongDescriptor));
        assert_eq!(after("product 0001"), (1, Problem::Twice("product")));
        assert_eq!(after("press hook"), (1, Problem::Word(word("press"))));
        assert_eq!(after("\n5 press hook"), (2, Problem::Word(word("press"))));
        assert_eq!(after("5"), (1, Problem::Word(word(""))));
        assert_eq!(after("5ms in 00"), (1, Problem::Time(word("5ms"))));
        assert_eq!(after("4294967296 in 00"), (1, Problem::Time(word("4294967296"))));
        assert_eq!(after("5 in 00\n4 in 00"), (2, Problem::Backwards));
        assert_eq!(after("5 in"), (1, Problem::Bytes(word(""))));
        let long = "00 ".repeat(MAX_REPORT + 2);
        assert_eq!(after(&format!("5 in {long}")), (1, Problem::LongReport));
        assert_eq!(after("5 show"), (1, Problem::Lamps(word(""))));
        assert_eq!(after("5 show hook"), (1, Problem::Lamps(word("hook"))));
        assert_eq!(after("expect mute"), (1, Problem::Misplaced("expect")));
        assert_eq!(after("5 show dark\nexpect mute"), (2, Problem::Misplaced("expect")));
        assert_eq!(after("5 in 00\nexpect mute\nexpect short"), (3, Problem::Misplaced("expect")));
        assert_eq!(after("5 in 00\nexpect short\nexpect mute"), (3, Problem::Misplaced("expect")));
        assert_eq!(after("5 in 00\nexpect hook"), (2, Problem::Key(word("hook"))));
        assert_eq!(after("5 in 00\nout 00"), (2, Problem::Misplaced("out")));
        assert_eq!(after("5 show dark\nout zz"), (2, Problem::Bytes(word("zz"))));
        assert_eq!(after(&"x".repeat(99)), (1, Problem::Word("x".repeat(SHOWN))));
        let long = "\n".repeat(9) + &"#".repeat(MAX_RECORDING);
        assert_eq!(problem(&long), (10, Problem::TooLong));
        let error: ParseError = "vendor 7".parse::<Recording>().expect_err("no id");
        assert_eq!(error.to_string(), "line 1: \"7\" is no id of four hexadecimal digits");
    }

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), 1..40)
    }

    fn happening() -> impl Strategy<Value = Happening> {
        let keys = prop::sample::subsequence(KEYS.map(|(_, key)| key).to_vec(), 0..4);
        let said = (bytes(), prop::option::of(keys))
            .prop_map(|(report, keys)| Happening::Said { report, keys });
        let shown = (any::<[bool; 4]>(), prop::collection::vec(bytes(), 0..4)).prop_map(
            |([ring, off_hook, mute, hold], written)| Happening::Shown {
                lamps: Lamps { ring, off_hook, mute, hold },
                written,
            },
        );
        prop_oneof![said, shown]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (vendor, product) in any::<(u16, u16)>(),
            name in "[ -~é]{0,20}",
            descriptor in bytes(),
            steps in prop::collection::vec((0..1000_u64, happening()), 0..8),
        ) {
            let mut at = Duration::ZERO;
            let steps = steps.into_iter().map(|(ms, what)| {
                at += Duration::from_millis(ms);
                Step { at, what }
            });
            let name = name.trim().to_owned();
            let steps = steps.collect();
            let recording = Recording { vendor, product, name, descriptor, steps };
            prop_assert_eq!(recording.to_string().parse(), Ok(recording));
        }

        #[test]
        fn no_text_panics(lines in prop::collection::vec(
            "(vendor|product|name|descriptor|expect|out|7 in|8 show|[0-9]{1,12}|#)?[ a-z0-9#é\t]{0,12}", 0..12,
        )) {
            let _ = lines.join("\n").parse::<Recording>();
        }
    }
}
