//! A verdict as it is shown: one sentence, the policies that determined it with their lines, and the next step;
//! and the same as JSON, whose members are those of the types here.

use std::fmt::Write as _;

use diagnostic::{Span, marked_lines, visible};
use policy::DecisionKind;
use policy::study::{Case, PolicyView, Sitting, Verdict};
use serde::Serialize;

use crate::shell;

/// Lines of one policy that are shown; the rest is in the file.
const LINES_MAX: usize = 20;

/// Characters of a clause that stands in a line with other words.
pub(super) const CLAUSE_CHARACTERS_MAX: usize = 80;

/// What is said of a denial by the guard.
pub(super) const GUARD_HOLDS: &str = "a forbid of the guard holds whatever permits there are";

/// What is said of a policy in shadow, where policies are listed.
pub(super) const IN_SHADOW: &str = " (in shadow)";

/// A decided case.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// `allow` or `deny`.
    decision: &'static str,
    /// The sort of the answer: `allow`, `deny_forbid`, `deny_default` or `deny_error`.
    decision_kind: DecisionKind,
    /// Who asks.
    actor: String,
    /// The permission.
    action: String,
    /// What it is asked on: type and id.
    resource: Thing,
    /// The scopes held, ordered by id.
    scopes: Vec<String>,
    /// The policies that determined the answer, ordered by id.
    policies: Vec<Policy>,
    /// What failed, as the engine words it.
    errors: Vec<String>,
    /// The policies that failed, ordered by id.
    failed: Vec<Policy>,
    /// What the answer would be with the policies in shadow enforced, when that is of another sort.
    #[serde(skip_serializing_if = "Option::is_none")]
    shadow: Option<Shadow>,
    /// Of a default deny: the permits that were looked at and did not match.
    considered: Vec<Policy>,
    /// Of a default deny: the permits in shadow whose heads let them match. They decide nothing.
    in_shadow: Vec<Policy>,
    /// What nobody said and was taken to be so.
    assumed: Vec<String>,
    #[serde(skip)]
    shown: Vec<PolicyView>,
}

/// A type and an id.
#[derive(Debug, Serialize)]
struct Thing {
    /// The type, without its namespace.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The id, as people write it.
    id: String,
}

/// An answer as it would be with the policies in shadow enforced.
#[derive(Debug, Serialize)]
struct Shadow {
    /// The sort of the answer.
    decision_kind: DecisionKind,
    /// The policies that would determine it, ordered by id.
    policies: Vec<Policy>,
    /// What fails, as the engine words it.
    errors: Vec<String>,
}

/// A policy, and where it is written.
#[derive(Debug, Serialize)]
pub(super) struct Policy {
    /// Its `@id`.
    id: String,
    /// `permit` or `forbid`.
    effect: &'static str,
    /// The scope that it is in; `guard` for the guard.
    place: String,
    /// The file.
    file: String,
    /// Line of its first character, from 1.
    line: usize,
    /// Column of it, from 1.
    column: usize,
    /// Its text.
    text: String,
    /// Its `@advice`.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// Its `@severity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<String>,
    /// `shadow` for one in shadow.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<&'static str>,
    /// For people: its id, where it applies and where it is written.
    #[serde(skip)]
    placed: String,
}

impl Policy {
    pub(super) fn of(view: &PolicyView) -> Self {
        let (line, column) = view.span.position();
        Self {
            id: view.id.to_string(),
            effect: if view.forbids() { "forbid" } else { "permit" },
            place: view.place.to_string(),
            file: view.span.source.path.clone(),
            line,
            column,
            text: text(&view.span).to_owned(),
            advice: view.advice.as_deref().map(str::to_owned),
            severity: view.severity.as_deref().map(str::to_owned),
            mode: view.shadow.then_some("shadow"),
            placed: view.placed(),
        }
    }
}

impl Answer {
    /// Decides a case.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn of(
        sitting: &mut Sitting<'_>,
        case: &Case<'_>,
        verdict: Verdict,
        assumed: &[String],
    ) -> Result<Self, policy::InvalidQuestion> {
        let mut considered = Vec::new();
        if verdict.kind == DecisionKind::DenyDefault {
            considered = sitting.considered(case)?;
            considered.retain(|policy| !policy.forbids());
        }
        let (in_shadow, considered): (Vec<_>, Vec<_>) =
            considered.into_iter().partition(|policy| policy.shadow);
        Ok(Self {
            decision: if verdict.allows() { "allow" } else { "deny" },
            decision_kind: verdict.kind,
            actor: case.actor.id().to_string(),
            action: case.action.to_owned(),
            resource: Thing { kind: case.resource.entity_type().name(), id: case.resource.text().to_owned() },
            scopes: case.scopes.ids().map(str::to_owned).collect(),
            policies: verdict.policies.iter().map(Policy::of).collect(),
            errors: verdict.errors.iter().map(|error| error.to_string()).collect(),
            failed: verdict.failed.iter().map(Policy::of).collect(),
            shadow: verdict.shadow.map(|would| Shadow {
                decision_kind: would.kind,
                policies: would.policies.iter().map(Policy::of).collect(),
                errors: would.errors.iter().map(|error| error.to_string()).collect(),
            }),
            considered: considered.iter().map(Policy::of).collect(),
            in_shadow: in_shadow.iter().map(Policy::of).collect(),
            assumed: assumed.to_vec(),
            shown: verdict.policies.into_iter().chain(verdict.failed).collect(),
        })
    }

    /// Whether it may happen.
    pub(super) fn allows(&self) -> bool {
        self.decision_kind == DecisionKind::Allow
    }

    /// The sort of the answer.
    pub(super) fn kind(&self) -> DecisionKind {
        self.decision_kind
    }

    /// For people: the answer in one sentence.
    pub(super) fn head(&self) -> String {
        format!("{}: {}\n", self.decision, self.sentence())
    }

    /// For people. `asked_of` is what tells a verb which policies are meant, as a shell takes it.
    pub(super) fn to_text(&self, asked_of: &str) -> String {
        let mut text = self.head();
        for policy in &self.shown {
            let _ = write!(text, "\n{}", excerpt(policy));
        }
        text.push_str(&self.failures());
        text.push_str(&listed("looked at, and does not match", &self.considered));
        text.push_str(&self.of_shadow());
        if let Some(next) = self.next_step(asked_of) {
            let _ = writeln!(text, "help: {next}");
        }
        text
    }

    /// For people: what failed, as the engine words it.
    pub(super) fn failures(&self) -> String {
        self.errors.iter().map(|error| format!("\nfailed: {}\n", visible(error))).collect()
    }

    /// For people: what policies in shadow would have to do with it.
    pub(super) fn of_shadow(&self) -> String {
        let mut text = listed("in shadow, and not enforced", &self.in_shadow);
        if let Some(would) = &self.shadow {
            let _ = writeln!(
                text,
                "in shadow: it would be {}{}",
                would.decision_kind.text(),
                if would.policies.is_empty() {
                    String::new()
                } else {
                    format!(", by {}", ids(&would.policies))
                }
            );
        }
        text
    }

    /// What nobody said, for people.
    pub(super) fn notes(&self) -> String {
        self.assumed.iter().map(|assumed| format!("note: {}\n", visible(assumed))).collect()
    }

    fn sentence(&self) -> String {
        let may = if self.allows() { "may" } else { "may not" };
        let why = match self.decision_kind {
            DecisionKind::Allow => format!("permitted by {}", ids(&self.policies)),
            DecisionKind::DenyForbid => format!("forbidden by {}", ids(&self.policies)),
            DecisionKind::DenyDefault => review::NO_POLICY_PERMITS.to_owned(),
            DecisionKind::DenyError => match self.failed.as_slice() {
                [] => "the case could not be decided".to_owned(),
                failed => format!("{} failed", ids(failed)),
            },
        };
        let (actor, action) = (visible(&self.actor), &self.action);
        let (kind, id) = (self.resource.kind, visible(&self.resource.id));
        format!("`{actor}` {may} `{action}` on {kind} `{id}`: {why} ({})", self.decision_kind.text())
    }

    /// What can be done about it where nothing more is known, as a sentence.
    pub(super) fn next_step(&self, asked_of: &str) -> Option<String> {
        let (actor, action) = (visible(&self.actor), &self.action);
        match self.decision_kind {
            DecisionKind::Allow => None,
            DecisionKind::DenyForbid => Some(format!("{GUARD_HOLDS}; ask for something else")),
            DecisionKind::DenyError => Some(
                "a policy that fails denies, also a forbid: make it test for what may be absent or too large"
                    .to_owned(),
            ),
            DecisionKind::DenyDefault if self.scopes.is_empty() => Some(format!(
                "`{actor}` has no scope; name one with `--scope ID`"
            )),
            DecisionKind::DenyDefault if self.considered.is_empty() => {
                let scopes: Vec<String> = self.scopes.iter().map(|scope| format!("`{scope}`")).collect();
                Some(format!(
                    "no {} of {} has a head for this; add one, or see why with `moonward policy effective {asked_of} --actor {} --action {action}`",
                    if self.in_shadow.is_empty() { "permit" } else { "enforced permit" },
                    scopes.join(", "),
                    shell::word(&self.actor),
                ))
            }
            DecisionKind::DenyDefault => Some(
                "a condition, or the resource in the head, of each permit that was looked at says no to this case; \
                 `moonward policy explain`, given the same, tells which"
                    .to_owned(),
            ),
        }
    }
}

/// Policies below what they have in common; nothing where there are none.
fn listed(heading: &str, policies: &[Policy]) -> String {
    let mut text = String::new();
    if !policies.is_empty() {
        let _ = writeln!(text, "\n{heading}:");
    }
    for Policy { placed, .. } in policies {
        let _ = writeln!(text, "  {placed}");
    }
    text
}

fn ids(policies: &[Policy]) -> String {
    let ids: Vec<String> = policies.iter().map(|policy| format!("`{}`", policy.id)).collect();
    ids.join(", ")
}

fn text(span: &Span) -> &str {
    span.source.text.get(span.start..span.end).unwrap_or_default()
}

/// A policy with its lines, the stretch of them marked at the side, and its advice.
fn excerpt(policy: &PolicyView) -> String {
    let (first, column) = policy.span.position();
    let mut shown = format!("{}\n", policy.title());
    let at = format!("{}:{first}:{column}", policy.span.source.path);
    shown.push_str(&marked_lines(&at, first, text(&policy.span), LINES_MAX));
    if let Some(advice) = &policy.advice {
        let _ = writeln!(shown, "advice: {}", visible(advice));
    }
    shown
}
