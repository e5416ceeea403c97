//! A bot that answers every call and says back what it hears: one source for tokio, for smol
//! (`src/bin/bot.rs`), and for the simulator.
//!
//! With the feature `bug` it looks after one call at a time. That is noticed when two people call at
//! once, as they do in [`scenario`]: `cargo test -p offhook-examples --features bug --test simulated`.

use std::collections::BTreeMap;
use std::time::Duration;

use offhook::genesys::{Command, ConversationId, Event, Phone as _};
use offhook::ribbon::{
    AnswerOptions, CallId, CallState, ChangeReason, Credentials, Event as Told, Phone as _,
};
use offhook_runtime::genesys::{Call, Client};
use offhook_runtime::{Runtime, Sockets, ribbon};
use offhook_sim::Scenario;
use offhook_sim::scenario::{Customers, FaultKind, Invariant, StationKind};
use offhook_sim::world::{PhoneId, Seen};
use tracing::info;

/// Until a call that rings must be answered.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bot.
///
/// # Errors
///
/// It cannot log in.
pub async fn bot<R: Runtime>(phone: Client<R>) -> anyhow::Result<()> {
    let mut calls = phone.calls();
    phone.connect().await?;
    info!("ready for calls");
    while let Some(call) = calls.next().await {
        if cfg!(feature = "bug") {
            echo(call).await;
        } else {
            R::spawn(echo(call))?;
        }
    }
    Ok(())
}

/// Says back what is heard, until the call ends. What goes wrong with it is no other call's matter.
async fn echo<R: Runtime>(call: Call<R>) {
    if let Err(error) = call.answer().await {
        return info!("{call:?} is not answered: {error}");
    }
    // Once more, where the call goes on with another session.
    while let Ok(mut audio) = call.audio().await {
        while let Some(frame) = audio.stream.next().await {
            let _ = audio.sink.send(frame).await;
        }
    }
    info!("{call:?} is over: {}", call.ended().await.reason);
}

/// The same bot at a Ribbon WebRTC Gateway: it logs in as a user.
///
/// # Errors
///
/// It cannot log in, or the gateway is lost for good.
pub async fn gateway_bot<R: Sockets>(
    phone: ribbon::Client<R>,
    mut events: ribbon::Events,
    user: Credentials,
) -> anyhow::Result<()> {
    phone.set_credentials(user).await?;
    phone.subscribe(["call"]).await?;
    info!("ready for calls");
    while let Some(event) = events.next().await {
        match event {
            Told::CallState { call, .. } if call.state == CallState::Ringing => {
                R::spawn(echo_at_gateway(phone.clone(), call.id))?;
            }
            Told::SubscriptionChanged { reason: ChangeReason::LostConnection, .. } => {
                anyhow::bail!("the gateway is lost");
            }
            _ => {}
        }
    }
    Ok(())
}

/// Answers a call and says back what is heard.
async fn echo_at_gateway<R: Sockets>(phone: ribbon::Client<R>, call: CallId) {
    let mut events = phone.events();
    if let Err(error) = phone.answer(call.clone(), AnswerOptions::default()).await {
        return info!("{call:?} is not answered: {error}");
    }
    let media = events.wait(PATIENCE, |event| match event {
        Told::CallState { call: told, .. } if told.id == call => told.media,
        _ => None,
    });
    let Ok(media) = media.await else { return };
    let mut audio = phone.audio(media);
    while let Some(frame) = audio.stream.next().await {
        let _ = audio.sink.send(frame).await;
    }
    info!("{call:?} is over");
}

/// The bot's promise: whoever calls is answered at once.
#[derive(Debug, Default)]
pub struct NobodyWaits {
    ringing: BTreeMap<(PhoneId, ConversationId), Duration>,
}

impl Invariant for NobodyWaits {
    fn name(&self) -> &str {
        "nobody waits"
    }

    fn see(&mut self, at: Duration, seen: Seen<'_>) -> Result<(), String> {
        match seen {
            Seen::Told { phone, event: Event::PendingSession(call) } if !call.auto_answer => {
                self.ringing.insert((phone, call.conversation.clone()), at);
            }
            Seen::Submitted {
                phone,
                command: Command::AcceptPendingSession { conversation },
                ..
            }
            | Seen::Told { phone, event: Event::CancelPendingSession { conversation, .. } }
            | Seen::Told { phone, event: Event::HandledPendingSession { conversation, .. } } => {
                self.ringing.remove(&(phone, conversation.clone()));
            }
            _ => {}
        }
        match self.ringing.iter().find(|(_, since)| at > **since + PATIENCE) {
            Some(((phone, call), _)) => Err(format!("phone {}: {call} still rings", phone.0)),
            None => Ok(()),
        }
    }
}

/// An hour of three such bots, two callers at once, and connections that break.
#[must_use]
pub fn scenario() -> Scenario {
    let s = Duration::from_secs;
    Scenario::calm()
        .named("echo")
        .agents(3)
        .hours(1.0)
        .stations(vec![StationKind { lines: 100, persistent: false }])
        .customers(Customers { at_once: 2, ..Customers::default() })
        .fault(FaultKind::Reset, s(300))
        .fault(FaultKind::StreamError, s(600))
        .fault(FaultKind::ShortCut, s(300))
        .program(bot)
        .invariant(NobodyWaits::default)
}
