//! Tests as Cedar's own command line takes them: a JSON array, each case with a request and entities of its own.
//!
//! They are decided as the gate would: with the shipped guard, and with entities that are told whole. As there, members that
//! mean nothing are passed over, but for what is only misspelt.

use std::path::{Component, Path};
use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span, did_you_mean};
use policy::DecisionKind;
use policy::study::{Assumed, Posed};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use super::suite::Expected;
use super::vocabulary::KINDS;
use super::{Premises, files};

/// One case, read.
pub(crate) struct RunTest {
    pub(crate) name: Option<String>,
    /// From its first character to its last.
    pub(crate) span: Span,
    pub(crate) expected: Expected,
    pub(crate) posed: Posed,
    /// What is known with its entities, until it is finished.
    pub(crate) premises: Option<Premises>,
}

#[derive(Deserialize)]
#[serde(expecting = "a test with `request`, `entities`, `decision`, `reason` and `num_errors`")]
struct Written {
    name: Option<String>,
    request: Request,
    /// A list, or the path of a file with one.
    #[serde(default)]
    entities: Option<Json>,
    decision: Decision,
    /// The sort of a denial. Ours: Cedar's own has none.
    #[serde(default, deserialize_with = "denial")]
    kind: Option<DecisionKind>,
    #[serde(default)]
    reason: Vec<String>,
    #[serde(default)]
    num_errors: usize,
    #[serde(flatten)]
    others: Map<String, Json>,
}

const MEMBERS: [&str; 7] = ["name", "request", "entities", "decision", "kind", "reason", "num_errors"];

#[derive(Deserialize)]
#[serde(expecting = "a request with `principal`, `action`, `resource` and `context`")]
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

/// The sort of a denial.
fn denial<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DecisionKind>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let kind = DecisionKind::from_text(&text).filter(|kind| *kind != DecisionKind::Allow);
    kind.map(Some).ok_or_else(|| D::Error::unknown_variant(&text, KINDS))
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
    if written.is_empty() {
        let span = Span { source: source.clone(), start: 0, end: 0 };
        return Err(vec![Diagnostic::error("policy.no-tests", "there is no test in this file").at(span)]);
    }
    let places = elements(&source.text);
    let (mut tests, mut found) = (Vec::new(), Vec::new());
    for (number, written) in written.into_iter().enumerate() {
        let name = written.name.clone().unwrap_or_else(|| format!("test {}", number + 1));
        let (start, end) = places.get(number).copied().unwrap_or_default();
        let span = Span { source: source.clone(), start, end };
        match test(written, base, &span) {
            Ok(test) => tests.push(test),
            Err(why) => {
                // A test is many lines: its first is where one looks.
                let span = Span { end: span.start, ..span };
                found.push(Diagnostic::error("policy.test", why).at(span).about(name));
            }
        }
    }
    if found.is_empty() { Ok(tests) } else { Err(found) }
}

/// From where to where each element of a list goes. The text is JSON: that was found before.
fn elements(text: &str) -> Vec<(usize, usize)> {
    let (mut places, mut depth, mut from) = (Vec::new(), 0_usize, None);
    let (mut in_text, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                if depth == 1 {
                    from = Some(at);
                }
                depth += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    places.extend(from.take().map(|from| (from, at + 1)));
                }
            }
            _ => {}
        }
    }
    places
}

fn test(written: Written, base: &Premises, span: &Span) -> Result<RunTest, String> {
    let near = |name: &String| did_you_mean(name, MEMBERS).map(|near| (name.clone(), near));
    if let Some((name, near)) = written.others.keys().find_map(near) {
        return Err(format!("unknown member `{name}`, did you mean `{near}`?"));
    }
    let mut premises = base.clone();
    let entities = match written.entities {
        Some(Json::String(path)) => Some(entities_of(&path, &span.source)?),
        entities => entities,
    };
    if let Some(entities) = &entities {
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
    if written.decision == Decision::Allow && written.kind.is_some() {
        return Err("`kind` is the sort of a denial, and the decision is `allow`".to_owned());
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
        kind: written.kind,
        reasons: written.reason,
        errors: written.num_errors,
    };
    Ok(RunTest { name: written.name, span: span.clone(), expected, posed, premises: Some(premises) })
}

/// The entities of a file that is beside the tests or below them.
fn entities_of(path: &str, tests: &Source) -> Result<Json, String> {
    let leads_out = |part: Component<'_>| !matches!(part, Component::Normal(_) | Component::CurDir);
    if Path::new(path).components().any(leads_out) {
        return Err(format!("the entities in `{path}` are outside the folder of the tests"));
    }
    let file = files::beside(Path::new(&tests.path), path);
    let source = files::read(&file)
        .map_err(|found| found.into_iter().map(|error| error.message).collect::<Vec<_>>().join("; "))?;
    serde_json::from_str(&source.text)
        .map_err(|error| format!("the entities in `{path}` are not JSON: {error}"))
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

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn each_element_of_a_list_has_its_place() {
        let text = r#" [ {"a": [1, {"b": "}]\\\"["}]}, [], {} ] "#;
        let shown: Vec<&str> = elements(text).into_iter().map(|(from, to)| &text[from..to]).collect();
        assert_eq!(shown, [r#"{"a": [1, {"b": "}]\\\"["}]}"#, "[]", "{}"]);
        assert_eq!(elements("[]"), []);
    }
}
