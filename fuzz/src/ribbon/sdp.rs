//! Descriptions of the far side's, of any kind, wherever one may come: through the pipeline and a call.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use offhook::media::{Engine, EngineConfig, EngineFactory, WebRtcFactory};
use offhook::ribbon::{CallMedia, CallState, Command, MakeOptions};

use super::desk::Desk;
use super::office::{description, leg};
use crate::agent::tells_a_secret;
use crate::service::fake_media;

thread_local! {
    static FACTORY: RefCell<WebRtcFactory> = RefCell::new(WebRtcFactory::deterministic());
}

/// Real media, from the one factory of the thread.
struct Real;

impl EngineFactory for Real {
    fn create(&mut self, now: Instant, config: EngineConfig) -> Box<dyn Engine> {
        FACTORY.with_borrow_mut(|factory| factory.create(now, config))
    }
}

/// Descriptions: the first byte says where each of them comes (its lowest three bits) and whether the media is a real
/// one; the second and third are the client's settings. Then the descriptions; a NUL begins another one.
///
/// They come with a call, as the answer to ours, as early media before it, as an offer in a call, as the answer to a
/// hold, to a resume or to a restart, or as the answer to a slow start. Whatever comes, the call goes on or ends with an
/// error, another call is not disturbed, and nothing is left.
///
/// # Panics
///
/// One of these does not hold.
pub fn ribbon_sdp(data: &[u8]) {
    if tells_a_secret(data) {
        return;
    }
    let [head, high, low, rest @ ..] = data else { return };
    // Calls come over the socket.
    let bits = u16::from_be_bytes([*high, *low]) & !(1 << 7);
    let real = head & 8 != 0;
    let media: Box<dyn EngineFactory> = if real { Box::new(Real) } else { fake_media() };
    let mut desk = Desk::subscribed(bits, media);
    desk.spoilt = true;
    let other = desk.talk();
    for text in rest.split(|byte| *byte == 0).take(4) {
        let Ok(sdp) = std::str::from_utf8(text) else { continue };
        play(&mut desk, head & 7, sdp);
    }
    if let Some(other) = other {
        let state = desk.ledger.state(&other);
        assert_eq!(state, CallState::Connected, "another call is disturbed");
    }
    desk.put_to_rest(bits);
}

/// A description comes.
fn play(desk: &mut Desk, place: u8, sdp: &str) {
    let moment = Duration::from_millis(100);
    match place {
        0 => {
            if let Some(call) = came(desk, Some(sdp)) {
                desk.pick_up(call);
            }
        }
        1 | 2 => {
            let make = Command::Make {
                to: "bob".to_owned(),
                media: CallMedia::AUDIO,
                options: MakeOptions::default(),
            };
            if desk.submit(make) {
                desk.wait_served(Duration::from_secs(4));
                let session = desk.last_session();
                let kind = if place == 1 { "respondCallUpdate" } else { "sessionProgress" };
                desk.notify(kind, leg(&session, Some(sdp)));
                desk.wait_served(moment);
                desk.notify("respondCallUpdate", leg(&session, Some(sdp)));
            }
        }
        3 => {
            desk.talk();
            let session = desk.last_session();
            desk.notify("startCallUpdate", leg(&session, Some(sdp)));
        }
        4..=6 => {
            let Some(call) = desk.talk() else { return };
            let session = desk.last_session();
            let id = || call.clone();
            if place == 5 {
                desk.submit(Command::Hold { call: id() });
                desk.wait_served(Duration::from_secs(1));
            }
            desk.submit(match place {
                4 => Command::Hold { call: id() },
                5 => Command::Unhold { call: id() },
                _ => Command::RestartMedia { call: id() },
            });
            desk.wait(Duration::from_secs(4));
            desk.notify("respondCallUpdate", leg(&session, Some(sdp)));
        }
        _ => {
            // They leave the offer to us.
            if let Some(call) = came(desk, None) {
                desk.submit(Command::Answer {
                    call,
                    media: CallMedia::AUDIO,
                    options: Default::default(),
                });
                desk.wait(Duration::from_secs(4));
                desk.notify("respondCallUpdate", leg("R0", Some(sdp)));
            }
        }
    }
    desk.wait_served(moment);
    let offer = description("actpass", "sendrecv");
    desk.notify("startCallUpdate", leg(&desk.last_session(), Some(&offer)));
    desk.wait_served(Duration::from_secs(4));
}

/// A call comes in, of the session `R0`; its name, if it is not over already.
fn came(desk: &mut Desk, sdp: Option<&str>) -> Option<offhook::ribbon::CallId> {
    let known = desk.ledger.live();
    desk.notify("call", leg("R0", sdp));
    desk.serve();
    desk.ledger.live().into_iter().find(|call| !known.contains(call))
}
