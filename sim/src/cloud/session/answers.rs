//! Looks at answers, without which none is used (RFC 3264 section 6, RFC 8829 section 5.3.1).

use offhook::sdp::{Description, Section};

/// Returns what is wrong with an answer that has not as many sections as its offer, in the same order
/// and of the same names.
pub(in crate::cloud) fn mismatch(offer: &str, answer: &str) -> Option<String> {
    let (offer, answer) = (Description::read(offer).ok()?, Description::read(answer).ok()?);
    let names = |of: &Description<'_>| -> Vec<_> {
        let name = |section: &Section<'_>| section.value("mid").map(str::to_owned);
        of.sections.iter().map(|section| (section.kind().to_owned(), name(section))).collect()
    };
    let (offered, answered) = (names(&offer), names(&answer));
    let kinds_differ = offered.len() != answered.len()
        || offered.iter().zip(&answered).any(|(one, other)| {
            one.0 != other.0 || one.1.is_some() && other.1.is_some() && one.1 != other.1
        });
    kinds_differ.then(|| format!("{answered:?} answers {offered:?}"))
}

/// Returns true if the direction and the payload types are those of an answer to this offer.
pub(super) fn is_answer_to(offer: &str, answer: &str) -> bool {
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
