//! The reference of permissions, rendered from the declarations: `docs/permissions.md`.

use std::fmt::Write as _;

use crate::permission::{ALL, Recorded, Spec};
use crate::schema::type_text;
use crate::vocabulary::{BASE, EntityType, Field, Group};

/// The page, in Markdown.
pub fn render() -> String {
    let mut text = String::from(OPENING);
    text.push_str("## Permissions\n\n| Permission | Group | Resource | Asked by |\n|---|---|---|---|\n");
    for spec in ALL {
        let asked_by: Vec<String> = spec.asked_by.iter().map(|name| format!("`{name}`")).collect();
        let asked_by = if asked_by.is_empty() { "nothing yet".to_owned() } else { asked_by.join(", ") };
        let _ = writeln!(
            text,
            "| [`{}`](#{}) | `{}` | `{}` | {} |",
            spec.action,
            spec.action.replace('.', ""),
            spec.group.name(),
            spec.resource.name(),
            asked_by,
        );
    }
    ALL.iter().for_each(|spec| permission(&mut text, spec));
    text.push_str("\n## What every check carries\n\n");
    fields(&mut text, "context", BASE);
    text.push_str("\n## Groups\n\nUsed with `in`; `==` on a group never matches.\n\n| Group | Part of | Meaning |\n|---|---|---|\n");
    for group in Group::ALL {
        let parent = group.parent().map_or(String::new(), |parent| format!("`{}`", parent.name()));
        let _ = writeln!(text, "| `{}` | {parent} | {} |", group.name(), group.doc());
    }
    text.push_str("\n## Entities\n");
    EntityType::ALL.into_iter().for_each(|entity_type| entity(&mut text, entity_type));
    text
}

const OPENING: &str = "# Permissions

What can be asked before something happens, and what policies can read of it. Rendered from the declarations in
Rust by `moonward generate`; the same declarations are `schemas/moonward.cedarschema`.

Every name is in Cedar's namespace `Moonward`: an action is written `Moonward::Action::\"process.send\"`, a type
`Moonward::Process`. A denial is always recorded. Where an allow is recorded, too, the action is sensitive: nothing happens
before the record is on the disk.

";

fn permission(text: &mut String, spec: &Spec) {
    let _ = write!(text, "\n### {}\n\n{}\n", spec.action, spec.doc);
    match spec.recorded {
        Recorded::Asked => {}
        Recorded::Always => text.push_str("\nAn allow is recorded, too.\n"),
        Recorded::With(field) => {
            let _ = writeln!(text, "\nAn allow with `{field}` is recorded, too.");
        }
    }
    if !spec.context.is_empty() {
        text.push('\n');
        fields(text, "context", spec.context);
    }
}

fn entity(text: &mut String, entity_type: EntityType) {
    let declaration = entity_type.declaration();
    let _ = write!(text, "\n### {}\n\n{}\n", entity_type.name(), declaration.doc);
    if !declaration.parents.is_empty() {
        let parents: Vec<String> =
            declaration.parents.iter().map(|parent| format!("`{}`", parent.name())).collect();
        let _ = writeln!(text, "\nCan be `in` a {}.", parents.join(" or "));
    }
    if !declaration.attributes.is_empty() {
        text.push('\n');
        fields(text, "attribute", declaration.attributes);
    }
}

fn fields(text: &mut String, heading: &str, fields: &[Field]) {
    let _ = writeln!(text, "| {heading} | Type | Meaning |\n|---|---|---|");
    for field in fields {
        let mark = if field.required { "" } else { "?" };
        let _ = writeln!(text, "| `{}{mark}` | `{}` | {} |", field.name, type_text(field.kind), field.doc);
    }
}
