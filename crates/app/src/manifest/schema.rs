//! The vocabulary as a JSON Schema, for editors that complete and check while somebody writes.
//!
//! What the reference system has and Moonward only tolerates is in it as deprecated; what is refused is not.

use serde_json::{Map, Value as Json, json};

use super::form::{Form, MODULES};
use super::vocabulary::{ENTRY_KEYS, FILE_KEYS, KINDS, Key, Shape, Standing};
use crate::limits::ITEMS_MAX;

/// The JSON Schema (draft 2020-12) of one manifest, as `schemas/manifest.json` holds it.
pub fn schema_json() -> String {
    let mut file = keys(&[FILE_KEYS]);
    if let Some(Json::Object(properties)) = file.get_mut("properties") {
        properties.insert("entries".into(), entries());
    }
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("Moonward manifest"));
    schema.insert("description".into(), json!("One `*.yaml` of an app: entries under a namespace."));
    schema.append(&mut file);
    format!("{:#}\n", Json::Object(schema))
}

/// A list of entries, each held to the keys of its kind.
fn entries() -> Json {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let kinds: Vec<Json> = KINDS
        .iter()
        .map(|kind| {
            let mut then = keys(&[ENTRY_KEYS, kind.keys]);
            then.insert("description".into(), json!(kind.doc));
            json!({"if": {"properties": {"kind": {"const": kind.name}}, "required": ["kind"]}, "then": then})
        })
        .collect();
    json!({
        "description": "What this file declares.",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name", "kind"],
            "properties": {"kind": {"enum": names, "description": "What is declared."}},
            "allOf": kinds,
        },
    })
}

/// An object with the keys of these tables and no others.
fn keys(tables: &[&[Key]]) -> Map<String, Json> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in tables.iter().copied().flatten() {
        if matches!(key.standing, Standing::Later | Standing::Instead(_)) {
            continue;
        }
        let mut property = shape(&key.shape);
        property.insert("description".into(), json!(key.doc));
        if matches!(key.standing, Standing::Ignored | Standing::ReadAs(_)) {
            property.insert("deprecated".into(), json!(true));
        }
        properties.insert(key.name.into(), Json::Object(property));
        if key.standing == Standing::Required {
            required.push(key.name);
        }
    }
    let mut object = Map::new();
    object.insert("type".into(), json!("object"));
    if !required.is_empty() {
        object.insert("required".into(), json!(required));
    }
    object.insert("properties".into(), Json::Object(properties));
    object.insert("additionalProperties".into(), json!(false));
    object
}

fn shape(shape: &Shape) -> Map<String, Json> {
    let schema = match shape {
        Shape::Text(form) => return text(*form),
        Shape::Keys(table) => return keys(&[table]),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Count { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Shape::Number { min, max } => json!({"type": "number", "minimum": min, "maximum": max}),
        Shape::Duration | Shape::DurationOrNone => json!({"type": "string", "examples": ["10s", "1h 30m"]}),
        Shape::Size { .. } => {
            json!({"type": "string", "pattern": "^[0-9]+(B|[KMGT]iB)$", "examples": ["16MiB"]})
        }
        Shape::Choice(words) => json!({"enum": words}),
        Shape::List { of, min } => json!({
            "type": "array", "items": self::shape(of), "minItems": min, "uniqueItems": true,
        }),
        Shape::Named { key, of } => json!({
            "type": "object", "propertyNames": text(*key), "additionalProperties": self::shape(of),
            "maxProperties": ITEMS_MAX,
        }),
        Shape::Data | Shape::Free => json!({}),
    };
    match schema {
        Json::Object(schema) => schema,
        _ => Map::new(),
    }
}

fn text(form: Form) -> Map<String, Json> {
    let mut schema = Map::new();
    if form == Form::Module {
        schema.insert("enum".into(), json!(MODULES));
        return schema;
    }
    // Text is what is written, so a number or `true` is text too where text is due.
    let types = match form {
        Form::Tag => json!(["string", "number", "boolean"]),
        Form::Version => json!(["string", "number"]),
        _ => json!("string"),
    };
    schema.insert("type".into(), types);
    if let Some(pattern) = form.pattern() {
        schema.insert("pattern".into(), json!(pattern));
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/manifest.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == schema_json(),
            "schemas/manifest.json is out of date: `moonward generate` renders it"
        );
    }

    #[test]
    fn everything_in_it_is_described() {
        fn check(schema: &Json) {
            if let Some(Json::Object(properties)) = schema.get("properties") {
                for (name, property) in properties {
                    assert!(
                        property.get("description").is_some() || property.get("const").is_some(),
                        "{name}"
                    );
                }
            }
            match schema {
                Json::Object(keys) => keys.values().for_each(check),
                Json::Array(items) => items.iter().for_each(check),
                _ => {}
            }
        }
        check(&serde_json::from_str(&schema_json()).unwrap());
    }
}
