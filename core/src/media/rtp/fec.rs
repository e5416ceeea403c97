//! Copies of lost frames in packets of Opus.

/// Returns true if a packet brings a copy of the frame before it: the first frame's LBRR flag stands after
/// one flag for each 20 ms, and both are the first bits (RFC 6716 sections 3.1, 4.2.3 and 4.2.4).
#[must_use]
pub fn has_fec(packet: &[u8]) -> bool {
    let Some((&toc, rest)) = packet.split_first() else { return false };
    let frames = match toc >> 3 {
        // 10, 20, 40 and 60 ms of SILK; hybrid frames of 10 and 20 ms; CELT has none.
        config @ 0..12 => (config & 3).max(1),
        12..16 => 1,
        _ => return false,
    };
    let Some(&first) = first_frame(toc & 3, rest).and_then(<[u8]>::first) else { return false };
    let sides = if toc & 4 == 0 { 1 } else { 2 };
    let of = |side: u8| (first << (side * (frames + 1) + frames)) & 0x80 != 0;
    (0..sides).any(of)
}

/// The part of a packet that begins with its first frame: all after the lengths of its frames (RFC 6716
/// section 3.2).
fn first_frame(code: u8, rest: &[u8]) -> Option<&[u8]> {
    let after_length = |rest: &'_ [u8]| match rest.first() {
        Some(252..) => 2,
        Some(_) | None => 1,
    };
    if code < 2 {
        return Some(rest);
    }
    if code == 2 {
        return rest.get(after_length(rest)..);
    }
    let (&about, mut rest) = rest.split_first()?;
    if about & 0x40 != 0 {
        while let Some((255, more)) = rest.split_first() {
            rest = more;
        }
        rest = rest.get(1..)?;
    }
    if about & 0x80 != 0 {
        for _ in 1..about & 0x3f {
            rest = rest.get(after_length(rest)..)?;
        }
    }
    Some(rest)
}
