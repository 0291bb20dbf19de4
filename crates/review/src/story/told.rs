//! A story's text, and where in it the answers are, so that whoever shows it can give them a colour. Texts of the record are
//! not searched: they may hold any word.

use std::fmt;
use std::ops::Range;

/// A text with its answers.
#[derive(Debug, Default)]
pub struct Told {
    /// The text. Nothing that a terminal obeys is in it.
    pub text: String,
    /// The answers, in the order of the text.
    pub answers: Vec<Answered>,
}

/// Where a text says what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The bytes that say it.
    pub span: Range<usize>,
    /// Whether it was allowed.
    pub allowed: bool,
}

impl Told {
    pub(super) fn push_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a word that says what was answered.
    pub(super) fn answer(&mut self, word: &str, allowed: bool) {
        let start = self.text.len();
        self.text.push_str(word);
        self.answers.push(Answered { span: start..self.text.len(), allowed });
    }
}

impl fmt::Write for Told {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}
