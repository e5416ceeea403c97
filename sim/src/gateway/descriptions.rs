//! Descriptions, as far as a gateway that passes them on reads them.

use offhook::sdp::{Description, Direction};

fn origin(sdp: &str) -> Option<Vec<&str>> {
    let line = sdp.lines().find_map(|line| line.strip_prefix("o="))?;
    Some(line.split_ascii_whitespace().collect())
}

/// The version of a description (`o=`, RFC 8866 section 5.2).
pub(super) fn version(sdp: &str) -> Option<u64> {
    origin(sdp)?.get(2)?.parse().ok()
}

/// The id of the session that a description is of, which another peer has another of.
pub(super) fn origin_id(sdp: &str) -> Option<String> {
    origin(sdp)?.get(1).map(|id| (*id).to_owned())
}

/// The direction of the audio in a description, as whoever made it sees it.
pub(super) fn direction(sdp: &str) -> Direction {
    let Ok(description) = Description::read(sdp) else { return Direction::SendRecv };
    let audio = description.sections.iter().find(|section| section.kind() == "audio");
    audio.map_or(Direction::Inactive, |section| section.direction_in(&description))
}

/// True if media flows by a description (w4.10): not if all video is inactive and all audio inactive
/// or sendonly.
pub(super) fn flows(sdp: &str) -> bool {
    let Ok(description) = Description::read(sdp) else { return true };
    let mut on = description.sections.iter().filter(|section| !section.is_off()).peekable();
    on.peek().is_none()
        || on.any(|section| match (section.kind(), section.direction_in(&description)) {
            (_, Direction::Inactive) | ("audio", Direction::SendOnly) => false,
            ("audio" | "video", _) => true,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w4_10_media_flows_or_not() {
        let sdp = |audio: &str, video: &str| {
            format!(
                "v=0\no=- 77 3 IN IP4 0.0.0.0\nm=audio 9 X 0\na={audio}\nm=video 9 X 1\na={video}\n"
            )
        };
        for (audio, video, flow) in [
            ("sendrecv", "inactive", true),
            ("recvonly", "inactive", true),
            ("sendonly", "inactive", false),
            ("inactive", "sendonly", true),
            ("inactive", "inactive", false),
        ] {
            assert_eq!(flows(&sdp(audio, video)), flow, "{audio} {video}");
        }
        assert_eq!(version(&sdp("inactive", "inactive")), Some(3));
        assert_eq!(origin_id(&sdp("inactive", "inactive")).as_deref(), Some("77"));
        assert!(flows("") && version("o=").is_none());
    }
}
