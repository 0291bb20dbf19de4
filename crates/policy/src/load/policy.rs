//! One policy: parsed, validated and held against the rules of the place it is in.

use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    ActionConstraint, Effect, Policy, PolicyId, PolicySet, ValidationError, ValidationMode, Validator,
};
use diagnostic::{Diagnostic, Severity, Span, did_you_mean};

use super::scan::Statement;
use super::{Place, confine};
use crate::bundle::Loaded;
use crate::cedar::ACTIONS;
use crate::limits::{CEDAR_MESSAGE_CHARS_MAX, ENTITY_LEVEL_MAX, POLICY_ID_BYTES_MAX};
use crate::permission::ALL;
use crate::vocabulary::{EntityType, Group};

/// What became of a statement.
#[derive(Default)]
pub(super) struct Read {
    pub(super) policy: Option<Loaded>,
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Read {
    /// Something that is probably not meant: a warning, and an error in a guard.
    fn doubt(&mut self, found: Diagnostic, place: Place<'_>) {
        match place {
            Place::Guard => self.errors.push(found),
            Place::Scope(_) => self.warnings.push(Diagnostic { severity: Severity::Warning, ..found }),
        }
    }
}

/// Reads one policy. All that is wrong with it is found at once, but what cannot be parsed cannot be validated.
pub(super) fn read(validator: &Validator, statement: Statement, place: Place<'_>) -> Read {
    if let Some(slot) = statement.slot {
        let error = Diagnostic::error("policy.template", "templates are not supported").at(slot);
        return Read { errors: vec![error.help("name the principal or resource itself")], ..Read::default() };
    }
    let policy = match Policy::parse(None, statement.text()) {
        Ok(policy) => policy,
        Err(failed) => {
            let errors = failed.iter().map(|error| in_file("policy.syntax", &error.into(), &statement.span));
            return Read { errors: errors.collect(), ..Read::default() };
        }
    };
    let mut read = Read::default();
    let id = id_of(&policy, &statement.span, &mut read.errors);
    let policy = policy.new_id(PolicyId::new(id.as_deref().unwrap_or("without an id")));
    check_annotations(&policy, &statement.span, place, &mut read);
    check_effect(&policy, &statement.span, place, &mut read.errors);
    if let Place::Scope(tenant) = place {
        confine::check(&policy, tenant, &statement.span, &mut read.errors);
    }
    validate(validator, &policy, &statement.span, place, &mut read);
    let subject = |diagnostic: Diagnostic| match &id {
        Some(id) => diagnostic.about(&**id),
        None => diagnostic,
    };
    read.errors = read.errors.into_iter().map(subject).collect();
    read.warnings = read.warnings.into_iter().map(subject).collect();
    if let (true, Some(id)) = (read.errors.is_empty(), id) {
        let (line, column) = statement.span.position();
        let bounded = |number| u32::try_from(number).unwrap_or(u32::MAX);
        read.policy = Some(Loaded {
            id,
            file: statement.span.source.path.as_str().into(),
            line: bounded(line),
            column: bounded(column),
            audited: policy.annotation("audit").is_some(),
            shadow: policy.annotation("mode") == Some("shadow"),
            policy,
            span: statement.span,
        });
    }
    read
}

fn id_of(policy: &Policy, span: &Span, errors: &mut Vec<Diagnostic>) -> Option<Arc<str>> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match policy.annotation("id") {
        None | Some("") => {
            let error = Diagnostic::error("policy.id-missing", "this policy has no `@id`").at(span.clone());
            errors.push(error.help("write `@id(\"...\")` before it: records name it by that"));
            None
        }
        Some(id) if id.len() <= POLICY_ID_BYTES_MAX && id.bytes().all(allowed) => Some(id.into()),
        Some(id) => {
            let message =
                format!("the id `{id}` is not 1 to {POLICY_ID_BYTES_MAX} letters, digits, `.`, `_` and `-`");
            errors.push(Diagnostic::error("policy.id-invalid", message).at(span.clone()));
            None
        }
    }
}

/// The annotations that mean something here, or are for people.
const ANNOTATIONS: [&str; 6] = ["id", "owner", "advice", "severity", "audit", "mode"];

fn check_annotations(policy: &Policy, span: &Span, place: Place<'_>, read: &mut Read) {
    for (name, _) in policy.annotations().filter(|(name, _)| !ANNOTATIONS.contains(name)) {
        let near = did_you_mean(&name.to_ascii_lowercase(), ANNOTATIONS);
        let help = match near {
            Some(near) => format!("did you mean `@{near}`?"),
            None => format!("it changes nothing; there are `@{}`", ANNOTATIONS.join("`, `@")),
        };
        let message = format!("unknown annotation `@{name}`");
        read.doubt(
            Diagnostic::error("policy.annotation-unknown", message).at(span.clone()).help(help),
            place,
        );
    }
    let errors = &mut read.errors;
    if let Some(value) = policy.annotation("audit")
        && value != "always"
    {
        let error = Diagnostic::error("policy.audit-unknown", format!("unknown `@audit(\"{value}\")`"));
        errors.push(error.at(span.clone()).help("write `@audit(\"always\")`, or leave it out"));
    }
    match (policy.annotation("mode"), place) {
        (None, _) | (Some("shadow"), Place::Scope(_)) => {}
        (Some("shadow"), Place::Guard) => {
            let message = "this guard is in shadow: what it would deny is recorded, and not denied";
            let warning = Diagnostic::warning("policy.guard-in-shadow", message).at(span.clone());
            read.warnings.push(warning.help("take `@mode(\"shadow\")` away to enforce it"));
        }
        (Some(mode), _) => {
            let error = Diagnostic::error("policy.mode-unknown", format!("unknown `@mode(\"{mode}\")`"));
            let help = "write `@mode(\"shadow\")` to have recorded what it would change, or leave it out to enforce it";
            errors.push(error.at(span.clone()).help(help));
        }
    }
}

fn check_effect(policy: &Policy, span: &Span, place: Place<'_>, errors: &mut Vec<Diagnostic>) {
    if policy.effect() == place.effect() {
        return;
    }
    let (code, message, help) = match policy.effect() {
        Effect::Forbid => (
            "policy.forbid-in-scope",
            "a scope holds permits only",
            "put this `forbid` into a guard (`always: true`), where it holds whatever the scopes",
        ),
        Effect::Permit => (
            "policy.permit-in-guard",
            "a guard holds forbids only",
            "put this `permit` into a scope (`kind: security.scope`)",
        ),
    };
    errors.push(Diagnostic::error(code, message).at(span.clone()).help(help));
}

/// Strict validation, and that no policy looks through more entities than a check supplies.
fn validate(validator: &Validator, policy: &Policy, span: &Span, place: Place<'_>, read: &mut Read) {
    let mut alone = PolicySet::new();
    if let Err(error) = alone.add(policy.clone()) {
        read.errors.push(Diagnostic::error("policy.invalid", error.to_string()).at(span.clone()));
        return;
    }
    let result = validator.validate_with_level(&alone, ValidationMode::Strict, ENTITY_LEVEL_MAX);
    let mut errors: Vec<_> = result
        .validation_errors()
        .map(|error| {
            let found = in_file("policy.invalid", &error.into(), span);
            // What Cedar proposes is not by how a name is written (`spawn` for `process.sent`), and differs from run
            // to run.
            let near = match error {
                ValidationError::UnrecognizedActionId(_) => {
                    nearest_action(policy).map(|action| format!("Moonward::Action::\"{action}\""))
                }
                ValidationError::UnrecognizedEntityType(_) => nearest_type(&found.message),
                _ => return found,
            };
            let help = near.map(|near| format!("did you mean `{near}`?"));
            Diagnostic { help, ..found }
        })
        .collect();
    // Cedar checks a policy once for each action and type that it could be asked about, in no order.
    errors.sort_by(|one, other| (place_of(one), &one.message).cmp(&(place_of(other), &other.message)));
    errors.dedup_by(|one, other| place_of(one) == place_of(other) && one.message == other.message);
    if !errors.is_empty() {
        // Cedar's warnings about a policy that is wrong (it never matches, ...) only follow from the errors.
        read.errors.extend(errors);
        return;
    }
    for warning in result.validation_warnings() {
        read.doubt(in_file("policy.warning", &warning.into(), span), place);
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

fn place_of(diagnostic: &Diagnostic) -> Option<(usize, usize)> {
    diagnostic.span.as_ref().map(|span| (span.start, span.end))
}

/// What Cedar found, at its place in the file.
fn in_file(code: &'static str, error: &DetailedError, statement: &Span) -> Diagnostic {
    let label = error.source_locations.first();
    let span = label.map_or(statement.clone(), |label| Span {
        source: statement.source.clone(),
        start: (statement.start + label.loc.start).min(statement.end),
        end: (statement.start + label.loc.end).min(statement.end),
    });
    let said =
        label.and_then(|label| label.label.as_ref()).map_or(String::new(), |label| format!(": {label}"));
    let message: String = format!("{}{said}", error.message).chars().take(CEDAR_MESSAGE_CHARS_MAX).collect();
    let diagnostic = Diagnostic::error(code, message).at(span);
    match &error.help {
        Some(help) => diagnostic.help(help.as_str()),
        None => diagnostic,
    }
}
