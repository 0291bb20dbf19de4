//! Cedar's strict validation, in our words: each finding with a code of its own, its place in the file and what was
//! most likely meant.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Policy, PolicySet, ValidationError, ValidationMode, ValidationWarning, Validator,
};
use diagnostic::{Diagnostic, Span, did_you_mean};

use super::Place;
use super::policy::Read;
use crate::cedar::ACTIONS;
use crate::limits::{CEDAR_MESSAGE_CHARS_MAX, ENTITY_LEVEL_MAX};
use crate::permission::{ALL, Spec};
use crate::vocabulary::{BASE, EntityType, Field, Group};

/// Strict validation, and that no policy looks through more entities than a check supplies.
pub(super) fn check(validator: &Validator, policy: &Policy, span: &Span, place: Place<'_>, read: &mut Read) {
    let mut alone = PolicySet::new();
    if let Err(error) = alone.add(policy.clone()) {
        read.errors.push(Diagnostic::error("policy.invalid", error.to_string()).at(span.clone()));
        return;
    }
    let result = validator.validate_with_level(&alone, ValidationMode::Strict, ENTITY_LEVEL_MAX);
    let mut errors: Vec<_> = result.validation_errors().map(|error| said(error, policy, span)).collect();
    // Cedar checks a policy once for each action and type that it could be asked about, in no order.
    errors.sort_by(|one, other| (place_of(one), &one.message).cmp(&(place_of(other), &other.message)));
    errors.dedup_by(|one, other| place_of(one) == place_of(other) && one.message == other.message);
    let mut errors = once_for_all_actions(once_for_all_types(errors));
    if !errors.is_empty() {
        // Cedar's warnings about a policy that is wrong (it never matches, ...) only follow from the errors.
        read.errors.append(&mut errors);
        return;
    }
    let is_unfit = |warning: &ValidationWarning| code_of(warning) == "policy.action-unfit";
    let unfit = result.validation_warnings().any(is_unfit);
    // That a policy whose action does not fit never matches only follows from it.
    let follows = |warning: &ValidationWarning| unfit && code_of(warning) == "policy.impossible";
    for warning in result.validation_warnings().filter(|warning| !follows(warning)) {
        let mut found = in_file(code_of(warning), &warning.into(), span);
        if found.code == "policy.impossible" {
            "this policy never matches: head and conditions are false together, whatever is asked"
                .clone_into(&mut found.message);
            found.help =
                Some("a condition does not go with the action, or with a type of the head".to_owned());
        }
        match found.code {
            "policy.bidirectional" => read.errors.push(found),
            _ => read.doubt(found, place),
        }
    }
}

/// An attribute that many types lack is told once, with all of them.
fn once_for_all_types(errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<(Diagnostic, Vec<String>)> = Vec::new();
    for error in errors {
        let Some((before, name, after)) = around_type(&error.message) else {
            kept.push((error, Vec::new()));
            continue;
        };
        let is_same = |last: &Diagnostic| {
            let (place, code) = (place_of(last) == place_of(&error), last.code == error.code);
            let said = around_type(&last.message).is_some_and(|last| (last.0, last.2) == (before, after));
            place && code && said
        };
        match kept.last_mut() {
            Some((last, names)) if is_same(last) => {
                names.push(name.to_owned());
                last.help = last.help.take().or(error.help);
            }
            _ => {
                let names = vec![name.to_owned()];
                kept.push((error, names));
            }
        }
    }
    kept.into_iter().map(|(error, names)| of_types(error, &names)).collect()
}

/// An error of several types in one sentence.
fn of_types(error: Diagnostic, names: &[String]) -> Diagnostic {
    let ([first @ .., last], Some((before, _, after))) = (names, around_type(&error.message)) else {
        return error;
    };
    if first.is_empty() {
        return error;
    }
    let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("{before} on entity types {} and `{last}`{after}", first.join(", "));
    let help = error.help.clone().or_else(|| {
        let has_it = with_attribute(before.split('`').nth(1)?)?;
        Some(format!("test for a type that has it before, such as `resource is Moonward::{}`", has_it.name()))
    });
    Diagnostic { message, help, ..error }
}

/// What a message says before a type, the type, and what it says after it.
fn around_type(message: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = message.split_once(" on entity type `")?;
    let (name, after) = rest.split_once('`')?;
    Some((before, name, after))
}

/// The first type of resource that always has this attribute.
fn with_attribute(attribute: &str) -> Option<EntityType> {
    let has_it = |kind: EntityType| {
        kind.declaration().attributes.iter().any(|field| field.name == attribute && field.required)
    };
    ALL.iter().map(|spec| spec.resource).find(|kind| has_it(*kind))
}

/// A field that many actions lack is told once, with how many they are.
fn once_for_all_actions(errors: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let is_field = |error: &Diagnostic| {
        ["policy.attribute-unknown", "policy.attribute-optional"].contains(&error.code)
            && error.message.contains("in context for")
    };
    let mut kept: Vec<(Diagnostic, usize)> = Vec::new();
    for error in errors {
        match kept.last_mut() {
            Some((last, more))
                if is_field(last) && is_field(&error) && place_of(last) == place_of(&error) =>
            {
                *more += 1;
            }
            _ => kept.push((error, 0)),
        }
    }
    let told = |(mut error, more): (Diagnostic, usize)| {
        if more > 0 {
            error.message.push_str(&format!(", nor in that of {more} more actions that the policy is about"));
        }
        error
    };
    kept.into_iter().map(told).collect()
}

fn said(error: &ValidationError, policy: &Policy, span: &Span) -> Diagnostic {
    let code = match error {
        ValidationError::UnrecognizedActionId(_) => "policy.action-unknown",
        ValidationError::UnrecognizedEntityType(_) => "policy.type-unknown",
        ValidationError::UnsafeAttributeAccess(_) => "policy.attribute-unknown",
        ValidationError::UnsafeOptionalAttributeAccess(_) => "policy.attribute-optional",
        ValidationError::EntityDerefLevelViolation(_) => "policy.level",
        ValidationError::InvalidActionApplication(_) => "policy.action-unfit",
        _ => "policy.invalid",
    };
    let mut found = in_file(code, &error.into(), span);
    if code == "policy.level" && found.message.contains("literal") {
        found.code = "policy.entity-literal";
    }
    // What Cedar proposes is not by how a name is written (`spawn` for `process.sent`), and differs from run to run.
    let near = match code {
        "policy.action-unknown" => {
            nearest_action(policy).map(|action| format!("Moonward::Action::\"{action}\""))
        }
        "policy.type-unknown" => nearest_type(&found.message),
        "policy.attribute-unknown" => match of_other_actions(&found.message) {
            Some(help) => return Diagnostic { help: Some(help), ..found },
            None => nearest_attribute(&found.message).map(str::to_owned),
        },
        _ => return found,
    };
    let help = near.map(|near| format!("did you mean `{near}`?"));
    Diagnostic { help, ..found }
}

fn code_of(warning: &ValidationWarning) -> &'static str {
    match warning {
        ValidationWarning::MixedScriptString(_) | ValidationWarning::MixedScriptIdentifier(_) => {
            "policy.mixed-script"
        }
        ValidationWarning::BidiCharsInString(_) | ValidationWarning::BidiCharsInIdentifier(_) => {
            "policy.bidirectional"
        }
        ValidationWarning::ConfusableIdentifier(_) => "policy.confusable",
        ValidationWarning::InvalidActionApplication(_) => "policy.action-unfit",
        ValidationWarning::ImpossiblePolicy(_) => "policy.impossible",
        _ => "policy.warning",
    }
}

/// The action that a policy with an unknown one in its head most likely means. Cedar proposes one too, but not by
/// how a name is written: `spawn` for `process.sent`.
fn nearest_action(policy: &Policy) -> Option<&'static str> {
    let named = match policy.action_constraint() {
        ActionConstraint::Any => Vec::new(),
        ActionConstraint::In(actions) => actions,
        ActionConstraint::Eq(action) => vec![action],
    };
    let unknown = named.into_iter().find(|action| ACTIONS.get(action).is_none())?;
    let groups = Group::ALL.into_iter().map(Group::name);
    did_you_mean(unknown.id().unescaped(), ALL.iter().map(|spec| spec.action).chain(groups))
}

/// The type of entity that an unknown one, named in a message, most likely means.
fn nearest_type(message: &str) -> Option<String> {
    let unknown = message.split('`').nth(1)?.rsplit("::").next()?;
    let types = EntityType::ALL.map(EntityType::name);
    did_you_mean(unknown, types).map(|near| format!("Moonward::{near}"))
}

/// What to do about a field of the context that other actions have.
fn of_other_actions(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    if quoted.any(|word| word.starts_with("Moonward::")) {
        return None;
    }
    let has_it = |spec: &Spec| spec.context.iter().any(|field| field.name == unknown);
    let actions = ALL.iter().filter(|spec| has_it(spec));
    let actions: Vec<String> = actions.map(|spec| format!("`{}`", spec.action)).collect();
    let named = actions.get(..ACTIONS_NAMED).unwrap_or(&actions).join(", ");
    let more = match actions.len().saturating_sub(ACTIONS_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!actions.is_empty()).then(|| {
        format!(
            "it is there for {named}{more} alone: name these in the head, or begin with `context has {unknown} &&`"
        )
    })
}

/// Actions that are named as those that have a field.
const ACTIONS_NAMED: usize = 3;

/// The attribute that an unknown one, named in a message before its type, most likely means.
fn nearest_attribute(message: &str) -> Option<&'static str> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    let of_type = quoted.find_map(|word| {
        let name = word.strip_prefix("Moonward::")?;
        EntityType::ALL.into_iter().find(|entity_type| entity_type.name() == name)
    });
    let fields: Vec<&'static Field> = match of_type {
        Some(entity_type) => entity_type.declaration().attributes.iter().collect(),
        None => BASE.iter().chain(ALL.iter().flat_map(|spec| spec.context)).collect(),
    };
    did_you_mean(unknown, fields.into_iter().map(|field| field.name))
}

fn place_of(diagnostic: &Diagnostic) -> Option<(usize, usize)> {
    diagnostic.span.as_ref().map(|span| (span.start, span.end))
}

/// What Cedar found, at its place in the file.
pub(crate) fn in_file(code: &'static str, error: &DetailedError, statement: &Span) -> Diagnostic {
    let label = error.source_locations.first();
    let span = label.map_or(statement.clone(), |label| Span {
        source: statement.source.clone(),
        start: (statement.start + label.loc.start).min(statement.end),
        end: (statement.start + label.loc.end).min(statement.end),
    });
    let said =
        label.and_then(|label| label.label.as_ref()).map_or(String::new(), |label| format!(": {label}"));
    // The policy is named by the diagnostic.
    let message = error.message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, "));
    let message = message.map_or(error.message.as_str(), |(_, message)| message);
    let message: String = format!("{message}{said}").chars().take(CEDAR_MESSAGE_CHARS_MAX).collect();
    let diagnostic = Diagnostic::error(code, message).at(span);
    match &error.help {
        Some(help) => diagnostic.help(help.as_str()),
        None => diagnostic,
    }
}
