//! Descriptions on their way to the engine, and from it to the gateway (w5.7).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::handler::{SdpContext, SdpHandler, SdpKind};
use super::origin::Origin;
use crate::ribbon::collect::Collected;
use crate::ribbon::config::CallConfig;
use crate::ribbon::error::{CallCode, Error};
use crate::sdp::candidate::{Candidate, CandidateKind};
use crate::sdp::{Description, Direction, Line, Section};

/// What a description of ours is sent with.
pub(in crate::ribbon) struct Sent<'a> {
    pub(in crate::ribbon) candidates: &'a [Collected],
    pub(in crate::ribbon) origin: &'a mut Origin,
}

/// A description of the far side's, as the engine reads it.
///
/// # Errors
///
/// [`CallCode::InvalidOffer`]: it is no description. [`CallCode::InvalidParam`]: a handler made something of it
/// that is none, or panicked.
pub(in crate::ribbon) fn received(
    sdp: &str,
    context: &SdpContext<'_>,
    handlers: &[Arc<dyn SdpHandler>],
) -> Result<String, Error> {
    let original = Description::read(sdp).map_err(|error| {
        Error::new(CallCode::InvalidOffer, format!("description: {error}"))
    })?;
    let mut description = handled(original, context, handlers)?;
    without_crypto(&mut description);
    bundle(&mut description);
    settle_role(&mut description, context, "passive");
    written(&description)
}

/// A description of ours, as it is sent: with all candidates, and a line of origin that tells its version.
///
/// # Errors
///
/// [`CallCode::InvalidParam`]: a handler made something of it that is none, or panicked.
pub(in crate::ribbon) fn sent(
    sdp: &str,
    with: Sent<'_>,
    context: &SdpContext<'_>,
    handlers: &[Arc<dyn SdpHandler>],
    config: &CallConfig,
) -> Result<String, Error> {
    let original = Description::read(sdp).map_err(|error| {
        Error::new(CallCode::InitMediaFailed, format!("description: {error}"))
    })?;
    let mut description = original;
    whole(&mut description, with.candidates);
    let mut description = handled(description, context, handlers)?;
    without_crypto(&mut description);
    settle_role(&mut description, context, "active");
    if config.remove_bundling {
        description.session.retain(|line| !is_attribute(line, "group"));
    }
    with.origin.stamp(&mut description);
    written(&description)
}

/// Lets the application's handlers change a description, in their order.
fn handled<'a>(
    original: Description<'a>,
    context: &SdpContext<'_>,
    handlers: &[Arc<dyn SdpHandler>],
) -> Result<Description<'a>, Error> {
    let mut description = original.clone();
    for handler in handlers {
        let handle = || handler.handle(&mut description, context, &original);
        catch_unwind(AssertUnwindSafe(handle))
            .map_err(|_| Error::new(CallCode::InvalidParam, "a handler of descriptions panicked"))?;
    }
    Ok(description)
}

fn written(description: &Description<'_>) -> Result<String, Error> {
    let text = description.to_string();
    match Description::read(&text) {
        Ok(read) if !read.session.is_empty() || !read.sections.is_empty() => Ok(text),
        Ok(_) => Err(Error::new(CallCode::InvalidParam, "a handler left nothing of a description")),
        Err(error) => {
            Err(Error::new(CallCode::InvalidParam, format!("a handler's description: {error}")))
        }
    }
}

fn is_attribute(line: &Line<'_>, name: &str) -> bool {
    line.attribute().is_some_and(|(found, _)| found == name)
}

/// Makes a description whole: its candidates stand in it, and no others are said to come.
fn whole(description: &mut Description<'_>, candidates: &[Collected]) {
    let trickles = |line: &Line<'_>| {
        line.attribute().is_some_and(|(name, value)| {
            matches!(name, "candidate" | "end-of-candidates")
                || (name == "ice-options" && value.trim() == "trickle")
        })
    };
    description.session.retain(|line| !trickles(line));
    let bundled = description.groups("BUNDLE").next().is_some();
    let mut first = true;
    for section in &mut description.sections {
        section.lines.retain(|line| !trickles(line));
        if section.is_off() {
            continue;
        }
        // Those of a bundle stand in its first section (RFC 8843 section 7.1.3).
        if first || !bundled {
            let mid = section.mid().map(str::to_owned);
            let of = |one: &&Collected| one.mid.is_none() || mid.is_none() || bundled || one.mid == mid;
            let lines: Vec<_> = candidates.iter().filter(of).map(|one| one.candidate.to_line()).collect();
            for line in &lines {
                section.push("candidate", line.strip_prefix("candidate:").unwrap_or(line));
            }
        }
        if let Some(best) = default_of(candidates) {
            set_default(section, best);
        }
        first = false;
    }
}

/// The candidate that stands for all, for far ends without ICE: the one most likely to be reached (RFC 8839
/// section 4.2.1.2).
fn default_of(candidates: &[Collected]) -> Option<&Candidate> {
    let rank = |candidate: &&Candidate| {
        let kind = match candidate.kind {
            CandidateKind::Relayed => 3,
            CandidateKind::ServerReflexive => 2,
            CandidateKind::Host => 1,
            _ => 0,
        };
        (kind, !candidate.ip.contains(':'))
    };
    let udp = candidates.iter().map(|one| &one.candidate).filter(|candidate| candidate.is_udp());
    udp.filter(|candidate| candidate.component == 1).max_by_key(rank)
}

fn set_default(section: &mut Section<'_>, candidate: &Candidate) {
    let family = if candidate.ip.contains(':') { "IP6" } else { "IP4" };
    let connection = format!("c=IN {family} {}", candidate.ip);
    for line in &mut section.lines {
        if line.kind() == Some('c') {
            *line = Line::new(connection.clone());
        }
    }
    let media = section.media.text().to_owned();
    let mut parts: Vec<_> = media.splitn(3, ' ').map(str::to_owned).collect();
    if let [_, port, _] = parts.as_mut_slice() {
        *port = candidate.port.to_string();
        section.media = Line::new(parts.join(" "));
    }
}

/// Takes SDES keys out where there is a fingerprint: media is keyed by DTLS.
fn without_crypto(description: &mut Description<'_>) {
    let of_session = description.value("fingerprint").is_some();
    for section in &mut description.sections {
        if of_session || section.has("fingerprint") {
            section.remove("crypto");
        }
    }
}

/// Says that sections share one transport, where nothing says so: the engine has one.
fn bundle(description: &mut Description<'_>) {
    if description.groups("BUNDLE").next().is_some() {
        return;
    }
    let on = description.sections.iter().filter(|section| !section.is_off());
    let mids: Option<Vec<_>> = on.map(|section| section.mid().map(str::to_owned)).collect();
    if let Some(mids) = mids.filter(|mids| !mids.is_empty()) {
        description.session.push(Line::new(format!("a=group:BUNDLE {}", mids.join(" "))));
    }
}

/// Gives an answer that leaves the role of DTLS open the one that it must have (RFC 8842 section 5.3).
fn settle_role(description: &mut Description<'_>, context: &SdpContext<'_>, role: &str) {
    match context.kind {
        SdpKind::Answer | SdpKind::Pranswer => replace_setup(description, "actpass", role),
        SdpKind::Offer => {}
    }
}

fn replace_setup(description: &mut Description<'_>, old: &str, new: &str) {
    let lines = description.sections.iter_mut().flat_map(|section| &mut section.lines);
    for line in description.session.iter_mut().chain(lines) {
        if line.attribute().is_some_and(|(name, value)| name == "setup" && value.trim() == old) {
            *line = Line::attribute_line("setup", new);
        }
    }
}

/// An offer of the far side's, as it is answered: held on our side as long as we hold, and with the role of
/// DTLS open where another end speaks (w4.10).
pub(in crate::ribbon) fn for_answer(sdp: &str, held: bool, another_end: bool) -> String {
    if !held && !another_end {
        return sdp.to_owned();
    }
    let Ok(mut description) = Description::read(sdp) else { return sdp.to_owned() };
    if held {
        for section in &mut description.sections {
            section.set_direction(Direction::Inactive);
        }
    }
    if another_end {
        replace_setup(&mut description, "active", "actpass");
    }
    description.to_string()
}
