//! The records of DTLS, as far as anybody can read them.
//!
//! Until there are keys a datagram of a stranger looks like one of the far side's. DTLS libraries give up at some
//! that are nonsense, where they should drop them (RFC 6347 section 4.1.2.7).

/// True for DTLS beside other protocols (RFC 7983 section 7).
pub(super) fn is_dtls(datagram: &[u8]) -> bool {
    matches!(datagram, [20..=63, ..])
}

/// True if what is not encrypted in a datagram is of a handshake, and whole (RFC 6347 sections 4.1 and 4.2.2).
pub(super) fn is_well_formed(datagram: &[u8]) -> bool {
    let mut rest = datagram;
    // The type, the version, the epoch, the number, the length.
    while let Some((head, tail)) = rest.split_first_chunk::<13>() {
        let [kind, _, _, epoch @ .., _, _, _, _, _, _, high, low] = *head;
        let Some((body, others)) = tail.split_at_checked(number(&[high, low])) else {
            return false;
        };
        let whole = match kind {
            _ if epoch != [0, 0] => true,
            // A change of the cipher, one byte (RFC 5246 section 7.1), and an alert, two.
            20 => body == [1],
            21 => body.len() == 2,
            22 => are_fragments(body),
            _ => false,
        };
        if !whole {
            return false;
        }
        rest = others;
    }
    rest.is_empty()
}

/// True if a record is fragments of a handshake's messages.
fn are_fragments(mut record: &[u8]) -> bool {
    // The type, the length, the number; the fragment's place and its length.
    while let Some((head, tail)) = record.split_first_chunk::<12>() {
        let [_, length @ .., _, _, _, _, _, _, _, _] = head;
        let [.., p1, p2, p3, l1, l2, l3] = *head;
        let (place, part) = (number(&[p1, p2, p3]), number(&[l1, l2, l3]));
        let Some((_, others)) = tail.split_at_checked(part) else { return false };
        if place + part > number(length) {
            return false;
        }
        record = others;
    }
    record.is_empty()
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_6347_4_1_2_7_records_that_are_not_whole_are_found() {
        let record = |kind: u8, epoch: u8, body: &[u8]| {
            let head = [kind, 254, 253, 0, epoch, 0, 0, 0, 0, 0, 0, 0, body.len() as u8];
            [&head, body].concat()
        };
        let done = [14, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0];
        for whole in [
            record(22, 0, &done),
            [record(22, 0, &done), record(20, 0, &[1])].concat(),
            record(21, 0, &[2, 40]),
            record(23, 1, b"encrypted"),
        ] {
            assert!(is_well_formed(&whole), "{whole:?}");
        }
        let longer = [14, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 1];
        let beyond = [14, 0, 0, 0, 0, 5, 0, 0, 1, 0, 0, 0];
        for broken in [
            record(23, 0, b"data"),
            record(20, 0, &[2]),
            record(21, 0, &[2]),
            record(22, 0, &longer),
            record(22, 0, &beyond),
            record(22, 0, &done)[..20].to_vec(),
            [record(22, 0, &done), vec![22]].concat(),
        ] {
            assert!(!is_well_formed(&broken), "{broken:?}");
        }
    }
}
