//! The client's signals about a session that it took, in either signaling.

use offhook::genesys::wire::{Method, Rpc};
use offhook::jingle::{Action, Candidate, Jingle, Reason, Role, sdp};
use offhook::sdp::{Description, Section};
use serde_json::json;

use super::{MAX_EARLY, Session, Step, Streams, World};

impl Session {
    pub(in crate::cloud) fn handle_jingle(
        &mut self,
        jingle: &Jingle,
        streams: &Streams,
        world: &mut World,
    ) -> Step {
        self.happened(jingle.action.as_str(), json!({}), world);
        match &jingle.action {
            Action::SessionAccept => match sdp::to_sdp(jingle, Role::Responder) {
                Ok(answer) => return self.answered(&answer, streams, world),
                Err(error) => {
                    world.base.log(format!("an answer that cannot be used: {error}"));
                    return Step::Over(Some(Reason::FailedApplication));
                }
            },
            Action::TransportInfo => {
                for content in &jingle.contents {
                    let Some(transport) = &content.transport else { continue };
                    self.ice_restarted(transport, streams, world);
                    for candidate in &transport.candidates {
                        let ufrag = transport.ufrag.as_deref();
                        self.remote_candidate(&content.name, ufrag, candidate.to_line(), world);
                    }
                    if let Some(external) = &mut self.external
                        && transport.gathering_complete
                    {
                        external.client_complete();
                    }
                }
            }
            Action::SessionTerminate => {
                self.look_at_refusal(jingle.reason.as_ref(), world);
                return Step::Over(None);
            }
            _ => {}
        }
        Step::Goes
    }

    pub(in crate::cloud) fn handle_rpc(
        &mut self,
        rpc: &Rpc,
        streams: &Streams,
        world: &mut World,
    ) -> Step {
        self.happened(&format!("genesys-{}", rpc.method.name()), json!({}), world);
        match &rpc.method {
            Method::Answer { sdp, .. } => return self.answered(sdp, streams, world),
            Method::IceCandidate { sdp, .. } => {
                let fragment = Candidate::read_all(sdp);
                for (mid, candidate) in fragment.candidates {
                    let mid = mid.as_deref().unwrap_or("0");
                    self.remote_candidate(mid, None, candidate.to_line(), world);
                }
                if fragment.end
                    && let Some(external) = &mut self.external
                {
                    external.client_complete();
                }
            }
            Method::Terminate { reason: Reason::AlternativeSession, .. } if self.superseded => {
                // Before it answers a re-invite, the vendor's SDK ends the association that is
                // replaced, which may have the same name (wire notes 6.14).
                self.superseded = false;
                self.happened("superseded", json!({}), world);
            }
            Method::Terminate { reason, .. } => {
                self.look_at_refusal(Some(reason), world);
                return Step::Over(None);
            }
            Method::Offer { .. }
            | Method::Info { .. }
            | Method::Mute { .. }
            | Method::Unmute { .. }
            | Method::Other { .. } => {}
        }
        Step::Goes
    }

    /// All offers of ours can be used, however untidy they are.
    fn look_at_refusal(&self, reason: Option<&Reason>, world: &mut World) {
        if let Some(reason @ (Reason::FailedApplication | Reason::UnsupportedApplications)) = reason
            && self.far.is_some()
            && !self.untidy.is_useless()
        {
            world.base.wrong(format!("session {}: a good offer is refused: {reason:?}", self.id));
        }
    }

    /// An answer has as many sections as its offer, in the same order, of the same names (RFC 3264
    /// section 6, RFC 8829 section 5.3.1).
    pub(super) fn look_at_answer(&self, answer: &str, world: &mut World) {
        let (Ok(offer), Ok(answer)) = (Description::read(&self.offer), Description::read(answer))
        else {
            return;
        };
        let names = |of: &Description<'_>| -> Vec<_> {
            let name = |section: &Section<'_>| section.value("mid").map(str::to_owned);
            of.sections.iter().map(|section| (section.kind().to_owned(), name(section))).collect()
        };
        let (offered, answered) = (names(&offer), names(&answer));
        let kinds_differ = offered.len() != answered.len()
            || offered.iter().zip(&answered).any(|(one, other)| {
                one.0 != other.0 || one.1.is_some() && other.1.is_some() && one.1 != other.1
            });
        if kinds_differ {
            world.base.wrong(format!("session {}: {answered:?} answers {offered:?}", self.id));
        }
    }

    pub(in crate::cloud) fn remote_candidate(
        &mut self,
        mid: &str,
        ufrag: Option<&str>,
        line: String,
        world: &mut World,
    ) {
        self.candidates_from_client += 1;
        if let Some(external) = &mut self.external {
            return external.client_candidate(mid, ufrag, &line);
        }
        if self.restarting {
            if self.early.len() < MAX_EARLY {
                self.early.push(line);
            }
            return;
        }
        self.use_candidate(&line, world);
    }

    pub(in crate::cloud) fn use_candidate(&mut self, line: &str, world: &mut World) {
        if let Some(far) = &mut self.far {
            if let Err(error) = far.engine.add_remote_candidate(world.base.now, line) {
                world.base.log(format!("a candidate that cannot be used: {error}"));
            }
            self.listen(world);
        }
    }
}
