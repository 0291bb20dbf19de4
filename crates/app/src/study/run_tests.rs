//! Tests as Cedar's own command line takes them: a JSON array, each case with a request and entities of its own.
//!
//! They are decided as the gate would: with the shipped guard, and with entities that are told whole.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};
use policy::study::{Assumed, Posed};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::Premises;
use super::suite::Expected;

/// One case, read.
pub(crate) struct RunTest {
    pub(crate) name: Option<String>,
    pub(crate) expected: Expected,
    pub(crate) posed: Posed,
    /// What is known with its entities, until it is finished.
    pub(crate) premises: Option<Premises>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    request: Request,
    #[serde(default)]
    entities: Option<Json>,
    decision: Decision,
    #[serde(default)]
    reason: Vec<String>,
    #[serde(default)]
    num_errors: usize,
}

#[derive(Deserialize)]
struct Request {
    principal: Json,
    action: Json,
    resource: Json,
    #[serde(default)]
    context: Map<String, Json>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Decision {
    #[serde(alias = "Allow")]
    Allow,
    #[serde(alias = "Deny")]
    Deny,
}

/// The cases of a file.
///
/// # Errors
/// It is not such an array, or the first thing that is wrong in each case.
pub(crate) fn read(source: &Arc<Source>, base: &Premises) -> Result<Vec<RunTest>, Vec<Diagnostic>> {
    let written: Vec<Written> = serde_json::from_str(&source.text).map_err(|error| {
        let span = Span::at(source, error.line(), error.column());
        let error = Diagnostic::error("policy.test", format!("not a list of tests: {error}")).at(span);
        vec![error.help(
            "`cedar run-tests` describes the form: `request`, `entities`, `decision`, `reason`, `num_errors`",
        )]
    })?;
    let (mut tests, mut found) = (Vec::new(), Vec::new());
    for (number, written) in written.into_iter().enumerate() {
        let name = written.name.clone().unwrap_or_else(|| format!("test {}", number + 1));
        match test(written, base) {
            Ok(test) => tests.push(test),
            Err(why) => {
                let span = Span { source: source.clone(), start: 0, end: 0 };
                found.push(Diagnostic::error("policy.test", why).at(span).about(name));
            }
        }
    }
    if found.is_empty() { Ok(tests) } else { Err(found) }
}

fn test(written: Written, base: &Premises) -> Result<RunTest, String> {
    let mut premises = base.clone();
    if let Some(entities) = &written.entities {
        premises.facts.add_entities(entities).map_err(|error| error.to_string())?;
    }
    if premises.facts.is_open() {
        premises.facts.open();
    }
    let Request { principal, action, resource, mut context } = written.request;
    let (_, principal) = uid(&principal)?;
    let actor = premises.facts.actor_or(&principal, Assumed::StandIns).map_err(|error| error.to_string())?;
    let mut scopes = premises.usual_scopes(&principal, &actor)?;
    if let Some(held) = context.remove("scopes") {
        let ids = held.as_array().into_iter().flatten().map(|scope| uid(scope).map(|(_, id)| id));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        let named = premises.scopes(ids.iter().map(String::as_str)).map_err(|error| error.to_string())?;
        scopes = if premises.facts.is_open() { scopes.union(&named) } else { named };
    }
    let (_, action) = uid(&action)?;
    let (kind, id) = uid(&resource)?;
    let resource = format!("{kind}::\"{}\"", id.replace('\\', "\\\\").replace('"', "\\\""));
    let assumed = if premises.facts.is_open() { Assumed::StandIns } else { Assumed::Nothing };
    let posed = Posed::new(&premises.facts, assumed, (&actor, &scopes), &action, &resource, &context);
    let posed = posed.map_err(|error| error.to_string())?;
    premises.facts.declare(posed.tenants());
    let expected = Expected {
        allows: written.decision == Decision::Allow,
        kind: None,
        reasons: written.reason,
        errors: written.num_errors,
    };
    Ok(RunTest { name: written.name, expected, posed, premises: Some(premises) })
}

/// Type and id of a uid, as a text or in JSON.
fn uid(value: &Json) -> Result<(String, String), String> {
    let reference = value.get("__entity").unwrap_or(value);
    let found = match reference {
        Json::String(text) => text.strip_suffix('"').and_then(|text| text.split_once("::\"")),
        other => other.get("type").and_then(Json::as_str).zip(other.get("id").and_then(Json::as_str)),
    };
    let (kind, id) =
        found.ok_or_else(|| format!("`{value}` is no uid, such as `Moonward::Actor::\"acme/user/ada\"`"))?;
    Ok((kind.to_owned(), id.replace("\\\"", "\"").replace("\\\\", "\\")))
}
