//! What is wrong in a file that somebody wrote, and how it is shown to them.
//!
//! A [`Diagnostic`] carries the place, what was found and what was expected, and the next step; [`render`]
//! draws it with the source lines and the span underlined. Manifest, policy and script errors all come out in
//! this one form. This crate knows nothing of YAML, Cedar or Lua.

mod code_span;
mod counted;
mod excerpt;
mod grouped;
mod marks;
mod nearest;
mod one_line;
mod render;
mod visible;

pub use code_span::code_span;
pub use counted::counted;
pub use excerpt::marked_lines;
pub use grouped::grouped;
pub use marks::{Mark, marks};
pub use nearest::did_you_mean;
pub use one_line::one_line;
pub use render::render;
pub use visible::visible;

use std::sync::Arc;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works, but is probably not meant.
    Warning,
    /// It cannot be used as it is.
    Error,
}

/// The text of one file, shared by every diagnostic about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// Path as people know it: relative to the app's folder where there is one.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// A stretch of a source, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The file.
    pub source: Arc<Source>,
    /// First byte.
    pub start: usize,
    /// One past the last byte; equal to `start` for a point.
    pub end: usize,
}

impl Span {
    /// Line and column of the first byte, both from 1; columns count characters.
    pub fn position(&self) -> (usize, usize) {
        let upto = self.source.text.get(..self.start).unwrap_or(&self.source.text);
        let line = upto.matches('\n').count() + 1;
        let column = upto.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }

    /// The span of a whole line (from 1) without its line break; the end of the text for a line past it.
    pub fn line(source: &Arc<Source>, line: usize) -> Self {
        let mut start = 0;
        for (index, text) in source.text.split_inclusive('\n').enumerate() {
            if index + 1 == line {
                let end = start + text.trim_end_matches(['\n', '\r']).len();
                return Self { source: source.clone(), start, end };
            }
            start += text.len();
        }
        Self { source: source.clone(), start, end: start }
    }

    /// The beginning of a file whose text could not be read.
    pub fn unread(path: impl Into<String>) -> Self {
        Self { source: Arc::new(Source { path: path.into(), text: String::new() }), start: 0, end: 0 }
    }

    /// The point at a line and column, both from 1; columns count characters.
    pub fn at(source: &Arc<Source>, line: usize, column: usize) -> Self {
        let whole = Self::line(source, line);
        let text = source.text.get(whole.start..whole.end).unwrap_or_default();
        let offset = text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(at, _)| at);
        Self { source: source.clone(), start: whole.start + offset, end: whole.start + offset }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Stable name of the rule, such as `manifest.unknown-key`.
    pub code: &'static str,
    /// What was found and what was expected: lower case, no full stop, input in backticks.
    pub message: String,
    /// Where, when it is in a file.
    pub span: Option<Span>,
    /// The manifest entry or policy it is about.
    pub subject: Option<String>,
    /// The next step.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity: Severity::Error, code, message, span: None, subject: None, help: None }
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// The same, about an entry.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// The same, with a next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
