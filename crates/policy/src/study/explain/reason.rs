//! The tests that a clause comes out by: those that would have to come out otherwise for it to be otherwise.

use diagnostic::Span;

use super::{Claim, ClaimForm, Clause, Outcome, Read, Section};

/// A test that a clause comes out by.
#[derive(Debug, Clone)]
pub struct Reason<'e> {
    /// Where it is written.
    pub span: &'e Span,
    /// What it comes to.
    pub outcome: &'e Outcome,
    /// What it reads.
    pub reads: &'e [Read],
    /// Whether an `unless` or a `!` around it turns it round.
    pub turned: Option<&'static str>,
    /// Whether it stands beside others of which one would do.
    pub beside: Beside,
}

/// How a test stands to others of its clause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// It counts by itself.
    None,
    /// It is the first of several of which one would do.
    First,
    /// It is another of them.
    Other,
    /// It is the test of an `if`, which led to what follows.
    If,
}

impl Clause {
    /// The tests that it comes out by, in the order in which they are written.
    pub fn reasons(&self) -> Vec<Reason<'_>> {
        let mut reasons = Vec::new();
        let turned = (self.section == Section::Unless).then_some("unless");
        collect(&self.claim, (turned, Beside::None), &mut reasons);
        reasons
    }
}

fn collect<'e>(
    claim: &'e Claim,
    (turned, beside): (Option<&'static str>, Beside),
    reasons: &mut Vec<Reason<'e>>,
) {
    match &claim.form {
        ClaimForm::Test { reads, .. } => {
            let span = match &claim.outcome {
                Outcome::Fails(_, place) => place,
                _ => &claim.span,
            };
            reasons.push(Reason { span, outcome: &claim.outcome, reads, turned, beside });
        }
        ClaimForm::Not(inner) => {
            let turned = if turned.is_some() { None } else { Some("!") };
            collect(inner, (turned, beside), reasons);
        }
        ClaimForm::If(test, None) => collect(test, (None, beside), reasons),
        ClaimForm::If(test, Some(taken)) => {
            collect(test, (None, Beside::If), reasons);
            collect(taken, (turned, beside), reasons);
        }
        ClaimForm::All(parts) => deciding(claim, parts).for_each(|part| {
            collect(part, (turned, beside), reasons);
        }),
        ClaimForm::Any(parts) => {
            let one_would_do = claim.outcome == Outcome::False && parts.len() > 1;
            let mut place = if one_would_do && beside != Beside::Other { Beside::First } else { beside };
            for part in deciding(claim, parts) {
                collect(part, (turned, place), reasons);
                place = if one_would_do { Beside::Other } else { place };
            }
        }
    }
}

/// The parts that a chain of truths comes out by: those that come to the same; where it fails, the first that does, since no
/// part after it is come to.
fn deciding<'e>(claim: &'e Claim, parts: &'e [Claim]) -> impl Iterator<Item = &'e Claim> {
    let fails = matches!(claim.outcome, Outcome::Fails(..));
    let same = move |part: &&Claim| match part.outcome {
        Outcome::Fails(..) => fails,
        _ => part.outcome == claim.outcome,
    };
    parts.iter().filter(same).take(if fails { 1 } else { usize::MAX })
}
