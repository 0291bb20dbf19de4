//! What is probably not meant in a policy that Cedar takes: each lint in a file of its own.

use cedar_policy::{Effect, Policy};
use diagnostic::{Diagnostic, Span};

use super::lexeme::{Lexeme, Lexemes};
use super::literal::Known;
use super::{Place, arithmetic, constant, like, literal, presence};

/// Everything that the lints find in one policy.
pub(super) fn check(policy: &Policy, span: &Span, place: Place<'_>, known: &Known<'_>) -> Vec<Diagnostic> {
    let text = span.source.text.get(span.start..span.end).unwrap_or_default();
    let words = Words { tokens: Lexemes::new(text).collect(), policy: span };
    let mut found = Vec::new();
    literal::check(&words, known, &mut found);
    like::check(&words, &mut found);
    presence::check(&words, &mut found);
    if policy.effect() == Effect::Forbid {
        arithmetic::check(&words, &mut found);
    }
    if !matches!(place, Place::Guard) {
        constant::check(policy, span, &mut found);
    }
    found
}

/// The tokens of one policy, with their places in its file.
pub(super) struct Words<'a> {
    tokens: Vec<Lexeme<'a>>,
    policy: &'a Span,
}

impl<'a> Words<'a> {
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// The token there; nothing past the ends.
    pub(super) fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    /// The stretch from one token to another.
    pub(super) fn span(&self, first: usize, last: usize) -> Span {
        let start = self.tokens.get(first).map_or(0, |token| token.start);
        let end = self.tokens.get(last).map_or(start, |token| token.start + token.text.len());
        Span {
            source: self.policy.source.clone(),
            start: self.policy.start + start,
            end: self.policy.start + end,
        }
    }
}
