//! `has` of an attribute that nothing has: Cedar takes it as always false, so that an `unless` never applies and a test
//! never holds. A slip of the hand there opens what was to be closed.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use diagnostic::{Diagnostic, did_you_mean};

use super::lint::Words;
use crate::permission::ALL;
use crate::vocabulary::{BASE, EntityType};

pub(super) fn check(words: &Words<'_>, found: &mut Vec<Diagnostic>) {
    // What records that the policy writes have; looked for once, and only if need be.
    let keys = LazyCell::new(|| {
        (0..words.len())
            .filter(|at| words.text(at + 1) == ":")
            .map(|at| words.text(at).trim_matches('"'))
            .collect::<BTreeSet<_>>()
    });
    for at in 1..words.len() {
        // `.has` is somebody's attribute.
        if words.text(at) != "has" || words.text(at - 1) == "." {
            continue;
        }
        let mut named = at + 1;
        loop {
            let name = words.text(named).trim_matches('"');
            if is_name(words.text(named)) && !is_known(name) && !keys.contains(name) {
                let message = format!("nothing has an attribute `{name}`: this test is always false");
                let near = did_you_mean(name, attributes()).map(|near| format!("did you mean `{near}`?"));
                let help = near.unwrap_or_else(|| "tags are asked for with `hasTag`".to_owned());
                let diagnostic = Diagnostic::error("policy.has-unknown", message);
                found.push(diagnostic.at(words.span(named, named)).help(help));
            }
            // `has a.b.c` asks for each.
            if words.text(named + 1) != "." {
                break;
            }
            named += 2;
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_alphabetic() || first == '_' || first == '"')
}

fn is_known(name: &str) -> bool {
    attributes().any(|attribute| attribute == name)
}

/// Every attribute of any type of entity, and every field of any context.
fn attributes() -> impl Iterator<Item = &'static str> {
    let of_entities =
        EntityType::ALL.into_iter().flat_map(|entity_type| entity_type.declaration().attributes);
    let of_contexts = BASE.iter().chain(ALL.iter().flat_map(|spec| spec.context));
    of_entities.chain(of_contexts).map(|field| field.name)
}
