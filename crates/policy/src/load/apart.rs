//! A file's policies told apart by their effect, for tools that put permits and forbids where each belongs.
//!
//! The rest of the text is blanked out, not cut out, so that every line and column stays what it is. Whether a
//! policy means anything is not asked.

use std::sync::Arc;

use cedar_policy::{Effect, Policy};
use diagnostic::{Diagnostic, Source, Span};

use super::lexeme::Lexemes;
use super::scan::{self, Statement};

/// The permits and the forbids of a file, each in a text of its whole length; nothing where there is none.
///
/// # Errors
/// The file is over a bound.
pub(crate) fn apart(source: &Arc<Source>) -> Result<[Option<Arc<Source>>; 2], Vec<Diagnostic>> {
    let statements = scan::statements(source)?;
    Ok([Effect::Permit, Effect::Forbid].map(|wanted| {
        let others: Vec<&Statement> =
            statements.iter().filter(|statement| effect(statement.text()) != wanted).collect();
        let any = others.len() < statements.len();
        any.then(|| blanked(source, others.iter().map(|other| &other.span)))
    }))
}

/// A file with these stretches of it, which are in order and apart, blanked out.
pub(crate) fn blanked<'a>(source: &Arc<Source>, spans: impl Iterator<Item = &'a Span>) -> Arc<Source> {
    let mut text = String::with_capacity(source.text.len());
    let between = |from, to| source.text.get(from..to).unwrap_or_default();
    let mut end = 0;
    for span in spans {
        text.push_str(between(end, span.start));
        for character in between(span.start, span.end).chars() {
            match character {
                '\n' => text.push('\n'),
                other => text.extend(std::iter::repeat_n(' ', other.len_utf8())),
            }
        }
        end = span.end;
    }
    text.push_str(between(end, source.text.len()));
    Arc::new(Source { path: source.path.clone(), text })
}

/// The policy of a file that has this id and begins at this line and column, both from 1.
pub(crate) fn policy_at(source: &Arc<Source>, id: &str, line: usize, column: usize) -> Option<Span> {
    let begins_there = |statement: &Statement| statement.span.position() == (line, column);
    let statement = scan::statements(source).ok()?.into_iter().find(begins_there)?;
    let policy = Policy::parse(None, statement.text()).ok()?;
    (policy.annotation("id") == Some(id)).then_some(statement.span)
}

/// By the first word that is no annotation's; what has neither word is left among the permits, for the parser to
/// refuse.
fn effect(statement: &str) -> Effect {
    let mut before = "";
    for token in Lexemes::new(statement) {
        match token.text {
            "permit" if before != "@" => return Effect::Permit,
            "forbid" if before != "@" => return Effect::Forbid,
            text => before = text,
        }
    }
    Effect::Permit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_found_where_a_record_says_that_it_begins() {
        let text = "// ü\n@id(\"a\") permit (principal, action, resource); @id(\"b\")\nforbid (principal, action, resource);";
        let source = Arc::new(Source { path: "a.cedar".into(), text: text.to_owned() });
        let found = |id, line, column| {
            policy_at(&source, id, line, column).map(|span| &source.text[span.start..span.end])
        };
        assert_eq!(found("a", 2, 1), Some("@id(\"a\") permit (principal, action, resource);"));
        assert_eq!(found("b", 2, 48), Some("@id(\"b\")\nforbid (principal, action, resource);"));
        assert_eq!((found("a", 2, 2), found("a", 9, 1), found("a", 0, 0)), (None, None, None));
        assert_eq!((found("b", 2, 1), found("", 2, 48)), (None, None), "another policy is there");
    }

    #[test]
    fn each_effect_keeps_its_own_places() {
        let text = "// größe\n@id(\"a\") @forbid(\"permit\")\npermit (principal, action, resource);\n\
                    @id(\"ü\") forbid (principal,\n action, resource); @id(\"c\") permit (principal, action, resource);";
        let source = Arc::new(Source { path: "a.cedar".into(), text: text.to_owned() });
        let [permits, forbids] = apart(&source).unwrap().map(Option::unwrap);
        for (part, other, found) in [
            (&permits, "@id(\"ü\")", vec!["@id(\"a\")", "@id(\"c\")"]),
            (&forbids, "(\"a\")", vec!["@id(\"ü\")"]),
        ] {
            assert_eq!((part.text.len(), part.text.lines().count()), (text.len(), text.lines().count()));
            assert!(!part.text.contains(other), "{}", part.text);
            for id in found {
                assert_eq!(part.text.find(id), text.find(id));
            }
        }
        let only =
            Arc::new(Source { path: "a.cedar".into(), text: "permit (principal, action, resource);".into() });
        assert!(matches!(apart(&only).unwrap(), [Some(_), None]));
    }
}
