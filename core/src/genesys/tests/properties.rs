//! Whatever the order, whatever is lost or repeated: every ringing call ends once, every session
//! ends once, every command is answered once, and nothing is left behind.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::books::Books;
use super::rig::{FULL, Rig};
use super::story::{Step, Story, play, put_to_rest, story};
use super::twice::Twice;
use crate::genesys::{CallState, Event};
use crate::machine::WsEvent;

/// The result of a story.
struct Run {
    events: Vec<String>,
    completions: Vec<String>,
    said: Vec<String>,
    size: usize,
    inputs: usize,
}

impl Run {
    /// The first difference from another run.
    fn difference(&self, other: &Self) -> Option<String> {
        for (what, one, two) in [
            ("told", &self.events, &other.events),
            ("completed", &self.completions, &other.completions),
            ("said", &self.said, &other.said),
        ] {
            let longer = one.len().max(two.len());
            if let Some(at) = (0..longer).find(|at| one.get(*at) != two.get(*at)) {
                return Some(format!("{what}: {:#?} against {:#?}", one.get(at), two.get(at)));
            }
        }
        let sizes = (self.size, other.size);
        (sizes.0 != sizes.1).then(|| format!("remembered: {sizes:?}"))
    }

    fn of(story: &Story, twice: Twice) -> Self {
        let mut rig = Rig::on(story.station);
        (rig.twice, rig.inputs) = (twice, 0);
        rig.said.clear();
        let mut events = Vec::new();
        let mut commands = Vec::new();
        for step in &story.steps {
            play(&mut rig, step, &mut commands);
            // Nothing that is said has to wait for its turn (SG-8), lest one answer more be the
            // reason that another is lost with the connection.
            rig.wait(Duration::from_millis(500));
            let told = rig.events.drain(..);
            let told = told.filter(|event| !matches!(event, Event::Malformed { .. }));
            events.extend(told.map(|event| without_numbers(&format!("{event:?}"))));
        }
        let completions = commands.iter().map(|command| format!("{:?}", rig.completion(*command)));
        let completions = completions.collect();
        rig.said.retain(|said| !said.starts_with("GET /stations"));
        rig.said.sort();
        Self { events, completions, size: rig.client.size(), said: rig.said, inputs: rig.inputs }
    }
}

/// Numbers are given to questions and to media alike, so an answer more moves the next one's.
fn without_numbers(event: &str) -> String {
    let mut parts = event.split("MediaId#");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Properties (a), (b), (c) and (f): every pending session ends once (as started, taken,
    /// withdrawn, rejected or expired), every started one too, every command is answered once
    /// (the rig sees to "not twice"), and nothing is remembered.
    #[test]
    fn every_order_of_everything_ends_well(story in story(1..60)) {
        let mut rig = Rig::on(story.station);
        let mut books = Books::default();
        for step in &story.steps {
            play(&mut rig, step, &mut books.commands);
            books.enter(&mut rig)?;
        }
        put_to_rest(&mut rig);
        books.enter(&mut rig)?;
        books.close(&rig)?;
        prop_assert_eq!(rig.client.remembered(), 0);
        prop_assert!(rig.client.is_connected());
    }

    /// Property (d): the inputs stop, the service is asked, and what it lists is what is told.
    #[test]
    fn after_a_refresh_the_clients_view_is_the_services(
        story in story(1..40),
        there in prop::array::uniform3(prop::sample::select(vec!["", "alerting", "connected"])),
    ) {
        let mut rig = Rig::on(story.station);
        let mut books = Books::default();
        for step in &story.steps {
            play(&mut rig, step, &mut books.commands);
            books.enter(&mut rig)?;
        }
        // Calls whose media was tampered with may end by their own rules.
        let calm = story.steps.iter().all(|step| {
            !matches!(step, Step::Media(_) | Step::Terminate { .. } | Step::Command { .. })
        });
        let talking = books.talking.clone();
        let entities: Vec<_> = (0..3)
            .filter(|call| !there[*call].is_empty())
            .map(|call| json!({"id": format!("C{call}"), "participants": [
                {"id": format!("P-C{call}"), "purpose": "agent", "userId": "user-1", "calls": [
                    {"id": format!("K-C{call}"), "state": there[call], "held": true}]}]}))
            .collect();
        rig.listing = Some(json!({"entities": entities}));
        rig.asked.clear();
        rig.ws_event(WsEvent::Closed { code: None, reason: "reset".to_owned() });
        rig.login();
        rig.answer_listing();
        books.enter(&mut rig)?;
        let count = |book: &BTreeMap<String, i32>, call: &str| book.get(call).copied().unwrap_or(0);
        for (n, there) in there.into_iter().enumerate() {
            let call = format!("C{n}");
            if there.is_empty() {
                prop_assert_eq!(count(&books.talking, &call), 0, "{} is over", call);
                prop_assert_eq!(count(&books.ringing, &call), 0, "{} is over", call);
                continue;
            }
            let still = count(&books.talking, &call) >= count(&talking, &call);
            prop_assert!(still || !calm, "{call} is lost");
            if count(&books.talking, &call) > 0 {
                let shown = &books.view[&call];
                prop_assert_eq!(&shown.state, &CallState::from(there), "{}", call);
                prop_assert!(shown.held && !shown.muted && !shown.confined, "{}", call);
            }
        }
    }

    /// Property (e): whatever comes twice in a row changes nothing more. One input at a time, and
    /// all of them at once: the application is told the same, its commands are answered the same,
    /// the service is told and asked the same, and as much is remembered.
    ///
    /// What may be said twice is what an answer is: the reply to an IQ, the `proceed` to a propose
    /// (the service repeats it until it hears, LC-6), the answer to an offer (LC-16). A phone that
    /// may have changed is read again. A message that cannot be used is complained of each time.
    #[test]
    fn whatever_comes_twice_in_a_row_changes_nothing_more(
        story in story(1..40),
        nth in any::<prop::sample::Index>(),
    ) {
        let once = Run::of(&story, Twice::None);
        prop_assume!(once.inputs > 0);
        for twice in [Twice::Nth(nth.index(once.inputs)), Twice::All] {
            let difference = once.difference(&Run::of(&story, twice));
            prop_assert!(difference.is_none(), "{twice:?}: {}", difference.unwrap_or_default());
        }
    }

    #[test]
    fn any_frame_is_survived(text in "\\PC{0,200}|<[a-z:]{1,10}( xmlns=\"[a-z:]{0,20}\")?/?>") {
        let mut rig = Rig::ready();
        rig.frame(&text);
        rig.frame(&format!(
            r#"<iq xmlns="jabber:client" type="get" id="p" to="{FULL}"><ping xmlns="urn:xmpp:ping"/></iq>"#
        ));
        if !text.contains("close") {
            prop_assert!(rig.client.is_connected());
            prop_assert!(rig.sent().iter().any(|text| text.contains(r#"id="p""#)));
        }
    }
}
