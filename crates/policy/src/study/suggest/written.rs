//! A suggested permit as policies write it. Every text in it that a guest may have chosen is quoted by [`quoted`].

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use super::apart::Test;
use super::grant::{Grant, Head};
use super::mark::Value;
use crate::cedar::{NAMESPACE, type_name};
use crate::literal::{quoted, uid};
use crate::vocabulary::EntityType;

impl Grant {
    /// The permit as text, not formatted.
    pub fn text(&self, id: &str) -> String {
        let Head { actors, actions, entity_type, ids } = &self.head;
        let mut conditions = Vec::new();
        let principal = one_of("principal", EntityType::Actor, actors, &mut conditions);
        let actions: Vec<String> =
            actions.iter().map(|action| format!("{NAMESPACE}::Action::{}", quoted(action))).collect();
        let action = match actions.as_slice() {
            [action] => format!("action == {action}"),
            actions => format!("action in [{}]", actions.join(", ")),
        };
        let resource = match entity_type {
            EntityType::Process => {
                conditions.push("resource.tenant == principal.tenant".to_owned());
                format!("resource is {}", type_name(*entity_type))
            }
            _ if ids.len() > 1 => {
                one_of("resource", *entity_type, ids, &mut conditions);
                format!("resource is {}", type_name(*entity_type))
            }
            _ => one_of("resource", *entity_type, ids, &mut conditions),
        };
        conditions.extend(self.conditions());
        let mut text = format!("@id({})\npermit ({principal}, {action}, {resource})", quoted(id));
        if !conditions.is_empty() {
            let _ = write!(text, "\nwhen {{ {} }}", conditions.join(" && "));
        }
        text.push(';');
        text
    }

    /// What is asked, in an order in which nothing is read that may be absent.
    fn conditions(&self) -> Vec<String> {
        let (mut asked, mut written): (Vec<String>, Vec<String>) = Default::default();
        for (term, test) in &self.tests {
            let holds = term.needs();
            let text = term.text();
            let of_needs = |last: Option<String>| {
                let whole: Vec<String> = holds.iter().cloned().chain(last).collect();
                whole.join(" && ")
            };
            let condition = match test {
                Test::Absent => format!("!({})", of_needs(None)),
                Test::In(values) => match (values.first(), values.len()) {
                    // Two processes are not related either where there is only one.
                    (Some(Value::Bool(false)), 1) if term.unmarked_is_false() => {
                        format!("!({})", of_needs(Some(text)))
                    }
                    (first, count) => {
                        asked.extend(holds);
                        match first {
                            Some(Value::Bool(true)) => text,
                            Some(Value::Bool(false)) => format!("!{text}"),
                            Some(Value::Texts(texts)) if texts.is_empty() => format!("{text}.isEmpty()"),
                            Some(value) if count == 1 => {
                                format!("{text} == {}", value.text().unwrap_or_default())
                            }
                            _ => {
                                let values: Vec<String> = values.iter().filter_map(Value::text).collect();
                                format!("[{}].contains({text})", values.join(", "))
                            }
                        }
                    }
                },
                Test::Present => {
                    asked.extend(holds);
                    continue;
                }
                Test::AtMost(most) => {
                    asked.extend(holds);
                    format!("{text} <= {most}")
                }
                Test::AtLeast(least) => {
                    asked.extend(holds);
                    format!("{text} >= {least}")
                }
            };
            written.push(condition);
        }
        let mut seen = BTreeSet::new();
        asked.retain(|asked| seen.insert(asked.clone()));
        asked.extend(written);
        asked
    }
}

/// The constraint of a head on one entity, or a condition on several.
fn one_of(
    what: &str,
    entity_type: EntityType,
    ids: &BTreeSet<Arc<str>>,
    conditions: &mut Vec<String>,
) -> String {
    let mut named = ids.iter().map(|id| uid(entity_type, id));
    match (named.next(), named.next()) {
        (Some(one), None) => format!("{what} == {one}"),
        _ => {
            let all: Vec<String> = ids.iter().map(|id| uid(entity_type, id)).collect();
            conditions.push(format!("[{}].contains({what})", all.join(", ")));
            what.to_owned()
        }
    }
}
