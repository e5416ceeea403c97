//! Descriptions with their candidates inside.

use offhook::media::LocalCandidate;
use offhook::sdp::{Description, Line};

/// A description with candidates at the end of its first section that is on.
pub(crate) fn with_candidates(sdp: &str, candidates: &[LocalCandidate]) -> String {
    if candidates.is_empty() {
        return sdp.to_owned();
    }
    let Ok(mut description) = Description::read(sdp) else { return sdp.to_owned() };
    if let Some(live) = description.sections.iter_mut().find(|section| !section.is_off()) {
        let lines = candidates.iter().map(|told| Line::new(format!("a={}", told.candidate)));
        live.lines.extend(lines);
    }
    description.to_string()
}
