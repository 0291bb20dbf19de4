//! A further permit, for a case that a permit nearly matches: the same for this actor and this action alone, but for the clauses
//! that say no. Where one names a value, the further permit names the one that the case has; else it is left out, and the permit
//! is for this resource alone, too.
//!
//! Whether somebody should have it, nothing here knows; whether it loads and allows the case, the engine has to say. An `unless` is
//! somebody's exception and is never left out.

use std::sync::Arc;

use cedar_policy::EvalResult;
use diagnostic::Source;

use super::parts::place;
use super::reads::Chain;
use super::sides::{comparison, contains, mirrored};
use super::weigh::Scale;
use super::{Claim, ClaimForm, Clause, Explained, Outcome, Section};
use crate::cedar::{resource_id, type_name};
use crate::limits::{EXPLAIN_WIDER_CLAUSES_MAX, POLICY_ID_BYTES_MAX};
use crate::literal::{quoted, uid};
use crate::load::Lexeme;
use crate::permission::Subject;
use crate::study::case::Posed;
use crate::vocabulary::EntityType;

/// A permit that somebody could add.
#[derive(Debug, Clone)]
pub struct Wider {
    /// The file that it would be.
    pub source: Arc<Source>,
    /// Its `@id`.
    pub id: String,
    /// Clauses of the permit that it is like which are left out of it, as they are written. Hostile text.
    pub left_out: Vec<String>,
}

impl Explained {
    /// The least further permit for this case, if there is one: not for one that reaches into another tenant, nor where an
    /// `unless` says no.
    pub fn wider(&self, posed: &Posed) -> Option<Wider> {
        let says_no: Vec<&Clause> = self.clauses.iter().filter(|clause| !clause.holds()).collect();
        let may_be_left = |clause: &&Clause| !matches!(clause.section, Section::Unless | Section::Action);
        if self.policy.forbids()
            || says_no.is_empty()
            || says_no.len() > EXPLAIN_WIDER_CLAUSES_MAX
            || !says_no.iter().all(may_be_left)
            || posed.reaches().is_some()
        {
            return None;
        }
        let is_left = |clause: &&Clause| {
            !clause.holds() && clause.section == Section::When && clause.claim.instead().is_none()
        };
        let left_out: Vec<String> =
            self.clauses.iter().filter(is_left).map(|clause| clause.claim.text().to_owned()).collect();
        let head = |section| self.clauses.iter().find(move |clause| clause.section == section);
        // What is left out for one case is not to be left out for others.
        let narrow =
            |clause: Option<&Clause>| !left_out.is_empty() || clause.is_some_and(|clause| !clause.holds());
        let as_written = |clause: Option<&Clause>, open: &str| {
            clause.map_or(open, |clause| clause.claim.text()).to_owned()
        };
        let resource = head(Section::Resource);
        let mut when = Vec::new();
        let resource = match narrow(resource) {
            true => this_resource(posed, &mut when),
            false => as_written(resource, "resource"),
        };
        // It is proposed for one case: others that hold the scope, and other actions of the head, were not asked about.
        let principal = format!("principal == {}", uid(EntityType::Actor, posed.actor.id()));
        let action = format!("action == Moonward::Action::{}", quoted(posed.spec.action));
        for clause in self.clauses.iter().filter(|clause| clause.section == Section::When) {
            match clause.holds() {
                true => when.push(clause.claim.joined()),
                false => when.extend(clause.claim.instead()),
            }
        }
        let kept = POLICY_ID_BYTES_MAX - ".more".len();
        let id = format!("{}.more", self.policy.id.get(..kept).unwrap_or(&self.policy.id));
        let mut text = format!("@id(\"{id}\")\npermit ({principal}, {action}, {resource})");
        if !when.is_empty() {
            text.push_str(&format!("\nwhen {{ {} }}", when.join(" && ")));
        }
        for clause in self.clauses.iter().filter(|clause| clause.section == Section::Unless) {
            text.push_str(&format!("\nunless {{ {} }}", clause.claim.text()));
        }
        text.push_str(";\n");
        let source = Arc::new(Source { path: format!("{id}.cedar"), text });
        let text = crate::format(&source).ok()?;
        Some(Wider { source: Arc::new(Source { path: source.path.clone(), text }), id, left_out })
    }
}

/// What a head says that names this resource; a process goes by what it was started from, since its pid is never used again.
fn this_resource(posed: &Posed, when: &mut Vec<String>) -> String {
    let resource = posed.subject.resource();
    let kind = resource.entity_type();
    if let Subject::Process(process) = &posed.subject {
        when.push("resource.tenant == principal.tenant".to_owned());
        if **process.definition().id() != *"unknown:unknown" {
            let definition = uid(EntityType::Definition, process.definition().id());
            when.push(format!("resource.definition == {definition}"));
        }
        return format!("resource is {}", type_name(kind));
    }
    format!("resource == {}", uid(kind, &resource_id(&resource)))
}

impl Claim {
    /// As it is written.
    fn text(&self) -> &str {
        self.span.source.text.get(self.span.start..self.span.end).unwrap_or_default()
    }

    /// The same, in brackets where it may bind looser than what joins it with others.
    fn joined(&self) -> String {
        let text = self.text();
        if text.contains("||") || text.starts_with("if") { format!("({text})") } else { text.to_owned() }
    }

    /// The same test for the value that the case has.
    fn instead(&self) -> Option<String> {
        match (&self.form, &self.outcome) {
            (ClaimForm::Test { wider, .. }, Outcome::False) => wider.clone(),
            _ => None,
        }
    }
}

/// The same test for the value that the case has: a bound moved as far as needed, or another value named. Nothing where it is no
/// comparison with a written value, or that of a process.
pub(super) fn wider(scale: &Scale<'_>, lexemes: &[Lexeme<'_>]) -> Option<String> {
    let (read, mark) = match (comparison(lexemes), contains(lexemes)) {
        (Some((read, mark, other)), _) if is_read(scale, read) && is_written(scale, other) => (read, mark),
        (Some((other, mark, read)), _) if is_read(scale, read) && is_written(scale, other) => {
            (read, mirrored(mark)?)
        }
        (None, Some((list, read))) if is_read(scale, read) && is_written(scale, list) => (read, "in"),
        _ => return None,
    };
    let written = scale.text(place(read));
    let value = scale.value(written).ok()?;
    let mark = match (mark, &value) {
        ("<" | "<=", EvalResult::Long(_)) => "<=",
        (">" | ">=", EvalResult::Long(_)) => ">=",
        ("==" | "in" | "like", EvalResult::Bool(_) | EvalResult::Long(_) | EvalResult::String(_)) => "==",
        ("==" | "in", EvalResult::EntityUid(uid)) if uid.type_name() != type_name(EntityType::Process) => {
            "=="
        }
        _ => return None,
    };
    let value = match &value {
        EvalResult::String(text) => quoted(text),
        EvalResult::EntityUid(uid) => format!("{}::{}", uid.type_name(), quoted(uid.id().unescaped())),
        other => other.to_string(),
    };
    Some(format!("{written} {mark} {value}"))
}

/// Whether these lexemes are one thing that is read.
fn is_read(scale: &Scale<'_>, lexemes: &[Lexeme<'_>]) -> bool {
    Chain::at(scale, lexemes, 0).is_some_and(|chain| chain.length == lexemes.len() && lexemes.len() > 1)
}

/// Whether nothing is read by these lexemes.
fn is_written(scale: &Scale<'_>, lexemes: &[Lexeme<'_>]) -> bool {
    (0..lexemes.len()).all(|at| Chain::at(scale, lexemes, at).is_none())
}
