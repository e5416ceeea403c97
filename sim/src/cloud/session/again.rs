//! Another offer on a session that is up: the far end holds and resumes, has other codecs, or is
//! another one from now on (RFC 3264 section 8, RFC 8842 section 4).

use offhook::media::Track;
use offhook::sdp::{Description, Direction};
use serde_json::json;

use super::hush::Hush;
use super::{Phase, Session, Signaling, Step, Streams, World};

impl Session {
    /// Offers again what is there: with another direction, or else with other codecs.
    pub(in crate::cloud) fn offer_again(
        &mut self,
        direction: Option<Direction>,
        streams: &Streams,
        world: &mut World,
    ) -> bool {
        let possible = self.phase == Phase::Active
            && self.plan.signaling == Signaling::Sdp
            && self.unanswered.is_none();
        let (true, Some(far)) = (possible, &mut self.far) else { return false };
        if let Some(direction) = direction {
            far.engine.set_direction(Track::AUDIO, direction);
        } else {
            self.untidy = world.lots.far_end(self.plan.signaling);
        }
        let offer = match far.engine.create_offer(world.base.now, &[]) {
            Ok(offer) => self.untidy.describe(&offer),
            Err(error) => {
                world.base.log(format!("no offer: {error}"));
                return false;
            }
        };
        self.offer.clone_from(&offer);
        self.offering_again = true;
        self.hush = None;
        self.offer_until_answered(&offer, &[], false, streams, world);
        self.listen(world);
        true
    }

    pub(super) fn answered_again(&mut self, answer: &str, world: &mut World) -> Step {
        let answer = self.untidy.understand(answer);
        if !is_answer_to(&self.offer, &answer) {
            // The answer to an offer before that was repeated.
            return Step::Goes;
        }
        let Some(far) = &mut self.far else { return Step::Goes };
        self.offering_again = false;
        self.unanswered = None;
        if let Err(error) = far.engine.accept_answer(world.base.now, &answer) {
            world.base.log(format!("an answer that cannot be used: {error}"));
            return Step::Over(Some(offhook::jingle::Reason::FailedApplication));
        }
        if far.engine.agreement().is_some_and(|agreed| !agreed.direction.receives()) {
            self.hush = Some(Hush::new(world.base.now));
        }
        self.answer = answer;
        self.listen(world);
        self.happened("answered-again", json!({}), world);
        Step::Goes
    }
}

/// Returns true if the direction and the payload types are those of an answer to this offer.
fn is_answer_to(offer: &str, answer: &str) -> bool {
    let (Ok(offer), Ok(answer)) = (Description::read(offer), Description::read(answer)) else {
        return true;
    };
    let audio = |description: &Description<'_>| {
        let section = description.sections.iter().find(|section| section.kind() == "audio")?;
        let formats = section.formats().map(str::to_owned).collect::<Vec<_>>();
        Some((section.direction_in(description), formats))
    };
    match (audio(&offer), audio(&answer)) {
        (Some((offered, formats)), Some((answered, chosen))) => {
            answered == offered.reversed() && chosen.iter().all(|format| formats.contains(format))
        }
        _ => true,
    }
}
