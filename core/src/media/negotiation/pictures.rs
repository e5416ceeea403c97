//! Payload types of pictures.

use super::payloads::{encoding, parameter, payload_types};
use crate::media::{MediaError, VideoCodec};
use crate::sdp::Section;

/// The profile that we offer of H.264: constrained baseline, level 3.1 (RFC 6184 section 8.1).
const OUR_PROFILE: &str = "42e01f";

/// A codec of pictures, as a video section numbers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The codec.
    pub codec: VideoCodec,
    /// Its payload type.
    pub number: u8,
    /// The payload type of its packets that are sent again (RFC 4588), where they are.
    pub repair: Option<u8>,
    /// The profile and level of H.264 (`profile-level-id`), where they are stated.
    pub profile: Option<String>,
    /// True if whoever receives may say how many bits a second it wants (`goog-remb`,
    /// draft-alvestrand-rmcat-remb-03).
    pub limits: bool,
}

/// The payload types of a video section that both ends have, the far side's first choice first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Each codec once. Never empty once negotiated.
    pub codecs: Vec<Picture>,
}

impl Pictures {
    /// The payload types of our offers: the numbers that browsers use.
    #[must_use]
    pub fn ours(codecs: &[VideoCodec]) -> Self {
        let picture = |codec: &VideoCodec| {
            let (number, repair, profile) = match codec {
                VideoCodec::Vp8 => (96, 97, None),
                VideoCodec::H264 => (109, 114, Some(OUR_PROFILE.to_owned())),
            };
            Picture { codec: *codec, number, repair: Some(repair), profile, limits: true }
        };
        Self { codecs: codecs.iter().map(picture).collect() }
    }

    /// Those that a section describes and we have, too. Of H.264 that is what is cut into fragments
    /// (`packetization-mode=1`) in the baseline profile, the constrained one rather.
    ///
    /// # Errors
    ///
    /// [`MediaError::NoCommonCodec`].
    pub fn read(section: &Section<'_>, ours: &[VideoCodec]) -> Result<Self, MediaError> {
        let mut pictures = Self::default();
        let numbers = payload_types(section);
        for number in numbers.iter().copied() {
            let Some((name, VideoCodec::CLOCK_RATE, _)) = encoding(section, number) else {
                continue;
            };
            let is = |codec: &VideoCodec| name.eq_ignore_ascii_case(codec.name());
            let Some(codec) = ours.iter().copied().find(is) else { continue };
            let parameter = |name| parameter(section, number, name);
            let profile = match codec {
                VideoCodec::Vp8 => None,
                VideoCodec::H264 if parameter("packetization-mode") == Some("1") => {
                    match parameter("profile-level-id").map(str::to_ascii_lowercase) {
                        Some(profile) if !is_baseline(&profile) => continue,
                        profile => profile,
                    }
                }
                VideoCodec::H264 => continue,
            };
            let repair = repair(section, number, &numbers);
            let limits = has_feedback(section, number, "goog-remb");
            let picture = Picture { codec, number, repair, profile, limits };
            match pictures.codecs.iter_mut().find(|known| known.codec == codec) {
                Some(known) if is_constrained(&picture) && !is_constrained(known) => {
                    *known = picture;
                }
                Some(_) => {}
                None => pictures.codecs.push(picture),
            }
        }
        if pictures.codecs.is_empty() { Err(MediaError::NoCommonCodec) } else { Ok(pictures) }
    }

    /// A codec as it is numbered here.
    #[must_use]
    pub fn of(&self, codec: VideoCodec) -> Option<&Picture> {
        self.codecs.iter().find(|picture| picture.codec == codec)
    }

    /// The codec of a payload type, also where its packets are sent again.
    #[must_use]
    pub fn codec(&self, number: u8) -> Option<VideoCodec> {
        let is = |picture: &&Picture| picture.number == number || picture.repair == Some(number);
        self.codecs.iter().find(is).map(|picture| picture.codec)
    }

    /// True if whoever receives may say how many bits a second it wants.
    #[must_use]
    pub fn limits(&self) -> bool {
        self.codecs.iter().any(|picture| picture.limits)
    }

    /// True if packets of that payload type are sent again.
    #[must_use]
    pub fn repairs(&self, number: u8) -> bool {
        self.codecs.iter().any(|picture| picture.repair == Some(number))
    }

    /// Leaves out what has one of those numbers, which mean something else to the far side.
    pub(super) fn without(&mut self, numbers: &[u8]) {
        self.codecs.retain(|picture| {
            !numbers.contains(&picture.number)
                && !picture.repair.is_some_and(|n| numbers.contains(&n))
        });
    }

    /// All payload types that a description names, each with its encoding, parameters and feedback
    /// (RFC 4585 section 4.2, RFC 5104 section 7.1).
    pub(super) fn named(&self) -> Vec<(u8, String, Option<String>, &'static [&'static str])> {
        let mut named = Vec::new();
        for Picture { codec, number, repair, profile, limits } in &self.codecs {
            let parameters = (*codec == VideoCodec::H264).then(|| {
                let profile =
                    profile.as_ref().map(|profile| format!(";profile-level-id={profile}"));
                let profile = profile.unwrap_or_default();
                format!("level-asymmetry-allowed=1;packetization-mode=1{profile}")
            });
            let feedback: &[&str] = match limits {
                true => &["ccm fir", "nack", "nack pli", "goog-remb"],
                false => &["ccm fir", "nack", "nack pli"],
            };
            named.push((*number, format!("{}/90000", codec.name()), parameters, feedback));
            if let Some(repair) = repair {
                let feedback: &[&str] = &[];
                named.push((
                    *repair,
                    "rtx/90000".to_owned(),
                    Some(format!("apt={number}")),
                    feedback,
                ));
            }
        }
        named
    }
}

/// The payload type whose packets are those of another, sent again (RFC 4588 section 8.6).
fn repair(section: &Section<'_>, number: u8, numbers: &[u8]) -> Option<u8> {
    numbers.iter().copied().find(|repair| {
        encoding(section, *repair).is_some_and(|(name, ..)| name.eq_ignore_ascii_case("rtx"))
            && parameter(section, *repair, "apt").and_then(|apt| apt.parse().ok()) == Some(number)
    })
}

/// True if a section has feedback of that kind for a payload type, or for all (RFC 4585 section 4.2).
fn has_feedback(section: &Section<'_>, number: u8, wanted: &str) -> bool {
    section.attributes("rtcp-fb").any(|(_, value)| {
        let (of, kind) = value.split_once(' ').unwrap_or_default();
        (of == "*" || of.parse() == Ok(number)) && kind.trim() == wanted
    })
}

/// Six digits that say baseline (RFC 6184 section 8.1).
fn is_baseline(profile: &str) -> bool {
    profile.len() == 6
        && profile.starts_with("42")
        && profile.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn is_constrained(picture: &Picture) -> bool {
    let flags = picture.profile.as_deref().and_then(|profile| profile.get(2..4));
    flags
        .and_then(|flags| u8::from_str_radix(flags, 16).ok())
        .is_some_and(|flags| flags & 0x40 != 0)
}
