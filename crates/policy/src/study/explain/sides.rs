//! The sides of a test: what is compared with what, and what is looked for in what.
//!
//! Only places in the text are found here.

use super::parts::{bare, operator, split};
use crate::load::Lexeme;

/// The two sides of a comparison, and what compares them: one of `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `like`.
pub(super) fn comparison<'t>(
    lexemes: &'t [Lexeme<'t>],
) -> Option<(&'t [Lexeme<'t>], &'t str, &'t [Lexeme<'t>])> {
    const RELATIONS: [&str; 8] = ["==", "!=", "<", "<=", ">", ">=", "in", "like"];
    let mut from = 0;
    while let Some((at, mark)) = operator(lexemes.get(from..)?) {
        let at = from + at;
        if RELATIONS.contains(&mark) {
            return Some((bare(lexemes.get(..at)?), mark, bare(lexemes.get(at + 1..)?)));
        }
        // A sum before a comparison; what follows its mark may be a sign, which `operator` passes over.
        from = at;
    }
    None
}

/// The same comparison with its sides changed, where there is one.
pub(super) fn mirrored(mark: &str) -> Option<&str> {
    Some(match mark {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        "==" | "!=" => mark,
        _ => return None,
    })
}

/// The list and the item of `list.contains(item)`.
pub(super) fn contains<'t>(lexemes: &'t [Lexeme<'t>]) -> Option<(&'t [Lexeme<'t>], &'t [Lexeme<'t>])> {
    let at = lexemes.iter().rposition(|lexeme| lexeme.text == "contains")?;
    let (list, [_, open, item @ .., close]) = (lexemes.get(..at.checked_sub(1)?)?, lexemes.get(at..)?) else {
        return None;
    };
    let whole = open.text == "(" && close.text == ")" && split(item, ",").len() == 1;
    (whole && !list.is_empty()).then(|| (bare(list), bare(item)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::lexemes;
    use crate::study::explain::parts::place;

    #[test]
    fn a_test_is_told_apart_where_it_compares() {
        for (test, expected) in [
            ("a.b < 5", Some(("a.b", "<", "5"))),
            ("(a.b) == (c + -1)", Some(("a.b", "==", "c + -1"))),
            ("a + 1 - -b > c", Some(("a + 1 - -b", ">", "c"))),
            ("a.in in b", Some(("a.in", "in", "b"))),
            ("a has b", None),
            ("a is T in b", Some(("a is T", "in", "b"))),
            ("[a < b].contains(c)", None),
            ("-a", None),
        ] {
            let lexemes = lexemes(test);
            let text = |side| {
                let (start, end) = place(side);
                &test[start..end]
            };
            let found = comparison(&lexemes).map(|(left, mark, right)| (text(left), mark, text(right)));
            assert_eq!(found, expected, "{test}");
        }
        for (test, expected) in [
            ("[\"a\"].contains(b.c)", Some(("[\"a\"]", "b.c"))),
            ("(a.b).contains((c))", Some(("a.b", "c"))),
            ("a.contains(b) == true", None),
            ("contains(b)", None),
            ("a.containsAll(b)", None),
        ] {
            let lexemes = lexemes(test);
            let text = |side| {
                let (start, end) = place(side);
                &test[start..end]
            };
            assert_eq!(contains(&lexemes).map(|(list, item)| (text(list), text(item))), expected, "{test}");
        }
    }
}
