//! Codecs taken out of descriptions (RA-097, w5.7).

use std::collections::BTreeSet;

use super::handler::{SdpContext, SdpHandler};
use crate::ribbon::error::{CallCode, Error};
use crate::sdp::{Description, Line, Section};

/// The most selectors of one handler.
const MAX_SELECTORS: usize = 64;
/// Payload types that need no `a=rtpmap` (RFC 3551 section 6).
const STATIC: [(&str, &str); 6] =
    [("0", "PCMU"), ("3", "GSM"), ("8", "PCMA"), ("9", "G722"), ("13", "CN"), ("18", "G729")];

/// Selects codecs (RT-032): by name, letter for letter, and by what their parameters have.
///
/// ```
/// use offhook::ribbon::CodecSelector;
///
/// let baseline = CodecSelector::new("H264").fmtp(["profile-level-id=42e01f"]);
/// let g722 = CodecSelector::from("G722");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodecSelector {
    /// The name, as in `a=rtpmap`.
    pub name: String,
    /// Texts that must all stand in `a=fmtp`.
    pub fmtp: Vec<String>,
}

setters!(CodecSelector { fmtp: all[String] });

impl CodecSelector {
    /// All codecs of a name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), fmtp: Vec::new() }
    }

    fn selects(&self, section: &Section<'_>, format: &str) -> bool {
        name_of(section, format) == Some(self.name.as_str())
            && (self.fmtp.is_empty()
                || parameters(section, format).is_some_and(|parameters| {
                    self.fmtp.iter().all(|wanted| parameters.contains(wanted.as_str()))
                }))
    }
}

impl From<&str> for CodecSelector {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// Takes codecs out of descriptions: those that it selects. A section keeps at least one.
#[derive(Clone, Debug)]
pub struct CodecRemover(Vec<CodecSelector>);

/// Takes codecs out of descriptions: all but those that it selects. A section keeps at least one.
#[derive(Clone, Debug)]
pub struct CodecKeeper(Vec<CodecSelector>);

impl CodecRemover {
    /// A handler that removes these.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: more than 64.
    pub fn new(
        selectors: impl IntoIterator<Item = impl Into<CodecSelector>>,
    ) -> Result<Self, Error> {
        bounded(selectors).map(Self)
    }
}

impl CodecKeeper {
    /// A handler that removes all others.
    ///
    /// # Errors
    ///
    /// [`CallCode::InvalidParam`]: more than 64.
    pub fn new(
        selectors: impl IntoIterator<Item = impl Into<CodecSelector>>,
    ) -> Result<Self, Error> {
        bounded(selectors).map(Self)
    }
}

fn bounded(
    selectors: impl IntoIterator<Item = impl Into<CodecSelector>>,
) -> Result<Vec<CodecSelector>, Error> {
    let selectors: Vec<_> = selectors.into_iter().take(MAX_SELECTORS + 1).map(Into::into).collect();
    if selectors.len() > MAX_SELECTORS {
        return Err(Error::new(CallCode::InvalidParam, "more than 64 codec selectors"));
    }
    Ok(selectors)
}

impl SdpHandler for CodecRemover {
    fn handle(&self, sdp: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {
        for section in &mut sdp.sections {
            remove(section, |section, format| {
                self.0.iter().any(|selector| selector.selects(section, format))
            });
        }
    }
}

impl SdpHandler for CodecKeeper {
    fn handle(&self, sdp: &mut Description<'_>, _: &SdpContext<'_>, _: &Description<'_>) {
        for section in &mut sdp.sections {
            remove(section, |section, format| {
                !self.0.iter().any(|selector| selector.selects(section, format))
            });
        }
    }
}

/// Takes formats out of a section: those that are named, and those that repair one of them.
fn remove(section: &mut Section<'_>, named: impl Fn(&Section<'_>, &str) -> bool) {
    if !section.protocol().contains("RTP") {
        return;
    }
    let formats: Vec<_> = section.formats().map(str::to_owned).collect();
    let mut out: BTreeSet<_> =
        formats.iter().filter(|format| named(section, format)).cloned().collect();
    let of_removed: Vec<_> = formats
        .iter()
        .filter(|format| repaired(section, format).is_some_and(|of| out.contains(of)))
        .cloned()
        .collect();
    out.extend(of_removed);
    if out.len() >= formats.len() {
        // The last that is to go stays.
        match formats.last() {
            Some(last) => out.remove(last),
            None => return,
        };
    }
    if out.is_empty() {
        return;
    }
    let kept: Vec<_> = formats.iter().filter(|format| !out.contains(*format)).cloned().collect();
    let head: Vec<_> = section.media.value().split_ascii_whitespace().take(3).collect();
    let media = format!("m={} {}", head.join(" "), kept.join(" "));
    section.media = Line::new(media);
    section.lines.retain(|line| {
        let Some(("rtpmap" | "fmtp" | "rtcp-fb", value)) = line.attribute() else { return true };
        !out.contains(value.split_ascii_whitespace().next().unwrap_or_default())
    });
}

/// The name of a format.
fn name_of<'s>(section: &'s Section<'_>, format: &str) -> Option<&'s str> {
    let of_map = section.attributes("rtpmap").find_map(|(_, value)| {
        let (own, codec) = value.split_once(' ')?;
        (own == format).then(|| codec.trim().split('/').next().unwrap_or_default())
    });
    of_map.or_else(|| STATIC.iter().find(|(own, _)| *own == format).map(|(_, name)| *name))
}

/// The parameters of a format.
fn parameters<'s>(section: &'s Section<'_>, format: &str) -> Option<&'s str> {
    section.attributes("fmtp").find_map(|(_, value)| {
        let (own, parameters) = value.split_once(' ')?;
        (own == format).then_some(parameters)
    })
}

/// The format that a format repairs (`apt=`, RFC 4588 section 8.6).
fn repaired<'s>(section: &'s Section<'_>, format: &str) -> Option<&'s str> {
    let mut parts = parameters(section, format)?.split(';');
    parts.find_map(|part| part.trim().strip_prefix("apt=")).map(str::trim)
}
