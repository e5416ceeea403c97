//! Notifications: what the gateway says over the socket, to a client that idles, rings or talks.

use std::time::Duration;

use offhook::ribbon::wire::Notice;
use offhook::ribbon::{Command, NoticeChannel};

use super::desk::Desk;
use super::office::{description, leg};
use crate::agent::tells_a_secret;
use crate::service::fake_media;

/// Notifications in one run; what follows is not read.
const MAX_NOTIFICATIONS: usize = 8;

/// Texts of the notification socket.
///
/// The first byte chooses what the client does meanwhile: it idles, a call rings (of session `R1`), one is up
/// (`S1`), one is up and held; whether the texts come by push (bit 2), and whether what it asks thereupon is answered
/// (bit 3). The second byte is its settings. Then the texts; a NUL begins another one.
///
/// Whatever comes is an event, or skipped; the client goes on as before, and in the end nothing is left of it.
///
/// # Panics
///
/// One of these does not hold.
pub fn ribbon_notice(data: &[u8]) {
    if tells_a_secret(data) {
        return;
    }
    let [head, settings, texts @ ..] = data else { return };
    let bits = (u16::from(*settings) << 2) | u16::from(head >> 6);
    let mut desk = Desk::subscribed(bits, fake_media());
    match head & 3 {
        1 => drop(desk.ring("R1")),
        2 => drop(desk.talk()),
        3 => {
            if let Some(call) = desk.talk() {
                desk.submit(Command::Hold { call });
                desk.wait_served(Duration::from_secs(1));
            }
        }
        _ => {}
    }
    // What they say is the far side's, and may be of any spelling.
    desk.spoilt = true;
    let (by_socket, is_served) = (head & 4 == 0, head & 8 == 0);
    for text in texts.split(|byte| *byte == 0).take(MAX_NOTIFICATIONS) {
        let Ok(text) = std::str::from_utf8(text) else { continue };
        is_read_alike(text);
        if by_socket {
            desk.text(text.to_owned());
        } else {
            let message = text.to_owned();
            desk.submit(Command::ProcessNotification { message, channel: NoticeChannel::Push });
        }
        if is_served {
            desk.wait_served(Duration::from_millis(50));
        }
    }
    desk.wait(Duration::from_secs(5));
    // What is well made still comes through.
    if desk.is_up() {
        desk.notify("call", leg("fresh-1", Some(&description("actpass", "sendrecv"))));
        desk.wait_served(Duration::from_secs(1));
    }
    desk.put_to_rest(bits);
}

/// Checks that a text is read the same when it is written anew. Of a key that stands twice only one is left
/// by the first writing, so that the second and the third are compared.
fn is_read_alike(text: &str) {
    let Ok(Some(_)) = Notice::read(text) else { return };
    let second = rewritten(text);
    let third = rewritten(&second);
    match (Notice::read(&second), Notice::read(&third)) {
        (Ok(Some(second)), Ok(Some(third))) => assert_eq!(second.body, third.body),
        (second, third) => panic!("not read again: {second:?}, {third:?}"),
    }
}

/// The same JSON in another hand; what is nested too deeply for that stays as it is.
fn rewritten(text: &str) -> String {
    let value: Result<serde_json::Value, _> = serde_json::from_str(text);
    value.map_or_else(|_| text.to_owned(), |value| value.to_string())
}
