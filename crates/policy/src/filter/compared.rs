//! Comparisons in a filter that come out the same for every record, since the member is of another type than what it is
//! compared with. Only of members whose type is known, and of literals.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};

use super::record::{NUMBERS, TIME};
use super::{VARIABLE, unquoted};
use crate::load::Lexeme;

const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

/// Each of them, as a warning.
pub(super) fn never_true(
    source: &Arc<Source>,
    tokens: &[Lexeme<'_>],
    variables: &[usize],
) -> Vec<Diagnostic> {
    variables.iter().filter_map(|at| doubt(source, tokens, *at)).collect()
}

/// `record.NAME == "text"`, or the other way round, of a member that is no text.
fn doubt(source: &Arc<Source>, tokens: &[Lexeme<'_>], at: usize) -> Option<Diagnostic> {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let before = |by: usize| at.checked_sub(by).map_or("", text);
    if text(at + 1) != "." {
        return None;
    }
    let (name, after) = (text(at + 2), text(at + 3));
    let (compared, with, first, last) = match COMPARISONS {
        all if all.contains(&after) => (after, at + 4, at, at + 4),
        // Of a member only, not of what is done with it.
        all if all.contains(&before(1)) && !matches!(after, "." | "[" | "+" | "-" | "*" | "like" | "has") => {
            (before(1), at.checked_sub(2)?, at.checked_sub(2)?, at + 2)
        }
        _ => return None,
    };
    let literal = text(with);
    let value = unquoted(literal);
    let is_text = literal.starts_with('"');
    let is_number = literal.starts_with(|first: char| first.is_ascii_digit());
    let (kind, better) = match name {
        _ if NUMBERS.contains(&name) && is_text => {
            let digits =
                value.filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()));
            ("a number", digits.unwrap_or_else(|| "1".to_owned()))
        }
        TIME if is_text || is_number => {
            let time = value.unwrap_or_else(|| "2026-11-27T13:00:00Z".to_owned());
            ("a time", format!("datetime(\"{time}\")"))
        }
        _ => return None,
    };
    let other = if is_text { "a text" } else { "a number" };
    let outcome = match compared {
        "==" => "never true",
        "!=" => "always true",
        _ => "true of no record",
    };
    let (start, end) = (tokens.get(first)?, tokens.get(last)?);
    let span = Span { source: source.clone(), start: start.start, end: end.start + end.text.len() };
    let message =
        format!("`{VARIABLE}.{name}` is {kind} in a filter: compared with {other} this is {outcome}");
    let help = format!("write `{VARIABLE}.{name} {compared} {better}`");
    Some(Diagnostic::warning("policy.impossible", message).at(span).help(help))
}
