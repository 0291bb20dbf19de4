//! The Cedar schema, rendered from the declarations: `schemas/moonward.cedarschema`.

use std::fmt::Write as _;

use crate::cedar::NAMESPACE;
use crate::permission::{ALL, Spec};
use crate::vocabulary::{BASE, EntityType, Field, FieldType, Group};

/// The schema in Cedar's own syntax. Policies are validated against exactly this text.
pub fn render() -> String {
    let mut text =
        String::from("// Every permission check, one action each. Rendered from the declarations in Rust.\n");
    let _ = writeln!(text, "namespace {NAMESPACE} {{");
    for entity_type in EntityType::ALL {
        entity(&mut text, entity_type);
    }
    text.push_str("  // Groups: used with `in`, never asked for themselves.\n");
    for group in Group::ALL {
        let within = group.parent().map_or(String::new(), |parent| format!(" in [{}]", parent.name()));
        let _ = writeln!(text, "  @doc({})\n  action {}{within};", quoted(group.doc()), group.name());
    }
    for spec in ALL {
        action(&mut text, spec);
    }
    text.push_str("}\n");
    text
}

fn entity(text: &mut String, entity_type: EntityType) {
    let declaration = entity_type.declaration();
    let _ = write!(text, "  @doc({})\n  entity {}", quoted(declaration.doc), entity_type.name());
    if !declaration.parents.is_empty() {
        let parents: Vec<&str> = declaration.parents.iter().map(|parent| parent.name()).collect();
        let _ = write!(text, " in [{}]", parents.join(", "));
    }
    if !declaration.attributes.is_empty() {
        text.push_str(" {\n");
        fields(text, "    ", declaration.attributes);
        text.push_str("  }");
    }
    text.push_str(if declaration.tags { " tags String;\n\n" } else { ";\n\n" });
}

fn action(text: &mut String, spec: &Spec) {
    let _ = write!(
        text,
        "\n  @doc({})\n  action \"{}\" in [{}] appliesTo {{\n    principal: Actor,\n    resource: {},\n    context: {{\n",
        quoted(spec.doc),
        spec.action,
        spec.group.name(),
        spec.resource.name(),
    );
    fields(text, "      ", BASE);
    fields(text, "      ", spec.context);
    text.push_str("    },\n  };\n");
}

fn fields(text: &mut String, indent: &str, fields: &[Field]) {
    for field in fields {
        let mark = if field.required { "" } else { "?" };
        let _ = writeln!(text, "{indent}@doc({})", quoted(field.doc));
        let _ = writeln!(text, "{indent}{}{mark}: {},", field.name, type_text(field.kind));
    }
}

/// A type as schemas and the reference write it.
pub(crate) fn type_text(kind: FieldType) -> String {
    match kind {
        FieldType::Bool => "Bool".to_owned(),
        FieldType::Long => "Long".to_owned(),
        FieldType::String | FieldType::Via => "String".to_owned(),
        FieldType::Strings => "Set<String>".to_owned(),
        FieldType::Entity(entity_type) => entity_type.name().to_owned(),
        FieldType::Entities(entity_type) => format!("Set<{}>", entity_type.name()),
    }
}

/// A Cedar string; our documentation is plain text, so that quotes and backslashes are all there is to escape.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use cedar_policy::Schema;

    #[test]
    fn the_rendered_schema_parses_without_warnings() {
        let (schema, warnings) = Schema::from_cedarschema_str(&super::render()).unwrap();
        assert_eq!(warnings.map(|warning| warning.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
        assert_eq!(schema.request_envs().count(), crate::permission::ALL.len());
    }
}
