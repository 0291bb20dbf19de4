//! A question in words: the name of an action, a resource and fields by their names, held against the declaration
//! of the permission before anything is decided.
//!
//! Who asks, and what the answer is good for, is not known here.

use diagnostic::visible;
use value::Failure;

use crate::permission::{self, ALL, Datum, Fields, Spec, Via};
use crate::schema::type_text;
use crate::vocabulary::{EntityType, Field, FieldType};

/// A question that has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// No permission has that name.
    #[error("no such action: `{}`{}", visible(.action), did_you_mean(.action))]
    UnknownAction {
        /// The name as given.
        action: String,
    },
    /// The action is about another type of resource.
    #[error("`{action}` is about a {wanted}, not a {given}")]
    ResourceType {
        /// The action.
        action: &'static str,
        /// The type it is about.
        wanted: &'static str,
        /// The type given.
        given: &'static str,
    },
    /// The action's context has no such field, or the host alone sets it.
    #[error("`{action}` has no field `{}`{}", visible(.field), has_fields(.action, .field))]
    UnknownField {
        /// The action.
        action: &'static str,
        /// The field as given.
        field: String,
    },
    /// A field of another type.
    #[error("field `{field}` of `{action}` must be a {wanted}")]
    FieldType {
        /// The action.
        action: &'static str,
        /// The field.
        field: &'static str,
        /// The type it has.
        wanted: String,
    },
    /// A field that has no value to stand for it was not given.
    #[error("`{action}` needs the field `{field}`")]
    MissingField {
        /// The action.
        action: &'static str,
        /// The field.
        field: &'static str,
    },
}

impl From<InvalidQuestion> for Failure {
    fn from(question: InvalidQuestion) -> Self {
        Self::invalid(question.to_string())
    }
}

/// The permission that is asked for, and its context with every required field in it. A declared field that is
/// not given is false, 0, empty or absent; `via` is `spawn`.
///
/// # Errors
/// [`InvalidQuestion`]: what is asked does not fit any permission.
pub(crate) fn pose<'a>(
    action: &str,
    resource: EntityType,
    fields: &[(&str, Datum<'a>)],
) -> Result<(&'static Spec, Fields<'a>), InvalidQuestion> {
    let spec = spec(action)?;
    if resource != spec.resource {
        let (wanted, given) = (spec.resource.name(), resource.name());
        return Err(InvalidQuestion::ResourceType { action: spec.action, wanted, given });
    }
    Ok((spec, context(spec, fields)?))
}

/// The permission of that name.
///
/// # Errors
/// There is none.
pub(crate) fn spec(action: &str) -> Result<&'static Spec, InvalidQuestion> {
    permission::find(action).ok_or_else(|| InvalidQuestion::UnknownAction { action: action.to_owned() })
}

/// The context with every required field in it.
fn context<'a>(spec: &'static Spec, fields: &[(&str, Datum<'a>)]) -> Result<Fields<'a>, InvalidQuestion> {
    let action = spec.action;
    let declared = |name: &str| spec.context.iter().any(|declared| declared.name == name);
    if let Some((unknown, _)) = fields.iter().find(|(name, _)| !declared(name)) {
        return Err(InvalidQuestion::UnknownField { action, field: (*unknown).to_owned() });
    }
    let mut context = Fields::none();
    for declared in spec.context {
        let field = declared.name;
        let given = fields.iter().find(|(name, _)| *name == field).map(|(_, datum)| *datum);
        let datum = match given {
            Some(datum) if fits(declared, &datum) => datum,
            Some(_) => {
                return Err(InvalidQuestion::FieldType { action, field, wanted: type_text(declared.kind) });
            }
            None if !declared.required => continue,
            None => unsaid(declared).ok_or(InvalidQuestion::MissingField { action, field })?,
        };
        context = context.with(field, datum);
    }
    Ok(context)
}

fn fits(declared: &Field, datum: &Datum<'_>) -> bool {
    matches!(
        (declared.kind, datum),
        (FieldType::Bool, Datum::Bool(_))
            | (FieldType::Long, Datum::Long(_))
            | (FieldType::String | FieldType::Via, Datum::String(_))
            | (FieldType::Via, Datum::Via(_))
            | (FieldType::Strings, Datum::Strings(_))
            | (FieldType::Entity(EntityType::Host), Datum::Host(_))
            | (FieldType::Entity(EntityType::Process), Datum::Process(_))
            | (FieldType::Entity(EntityType::Actor), Datum::Actor(_))
            | (FieldType::Entity(EntityType::Scope), Datum::Scope(_))
    )
}

/// What stands for a field that is not given.
pub(crate) fn unsaid<'a>(declared: &Field) -> Option<Datum<'a>> {
    match declared.kind {
        FieldType::Bool => Some(Datum::Bool(false)),
        FieldType::Long => Some(Datum::Long(0)),
        FieldType::String => Some(Datum::String("")),
        FieldType::Via => Some(Datum::Via(Via::Spawn)),
        FieldType::Strings => Some(Datum::Strings(&[])),
        FieldType::Entity(_) | FieldType::Entities(_) => None,
    }
}

fn did_you_mean(action: &str) -> String {
    let near = diagnostic::did_you_mean(action, ALL.iter().map(|spec| spec.action));
    near.map_or(String::new(), |near| format!("; did you mean `{near}`?"))
}

fn has_fields(action: &str, given: &str) -> String {
    let fields = permission::find(action).map_or(&[][..], |spec| spec.context);
    let names: Vec<String> = fields.iter().map(|field| format!("`{}`", field.name)).collect();
    match diagnostic::did_you_mean(given, fields.iter().map(|field| field.name)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None if names.is_empty() => "; it takes none".to_owned(),
        None => format!("; it has {}", names.join(", ")),
    }
}
