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
    let bits = u16::from(*settings) << 2 | u16::from(head >> 6);
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
    let before = (head & 4 == 0, head & 8 == 0);
    for text in texts.split(|byte| *byte == 0).take(MAX_NOTIFICATIONS) {
        let Ok(text) = std::str::from_utf8(text) else { continue };
        is_read_alike(text);
        if before.0 {
            desk.text(text.to_owned());
        } else {
            let message = text.to_owned();
            desk.submit(Command::ProcessNotification { message, channel: NoticeChannel::Push });
        }
        if before.1 {
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

/// What is read of a text does not depend on how it is written.
fn is_read_alike(text: &str) {
    let (Ok(Some(notice)), Ok(value)) = (Notice::read(text), serde_json::from_str(text)) else {
        return;
    };
    // Of a key that stands twice only one is left when it is written again.
    let value: serde_json::Value = value;
    let again = value.to_string();
    let Ok(Some(second)) = Notice::read(&again) else { panic!("not read again: {again}") };
    let third: serde_json::Value = serde_json::from_str(&again).expect("just written");
    let third = third.to_string();
    let Ok(Some(third)) = Notice::read(&third) else { panic!("not read again: {third}") };
    assert_eq!(second.body, third.body);
    drop(notice);
}
