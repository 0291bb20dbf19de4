//! What each part of a policy comes to for one case, by Cedar itself: the text of the part is evaluated with the request and
//! the entities that the engine is given to decide.
//!
//! There is no evaluator here that could disagree with Cedar's. Where the parts of a condition do not add up to what Cedar
//! says of the whole, it is not taken apart.

use std::sync::Arc;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{EvalResult, Expression, eval_expression};
use diagnostic::{Source, Span};

use super::parts::{Form, Part};
use super::reads::{Read, reads};
use super::turn::turns;
use super::wider::wider;
use crate::generation::Case;
use crate::limits::CEDAR_MESSAGE_CHARS_MAX;
use crate::study::case::Change;

/// A part of a policy, and what it comes to.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Where it is written, without the brackets around it.
    pub span: Span,
    /// What Cedar says of it, taken by itself.
    pub outcome: Outcome,
    /// How it is made of others.
    pub form: ClaimForm,
}

/// What a part comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is true.
    True,
    /// It is false.
    False,
    /// It fails, as Cedar words it, at this place. Hostile text: it may quote the policy.
    Fails(String, Span),
}

impl Outcome {
    /// Whether it is this truth.
    pub fn is(&self, truth: bool) -> bool {
        *self == if truth { Self::True } else { Self::False }
    }
}

/// How a claim is made of others. A part that comes after the one that decides is there as well, and is never come to: by
/// itself it may fail.
#[derive(Debug, Clone)]
pub enum ClaimForm {
    /// It is not.
    Test {
        /// What it reads.
        reads: Vec<Read>,
        /// Changes of the case by which it would probably come out otherwise, the most telling first.
        turns: Vec<Change>,
        /// The same test for the value that the case has, if there is such.
        wider: Option<String>,
    },
    /// `&&`.
    All(Vec<Claim>),
    /// `||`.
    Any(Vec<Claim>),
    /// `!`.
    Not(Box<Claim>),
    /// `if`: the test, and the branch that it leads to, if it does not fail.
    If(Box<Claim>, Option<Box<Claim>>),
}

/// One policy's text and the case that it is held against.
#[derive(Clone, Copy)]
pub(super) struct Scale<'c> {
    pub(super) case: &'c Case,
    /// The policy: its parts have their places from its beginning.
    pub(super) policy: &'c Span,
}

impl<'c> Scale<'c> {
    /// The text of a place in the policy.
    pub(super) fn text(&self, (start, end): (usize, usize)) -> &'c str {
        let policy: &'c Span = self.policy;
        policy.source.text.get(policy.start + start..policy.start + end).unwrap_or_default()
    }

    /// What Cedar makes of this text.
    ///
    /// # Errors
    /// It fails, or is no expression.
    pub(super) fn value(&self, text: &str) -> Result<EvalResult, Failure> {
        let expression: Expression = text
            .parse()
            .map_err(|errors: cedar_policy::ParseErrors| Failure { message: errors.to_string(), at: None })?;
        eval_expression(&self.case.request, &self.case.entities, &expression).map_err(|error| {
            let error = DetailedError::from(&error);
            let at = error.source_locations.first().map(|label| (label.loc.start, label.loc.end));
            Failure { message: error.message, at }
        })
    }

    /// What a part comes to, and its parts.
    pub(super) fn claim(&self, part: &Part<'_>) -> Claim {
        let place = part.place();
        let outcome = self.outcome(place);
        let form = match &part.form {
            Form::Test => None,
            Form::All(parts) => Some(ClaimForm::All(parts.iter().map(|part| self.claim(part)).collect())),
            Form::Any(parts) => Some(ClaimForm::Any(parts.iter().map(|part| self.claim(part)).collect())),
            Form::Not(part) => Some(ClaimForm::Not(Box::new(self.claim(part)))),
            Form::If(parts) => {
                let [test, yes, no] = parts.as_ref();
                let test = self.claim(test);
                let taken = match test.outcome {
                    Outcome::True => Some(Box::new(self.claim(yes))),
                    Outcome::False => Some(Box::new(self.claim(no))),
                    Outcome::Fails(..) => None,
                };
                Some(ClaimForm::If(Box::new(test), taken))
            }
        };
        let form = form.filter(|form| adds_up(form, &outcome));
        let form = form.unwrap_or_else(|| self.test_form(part, &outcome));
        Claim { span: self.span(place), outcome, form }
    }

    /// The same of a part that is not taken apart.
    pub(super) fn test(&self, part: &Part<'_>) -> Claim {
        let place = part.place();
        let outcome = self.outcome(place);
        let form = self.test_form(part, &outcome);
        Claim { span: self.span(place), outcome, form }
    }

    fn test_form(&self, part: &Part<'_>, outcome: &Outcome) -> ClaimForm {
        let turns = turns(self, part.lexemes, outcome);
        ClaimForm::Test { reads: reads(self, part.lexemes), turns, wider: wider(self, part.lexemes) }
    }

    fn span(&self, (start, end): (usize, usize)) -> Span {
        let source: &Arc<Source> = &self.policy.source;
        Span { source: source.clone(), start: self.policy.start + start, end: self.policy.start + end }
    }

    fn outcome(&self, place: (usize, usize)) -> Outcome {
        match self.value(self.text(place)) {
            Ok(EvalResult::Bool(true)) => Outcome::True,
            Ok(EvalResult::Bool(false)) => Outcome::False,
            Ok(_) => Outcome::Fails("it is neither true nor false".to_owned(), self.span(place)),
            Err(Failure { message, at }) => {
                let (start, end) = at.map_or(place, |(start, end)| (place.0 + start, place.0 + end));
                let end = end.clamp(start, place.1.max(start));
                let message = message.chars().take(CEDAR_MESSAGE_CHARS_MAX).collect();
                Outcome::Fails(message, self.span((start, end)))
            }
        }
    }
}

/// Why a text has no value.
#[derive(Debug)]
pub(super) struct Failure {
    /// As Cedar words it.
    pub(super) message: String,
    /// Where in the text.
    at: Option<(usize, usize)>,
}

/// Whether parts, in their order and each only as far as it is come to, give what the whole comes to.
fn adds_up(form: &ClaimForm, whole: &Outcome) -> bool {
    let first = |claims: &[Claim], decides: bool| {
        let deciding = claims.iter().find(|claim| !claim.outcome.is(!decides));
        deciding.map_or(if decides { Outcome::False } else { Outcome::True }, |claim| claim.outcome.clone())
    };
    let sum = match form {
        ClaimForm::Test { .. } => return true,
        ClaimForm::All(claims) => first(claims, false),
        ClaimForm::Any(claims) => first(claims, true),
        ClaimForm::Not(claim) => match &claim.outcome {
            Outcome::True => Outcome::False,
            Outcome::False => Outcome::True,
            fails => fails.clone(),
        },
        ClaimForm::If(test, None) => test.outcome.clone(),
        ClaimForm::If(_, Some(taken)) => taken.outcome.clone(),
    };
    match (&sum, whole) {
        (Outcome::Fails(..), Outcome::Fails(..)) => true,
        (sum, whole) => sum == whole,
    }
}
