//! The JSON Schema of a line, rendered from the types that write it: `schemas/audit-record.json`.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use crate::record::Record;

/// The JSON Schema (draft 2020-12) of one line, as text that ends in a line break. `required` lists what is
/// always there; what is not, is absent when there is nothing to say, and never `null`.
pub fn schema_json() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Record<'static>>();
    RecursiveTransform(without_null as fn(&mut Schema)).transform(&mut schema);
    RecursiveTransform(in_one_line as fn(&mut Schema)).transform(&mut schema);
    format!("{:#}\n", schema.as_value())
}

/// The derived schema allows `null` wherever the type is optional; the writer leaves such members out.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|one| one != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(options)) = schema.get_mut("anyOf") {
        options.retain(|option| option.get("type").is_none_or(|one| one != "null"));
        if let [Value::Object(one)] = options.as_slice() {
            let one = one.clone();
            schema.remove("anyOf");
            schema.ensure_object().extend(one);
        }
    }
}

/// Where the source breaks a comment into lines is nobody else's business.
fn in_one_line(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
}
