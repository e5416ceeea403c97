//! Edits of descriptions, one rule each (w5.7).

use serde::Serialize;

use crate::ribbon::collect::Collected;
use crate::sdp::{Description, Direction, Line};

/// The most that the far side shall send, in kbit/s (RT-010).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Bandwidth {
    /// In the whole call.
    pub call: Option<u32>,
    /// Of audio.
    pub audio: Option<u32>,
    /// Of video.
    pub video: Option<u32>,
}

impl Bandwidth {
    /// With so much in the whole call.
    #[must_use]
    pub fn call(self, limit: u32) -> Self {
        Self { call: Some(limit), ..self }
    }

    /// With so much of audio.
    #[must_use]
    pub fn audio(self, limit: u32) -> Self {
        Self { audio: Some(limit), ..self }
    }

    /// With so much of video.
    #[must_use]
    pub fn video(self, limit: u32) -> Self {
        Self { video: Some(limit), ..self }
    }

    /// The same, with what another says.
    #[must_use]
    pub fn changed_by(self, other: Self) -> Self {
        Self {
            call: other.call.or(self.call),
            audio: other.audio.or(self.audio),
            video: other.video.or(self.video),
        }
    }
}

/// Limits what the far side sends: at the session, and at each section of audio and of video.
pub(crate) fn limit_bandwidth(sdp: &mut Description<'_>, bandwidth: Bandwidth) {
    if let Some(limit) = bandwidth.call {
        set_bandwidth(&mut sdp.session, limit);
    }
    for section in &mut sdp.sections {
        let limit = match section.kind() {
            "audio" => bandwidth.audio,
            "video" => bandwidth.video,
            _ => None,
        };
        if let Some(limit) = limit {
            set_bandwidth(&mut section.lines, limit);
        }
    }
}

/// `b=AS` in kbit/s, and `b=TIAS` in bit/s (RFC 8866 section 5.8, RFC 3890), in their place among the lines.
fn set_bandwidth(lines: &mut Vec<Line<'_>>, limit: u32) {
    lines.retain(|line| {
        let value = line.value();
        line.kind() != Some('b') || !(value.starts_with("AS:") || value.starts_with("TIAS:"))
    });
    let before = |line: &Line<'_>| {
        matches!(line.kind(), Some('v' | 'o' | 's' | 'i' | 'u' | 'e' | 'p' | 'c'))
    };
    let at = lines.iter().rposition(before).map_or(0, |last| last + 1);
    let bits = u64::from(limit) * 1000;
    lines.insert(at, Line::new(format!("b=TIAS:{bits}")));
    lines.insert(at, Line::new(format!("b=AS:{limit}")));
}

/// Takes keys in the clear away (RFC 4568) where there is a certificate's fingerprint.
pub(crate) fn remove_crypto(sdp: &mut Description<'_>) {
    let of_session = sdp.value("fingerprint").is_some();
    for section in &mut sdp.sections {
        if of_session || section.has("fingerprint") {
            section.remove("crypto");
        }
    }
}

/// Takes away what says that sections share a path (RC-042).
pub(crate) fn remove_bundling(sdp: &mut Description<'_>) {
    sdp.session.retain(|line| line.attribute().is_none_or(|(name, _)| name != "group"));
}

/// Says that all sections that are on share a path, where nothing is said: the engine knows no other way.
pub(crate) fn restore_bundling(sdp: &mut Description<'_>) {
    if sdp.groups("BUNDLE").next().is_some() {
        return;
    }
    let on = sdp.sections.iter().filter(|section| !section.is_off());
    let mids: Vec<_> = on.filter_map(|section| section.mid()).collect();
    if mids.is_empty() {
        return;
    }
    let line = Line::attribute_line("group", &format!("BUNDLE {}", mids.join(" ")));
    sdp.session.push(line);
}

/// Takes away what promises further candidates (RFC 8840 section 4.1.1): descriptions are whole.
pub(crate) fn remove_trickle(sdp: &mut Description<'_>) {
    let all = sdp.sections.iter_mut().map(|section| &mut section.lines);
    for lines in std::iter::once(&mut sdp.session).chain(all) {
        lines.retain_mut(|line| {
            let Some(("ice-options", value)) = line.attribute() else { return true };
            let mut words = value.split_ascii_whitespace();
            if !words.any(|word| word == "trickle") {
                return true;
            }
            let others = value.split_ascii_whitespace().filter(|word| *word != "trickle");
            let others = others.collect::<Vec<_>>().join(" ");
            let stays = !others.is_empty();
            *line = Line::attribute_line("ice-options", &others);
            stays
        });
    }
}

/// Decides on the roles of an answer that does not: `actpass` becomes `passive` at the caller's side,
/// `active` at the callee's.
pub(crate) fn settle_roles(answer: &mut Description<'_>, caller: bool) {
    replace_role(answer, "actpass", if caller { "passive" } else { "active" });
}

/// Leaves the roles of an offer open that comes for a new connection: `active` becomes `actpass` (w4.10).
pub(crate) fn open_roles(offer: &mut Description<'_>) {
    replace_role(offer, "active", "actpass");
}

fn replace_role(sdp: &mut Description<'_>, old: &str, new: &str) {
    let all = sdp.sections.iter_mut().map(|section| &mut section.lines);
    for line in std::iter::once(&mut sdp.session).chain(all).flatten() {
        if line.value_of("setup") == Some(old) {
            *line = Line::attribute_line("setup", new);
        }
    }
}

/// States a direction for each section that is on: `inactive` while we hold (w4.9, w4.10).
pub(crate) fn force_directions(sdp: &mut Description<'_>, direction: Direction) {
    for section in sdp.sections.iter_mut().filter(|section| !section.is_off()) {
        section.set_direction(direction);
    }
}

/// Adds the candidates that were collected, each to its section, and says that there are no more.
pub(crate) fn add_candidates(sdp: &mut Description<'_>, candidates: &[Collected]) {
    for section in sdp.sections.iter_mut().filter(|section| !section.is_off()) {
        let mid = section.mid().map(str::to_owned);
        for found in candidates {
            let here = found.mid.is_none() || mid.is_none() || found.mid == mid;
            let line = found.candidate.to_line();
            let value = line.strip_prefix("candidate:").unwrap_or(&line);
            if here && !section.attributes("candidate").any(|(_, own)| own == value) {
                section.push("candidate", value);
            }
        }
        if !section.has("end-of-candidates") && section.has("candidate") {
            section.push("end-of-candidates", "");
        }
    }
}
