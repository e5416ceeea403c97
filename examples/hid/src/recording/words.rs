//! The words of keys, lamps and bytes.

use offhook::headset::{Hook, Key, Lamps};

use crate::reports::Input;

/// All that a device says, and the words for it.
pub(super) const KEYS: [(&str, Input); 10] = [
    ("hook up", Input::Key(Key::Hook(Hook::Up))),
    ("hook down", Input::Key(Key::Hook(Hook::Down))),
    ("mute", Input::Key(Key::Mute)),
    ("muted", Input::Key(Key::Muted(true))),
    ("unmuted", Input::Key(Key::Muted(false))),
    ("flash", Input::Key(Key::Flash)),
    ("drop", Input::Key(Key::Drop)),
    ("redial", Input::Redial),
    ("busy", Input::LineBusy(true)),
    ("free", Input::LineBusy(false)),
];

/// The words for keys, or for a report without any.
pub(super) fn of_keys(keys: Option<&[Input]>) -> Vec<&'static str> {
    let word = |key: &Input| KEYS.iter().find(|(_, one)| one == key).map_or("?", |(word, _)| *word);
    match keys {
        Some(keys) => keys.iter().map(word).collect(),
        None => vec!["short"],
    }
}

/// The key with these words, however they are spaced.
pub(super) fn key(words: &str) -> Option<Input> {
    let named = |name: &str| name.split(' ').eq(words.split_whitespace());
    KEYS.iter().find(|(name, _)| named(name)).map(|(_, key)| *key)
}

/// The words for lamps.
pub(super) fn of_lamps(lamps: Lamps) -> String {
    let Lamps { ring, off_hook, mute, hold } = lamps;
    let words = [(off_hook, "off-hook"), (ring, "ring"), (mute, "mute"), (hold, "hold")];
    let lit: Vec<_> = words.into_iter().filter(|(lit, _)| *lit).map(|(_, word)| word).collect();
    if lit.is_empty() { "dark".to_owned() } else { lit.join(" ") }
}

/// The lamps with these words.
pub(super) fn lamps(words: &str) -> Option<Lamps> {
    let mut lamps = Lamps::default();
    let mut words = words.split_whitespace().peekable();
    words.peek()?;
    for word in words {
        match word {
            "off-hook" => lamps.off_hook = true,
            "ring" => lamps.ring = true,
            "mute" => lamps.mute = true,
            "hold" => lamps.hold = true,
            "dark" => {}
            _ => return None,
        }
    }
    Some(lamps)
}

/// Bytes as hexadecimal numbers.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// The bytes with these numbers of two digits.
pub(super) fn bytes(words: &str) -> Option<Vec<u8>> {
    words.split_whitespace().map(|word| Some(number(word, 2)? as u8)).collect()
}

/// The hexadecimal number with so many digits.
pub(super) fn number(word: &str, digits: usize) -> Option<u16> {
    let is_one = word.len() == digits && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| u16::from_str_radix(word, 16).ok())?
}
