//! Patterns whose wildcard meets a letter or a digit: they match more than the one who wrote them saw.

use diagnostic::Diagnostic;

use super::lint::Words;

pub(super) fn check(words: &Words<'_>, found: &mut Vec<Diagnostic>) {
    for at in 1..words.len() {
        let pattern = words.text(at);
        // `.like` is somebody's attribute.
        let is_operator = words.text(at - 1) == "like" && (at < 2 || words.text(at - 2) != ".");
        if !(is_operator && pattern.starts_with('"')) {
            continue;
        }
        let pattern = pattern.trim_matches('"');
        let Some(open) = open_end(pattern) else { continue };
        let (message, help) = match open {
            Open::Prefix(prefix) => (
                format!(
                    "the pattern `{pattern}` also matches `{prefix}2` and whatever else begins like that"
                ),
                format!(
                    "end the part before `*` with a separator, as in `{prefix}/*` or `{prefix}.*`; a namespace and all \
                     in it is `in Moonward::Namespace::\"{prefix}\"`"
                ),
            ),
            Open::Suffix(suffix) => (
                format!("the pattern `{pattern}` also matches `x{suffix}` and whatever else ends like that"),
                format!("begin the part after `*` with a separator, as in `*/{suffix}` or `*.{suffix}`"),
            ),
        };
        found.push(Diagnostic::error("policy.like-open", message).at(words.span(at, at)).help(help));
    }
}

/// A part of a pattern that runs into a wildcard.
#[derive(Debug, PartialEq)]
enum Open<'a> {
    Prefix(&'a str),
    Suffix(&'a str),
}

/// The beginning or the end of a pattern, if it runs into the wildcard. What lies between two wildcards is looked for
/// anywhere, and meant so.
fn open_end(pattern: &str) -> Option<Open<'_>> {
    let first = wildcard(pattern)?;
    let prefix = pattern.get(..first).unwrap_or_default();
    if prefix.ends_with(char::is_alphanumeric) {
        return Some(Open::Prefix(prefix));
    }
    let suffix = pattern.rsplit('*').next().unwrap_or_default();
    // `\*` is a star; what is after it is then no end of its own.
    let is_star = pattern.strip_suffix(suffix).is_some_and(|before| before.ends_with("\\*"));
    (!is_star && suffix.starts_with(char::is_alphanumeric)).then_some(Open::Suffix(suffix))
}

/// The first `*` that is not written `\*`.
fn wildcard(pattern: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in pattern.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'*' => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_that_meets_a_letter_is_open() {
        for (pattern, expected) in [
            ("acme*", Some(Open::Prefix("acme"))),
            ("a*/b", Some(Open::Prefix("a"))),
            ("*acme", Some(Open::Suffix("acme"))),
            ("acme/*", None),
            ("acme.*.orders", None),
            ("*/orders", None),
            ("*order*", None),
            ("*", None),
            ("acme", None),
            ("acme\\*", None),
            ("/*\\*b", None),
        ] {
            assert_eq!(open_end(pattern), expected, "{pattern}");
        }
    }
}
