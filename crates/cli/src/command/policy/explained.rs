//! An explanation as it is shown: on one screen for people, and whole as JSON.

use std::fmt::Write as _;

use diagnostic::{Mark, Span, marks, one_line, visible};
use policy::DecisionKind;
use policy::study::{Beside, Claim, ClaimForm, Clause, Explanation, Found, Outcome, Read, Reason, Section};
use serde_json::{Value as Json, json};

use super::answer::{Answer, CLAUSE_CHARACTERS_MAX, GUARD_HOLDS, Policy};
use super::remedies::{Suggestion, to_text};

/// Policies that are shown with their lines.
const SHOWN_MAX: usize = 3;

/// Lines of a screen: of all that is told, past which no further policy is shown so. The first always is.
const SCREEN_LINES: usize = 50;

/// Policies after those that are named, with one clause each.
const NAMED_MAX: usize = 4;

/// Clauses of one policy that are shown.
const MARKS_MAX: usize = 5;

/// An answer with its explanation.
pub(super) struct Explained<'e> {
    /// The answer.
    pub(super) answer: Answer,
    /// What it comes out by.
    pub(super) explanation: &'e Explanation,
    /// What would allow it.
    pub(super) suggestions: Vec<Suggestion>,
    /// Another tenant that the case reaches into.
    pub(super) reaches: Option<String>,
}

impl Explained<'_> {
    /// For people. `asked_of` is what tells a verb which policies are meant, as a shell takes it.
    pub(super) fn to_text(&self, asked_of: &str) -> String {
        let mut text = self.answer.head();
        let policies = &self.explanation.policies;
        if policies.is_empty() {
            text.push_str(&self.answer.failures());
        }
        let end = self.end(asked_of);
        let (mut shown, mut lines) = (0, text.lines().count() + end.lines().count());
        for policy in policies.iter().take(SHOWN_MAX) {
            let drawn = drawn(policy);
            lines += drawn.lines().count() + 1;
            // Those after it are named, below a heading, and counted.
            let after = policies.len() - shown - 1 + self.explanation.more;
            let named = if after == 0 { 0 } else { after.min(NAMED_MAX) + 3 };
            if shown > 0 && lines + named > SCREEN_LINES {
                break;
            }
            shown += 1;
            let _ = write!(text, "\n{drawn}");
        }
        let rest = policies.get(shown..).unwrap_or_default();
        if !rest.is_empty() {
            let heading = match self.answer.kind() {
                DecisionKind::DenyDefault => "further from a match",
                _ => "and",
            };
            let _ = writeln!(text, "\n{heading}:");
        }
        for policy in rest.iter().take(NAMED_MAX) {
            let _ = writeln!(text, "  {}", named(policy));
        }
        match rest.len().saturating_sub(NAMED_MAX) + self.explanation.more {
            0 => {}
            more => {
                let _ = writeln!(text, "  and {more} more, see `-o json`");
            }
        }
        text.push_str(&end);
        text
    }

    /// What is told after the policies.
    fn end(&self, asked_of: &str) -> String {
        let mut text = self.answer.of_shadow();
        text.push_str(&to_text(&self.suggestions));
        if let Some(help) = self.help(asked_of) {
            let _ = writeln!(text, "help: {help}");
        }
        text.push_str(&self.answer.notes());
        text
    }

    /// What else is to be known: that no permit helps, and the next step where nothing was found that would allow it.
    fn help(&self, asked_of: &str) -> Option<String> {
        let kind = self.answer.kind();
        let mut says = Vec::new();
        if kind == DecisionKind::DenyForbid {
            says.push(GUARD_HOLDS.to_owned());
        }
        match &self.reaches {
            _ if self.answer.allows() || !self.suggestions.is_empty() => {}
            Some(tenant) => says.push(format!(
                "the case reaches into tenant `{}`, and nothing is suggested across tenants",
                visible(tenant)
            )),
            None if kind == DecisionKind::DenyForbid => {
                says.push("no change of the case was found with which it would be allowed".to_owned());
            }
            None if kind == DecisionKind::DenyDefault && !self.explanation.policies.is_empty() => says.push(
                "no change of the case, no other scope and no permit like these was found that would allow it"
                    .to_owned(),
            ),
            None => says.extend(self.answer.next_step(asked_of)),
        }
        (!says.is_empty()).then(|| says.join("; "))
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Json {
        let mut answer = json!(self.answer);
        if let Json::Object(members) = &mut answer {
            let explained = self.explanation.policies.iter().map(|explained| {
                let clauses: Vec<Json> = explained.clauses.iter().map(clause_json).collect();
                json!({ "policy": Policy::of(&explained.policy), "matches": explained.matches(), "clauses": clauses })
            });
            members.insert("explained".to_owned(), explained.collect());
            members.insert("not_explained".to_owned(), self.explanation.more.into());
            members.insert("suggestions".to_owned(), json!(self.suggestions));
        }
        answer
    }
}

/// A policy with the lines that its clauses are in.
fn drawn(explained: &policy::study::Explained) -> String {
    let view = &explained.policy;
    let clauses = telling(explained);
    let against = explained.against().count();
    let says = match (explained.failing(), against) {
        (Some(_), _) => "fails".to_owned(),
        (None, 0) => "matches".to_owned(),
        (None, 1) => "does not match: one clause says no".to_owned(),
        (None, more) => format!("does not match: {more} clauses say no"),
    };
    let mut text = format!("{} {says}\n", view.title());
    let reasons: Vec<Reason<'_>> = clauses.iter().flat_map(|clause| clause.reasons()).collect();
    let shown: Vec<Mark<'_>> = reasons
        .iter()
        .take(MARKS_MAX)
        .map(|reason| Mark { span: reason.span, label: said(reason) })
        .collect();
    let whole = Mark { span: &view.span, label: "it has no condition".to_owned() };
    text.push_str(&marks(if shown.is_empty() { std::slice::from_ref(&whole) } else { &shown }));
    if reasons.len() > MARKS_MAX {
        let _ = writeln!(text, "  and {} more, see `-o json`", reasons.len() - MARKS_MAX);
    }
    if let Some(advice) = view.advice.as_deref().filter(|_| view.forbids()) {
        let _ = writeln!(text, "advice: {}", visible(advice));
    }
    text
}

/// The clauses that a policy comes out by: those that say no or fail; of one that matches its conditions, or its head if that is all it
/// has.
fn telling(explained: &policy::study::Explained) -> Vec<&Clause> {
    if let Some(failing) = explained.failing() {
        return vec![failing];
    }
    if !explained.matches() {
        return explained.against().collect();
    }
    let (conditions, head): (Vec<&Clause>, Vec<&Clause>) = explained
        .clauses
        .iter()
        .partition(|clause| matches!(clause.section, Section::When | Section::Unless));
    if conditions.is_empty() { head } else { conditions }
}

/// A policy in one line.
fn named(explained: &policy::study::Explained) -> String {
    let clauses = telling(explained);
    let reasons: Vec<Reason<'_>> = clauses.iter().flat_map(|clause| clause.reasons()).collect();
    let first = reasons.first().map_or_else(String::new, |reason| {
        let Span { source, start, end } = reason.span;
        let clause = source.text.get(*start..*end).unwrap_or_default();
        format!(": `{}` is {}", one_line(clause, CLAUSE_CHARACTERS_MAX), said(reason))
    });
    format!("{}{first}", explained.policy.placed())
}

/// What is said of a test.
fn said(reason: &Reason<'_>) -> String {
    let outcome = match (reason.outcome, reason.beside) {
        (Outcome::False, Beside::First) => "neither this".to_owned(),
        (Outcome::False, Beside::Other) => "nor this".to_owned(),
        (Outcome::True, Beside::If) => "true, so `then` counts".to_owned(),
        (Outcome::False, Beside::If) => "false, so `else` counts".to_owned(),
        (Outcome::True, _) => "true".to_owned(),
        (Outcome::False, _) => "false".to_owned(),
        (Outcome::Fails(message, _), _) => format!("fails: {}", visible(message)),
    };
    let turned = match reason.turned {
        Some("unless") => ", in an `unless`",
        Some(_) => ", and turned round by `!`",
        None => "",
    };
    let reads: Vec<String> = reason.reads.iter().map(read).collect();
    let reads = if reads.is_empty() { String::new() } else { format!(": {}", reads.join(", ")) };
    format!("{outcome}{turned}{reads}")
}

fn read(Read { path, found }: &Read) -> String {
    let path = visible(path);
    match found {
        Found::Value { shown, within, .. } => match within.as_slice() {
            [] => format!("`{path}` is {shown}"),
            within => format!("`{path}` is {shown}, in {}", within.join(", ")),
        },
        Found::Absent => format!("`{path}` is absent"),
        Found::Fails(message) => format!("`{path}` fails: {}", visible(message)),
    }
}

fn clause_json(clause: &Clause) -> Json {
    json!({
        "section": clause.section.name(),
        "holds": clause.holds(),
        "claim": claim_json(&clause.claim),
    })
}

fn claim_json(claim: &Claim) -> Json {
    let Span { source, start, end } = &claim.span;
    let (line, column) = claim.span.position();
    let mut json = json!({
        "line": line,
        "column": column,
        "text": source.text.get(*start..*end).unwrap_or_default(),
        "is": match &claim.outcome {
            Outcome::True => json!(true),
            Outcome::False => json!(false),
            Outcome::Fails(message, _) => json!({ "fails": message }),
        },
    });
    let (name, value) = match &claim.form {
        ClaimForm::Test { reads, .. } => ("reads", reads.iter().map(read_json).collect()),
        ClaimForm::All(parts) => ("all", parts.iter().map(claim_json).collect()),
        ClaimForm::Any(parts) => ("any", parts.iter().map(claim_json).collect()),
        ClaimForm::Not(part) => ("not", claim_json(part)),
        ClaimForm::If(test, taken) => {
            ("if", json!({ "test": claim_json(test), "taken": taken.as_deref().map(claim_json) }))
        }
    };
    if let Json::Object(members) = &mut json {
        members.insert(name.to_owned(), value);
    }
    json
}

fn read_json(Read { path, found }: &Read) -> Json {
    match found {
        Found::Value { json: value, within, .. } if within.is_empty() => {
            json!({ "path": path, "value": value })
        }
        Found::Value { json: value, within, .. } => json!({ "path": path, "value": value, "within": within }),
        Found::Absent => json!({ "path": path, "absent": true }),
        Found::Fails(message) => json!({ "path": path, "fails": message }),
    }
}
