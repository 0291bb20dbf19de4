//! One policy: parsed, validated and held against the rules of the place it is in.

use std::sync::Arc;

use cedar_policy::{Effect, Policy, PolicyId, Validator};
use diagnostic::{Diagnostic, Severity, Span, did_you_mean};

use super::literal::Known;
use super::scan::Statement;
use super::validate::{self, in_file};
use super::{Place, confine, lint};
use crate::bundle::Loaded;
use crate::limits::POLICY_ID_BYTES_MAX;

/// What became of a statement.
#[derive(Default)]
pub(super) struct Read {
    pub(super) policy: Option<Loaded>,
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Read {
    /// Something that is probably not meant: a warning, and an error in a guard.
    pub(super) fn doubt(&mut self, found: Diagnostic, place: Place<'_>) {
        match place {
            Place::Guard => self.errors.push(found),
            Place::Scope(_) | Place::Loose => {
                self.warnings.push(Diagnostic { severity: Severity::Warning, ..found })
            }
        }
    }
}

/// Reads one policy. All that is wrong with it is found at once, but what cannot be parsed cannot be validated.
pub(super) fn read(validator: &Validator, statement: Statement, place: Place<'_>, known: &Known<'_>) -> Read {
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
    let place = place.of(policy.effect());
    let mut read = Read::default();
    let id = id_of(&policy, &statement.span, &mut read.errors);
    let policy = policy.new_id(PolicyId::new(id.as_deref().unwrap_or("without an id")));
    check_annotations(&policy, &statement.span, place, &mut read);
    check_effect(&policy, &statement.span, place, &mut read.errors);
    if let Place::Scope(tenant) = place {
        confine::check(&policy, tenant, &statement.span, &mut read.errors);
    }
    validate::check(validator, &policy, &statement.span, place, &mut read);
    for found in lint::check(&policy, &statement.span, place, known) {
        read.doubt(found, place);
    }
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
        (None, _) | (Some("shadow"), Place::Scope(_) | Place::Loose) => {}
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
    if place.effect().is_none_or(|effect| effect == policy.effect()) {
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
