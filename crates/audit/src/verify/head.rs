//! The head of a line: its first members, which are always the same and in one order, so that no parser is needed.

use crate::checkpoint::Hash;

/// What every record says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'l> {
    pub(super) seq: u64,
    pub(super) id: &'l str,
    pub(super) ts: &'l str,
    pub(super) prev: Hash,
    pub(super) kind: &'l str,
}

/// A time as a record has it: digits where there is a zero.
const TS: &[u8] = b"0000-00-00T00:00:00.000000000Z";

impl<'l> Head<'l> {
    /// Reads the head of a line without its line feed. Of the rest it is known only that it is printable ASCII and ends
    /// like an object: what it holds is held by the chain.
    pub(super) fn read(line: &'l [u8]) -> Result<Self, &'static str> {
        // Without a way out of the loop, which would cost more than it saves.
        let strange =
            line.iter().fold(0, |seen, byte| seen | u8::from(byte.wrapping_sub(b' ') > b'~' - b' '));
        if strange != 0 {
            return Err("it has a character that is not printable ASCII");
        }
        let line = str::from_utf8(line).map_err(|_| "it is not ASCII")?;
        let rest = line.strip_prefix("{\"schema\":\"").ok_or("it does not begin with `schema`")?;
        let rest = rest.strip_prefix("moonward.audit/1\"").ok_or("its schema is not `moonward.audit/1`")?;
        let (seq, rest) = member(rest, ",\"seq\":\"").ok_or("`seq` is not where it has to be")?;
        let (id, rest) = member(rest, ",\"id\":\"").ok_or("`id` is not where it has to be")?;
        let (ts, rest) = member(rest, ",\"ts\":\"").ok_or("`ts` is not where it has to be")?;
        let (prev, rest) = member(rest, ",\"prev\":\"").ok_or("`prev` is not where it has to be")?;
        let (kind, rest) = member(rest, ",\"kind\":\"").ok_or("`kind` is not where it has to be")?;
        if !(rest == "}" || rest.starts_with(',') && rest.ends_with('}')) {
            return Err("it is no JSON object");
        }
        if !is_id(id) {
            return Err("`id` is no ULID");
        }
        if !is_time(ts) {
            return Err("`ts` is no time in UTC with nanoseconds");
        }
        if kind.is_empty() || !kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            return Err("`kind` is no kind");
        }
        Ok(Self {
            seq: number(seq).filter(|seq| *seq > 0).ok_or("`seq` is no number from 1")?,
            id,
            ts,
            prev: hash(prev).ok_or("`prev` is no hash in hex")?,
            kind,
        })
    }
}

/// The text of a member up to its closing quote, and what follows that. None of these texts holds an escape.
fn member<'l>(line: &'l str, opening: &str) -> Option<(&'l str, &'l str)> {
    line.strip_prefix(opening)?.split_once('"')
}

/// A number as the format writes it: decimal digits, no more than needed.
pub(super) fn number(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

/// A SHA-256 in lower-case hex.
pub(super) fn hash(text: &str) -> Option<Hash> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let mut hash = [0; 32];
    if pairs.len() != hash.len() {
        return None;
    }
    for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// 26 characters of Crockford's base 32, of which the first has three bits only.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 26
        && text.starts_with(|character| matches!(character, '0'..='7'))
        && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'H' | b'J' | b'K' | b'M' | b'N' | b'P'..=b'T' | b'V'..=b'Z'))
}

fn is_time(text: &str) -> bool {
    text.len() == TS.len()
        && text
            .bytes()
            .zip(TS)
            .all(|(byte, form)| if *form == b'0' { byte.is_ascii_digit() } else { byte == *form })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_in_its_one_form_and_in_no_other() {
        let prev = "0f".repeat(32);
        let line = format!(
            "{{\"schema\":\"moonward.audit/1\",\"seq\":\"42\",\"id\":\"01JDA7E0Q4V4R6ZD2M1W5X8Y9B\",\
             \"ts\":\"2026-11-27T13:06:06.000000001Z\",\"prev\":\"{prev}\",\"kind\":\"admin\",\"detail\":{{}}}}"
        );
        let expected = Head {
            seq: 42,
            id: "01JDA7E0Q4V4R6ZD2M1W5X8Y9B",
            ts: "2026-11-27T13:06:06.000000001Z",
            prev: [0x0f; 32],
            kind: "admin",
        };
        assert_eq!(Head::read(line.as_bytes()), Ok(expected));
        assert!(Head::read(line.replace(",\"detail\":{}", "").as_bytes()).is_ok());
        for (from, to) in [
            ("{\"schema", " {\"schema"),
            ("audit/1", "audit/2"),
            ("\"42\"", "\"042\""),
            ("\"42\"", "\"0\""),
            ("\"42\"", "\"+42\""),
            ("\"42\"", "42"),
            ("\"42\"", "\"18446744073709551616\""),
            ("\"seq\"", "\"id\""),
            ("01JDA", "01jda"),
            ("01JDA", "91JDA"),
            ("01JDA", "1JDA"),
            ("T13", " 13"),
            ("01Z", "1Z"),
            ("0f0f", "0F0f"),
            ("0f0f", "0f0"),
            ("0f0f", "0f0f0f"),
            ("admin", ""),
            ("admin", "Admin"),
            ("{}}", "{}} "),
            ("{}}", "{}"),
            ("{}}", "\u{fc}}"),
            ("{}}", "\t}"),
            ("\"kind\":\"admin\",", "\"kind\":\"admin\""),
        ] {
            let other = line.replacen(from, to, 1);
            assert_ne!(other, line, "{from}");
            // What is within an object's end is held by the chain, not by its form.
            let held = to == "{}";
            assert_eq!(Head::read(other.as_bytes()).is_ok(), held, "{other}");
        }
    }
}
