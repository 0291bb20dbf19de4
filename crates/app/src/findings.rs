//! Everything that is wrong with a manifest, collected so that it can be said at once.

use diagnostic::{Diagnostic, Severity};

use crate::limits::FINDINGS_MAX;

/// Errors and warnings of one load. Past [`FINDINGS_MAX`] they are only counted.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Diagnostic>,
    errors: usize,
    left_out: usize,
}

impl Findings {
    /// One more.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.is_full() {
            self.left_out += 1;
        } else {
            self.kept.push(diagnostic);
        }
    }

    /// How many errors there are, kept or not.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Whether more are only counted, so that help with them is wasted.
    pub(crate) fn is_full(&self) -> bool {
        self.kept.len() >= FINDINGS_MAX
    }

    /// The warnings when there is no error; else everything. By file, then by place.
    pub(crate) fn finish(mut self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        self.kept.sort_by(|one, other| place(one).cmp(&place(other)));
        if self.left_out > 0 {
            let message = format!("{} more findings are not shown", self.left_out);
            let more = if self.errors > 0 { Diagnostic::error } else { Diagnostic::warning };
            self.kept.push(more("manifest.more", message));
        }
        if self.errors > 0 { Err(self.kept) } else { Ok(self.kept) }
    }
}

fn place(diagnostic: &Diagnostic) -> Option<(&str, usize)> {
    diagnostic.span.as_ref().map(|span| (span.source.path.as_str(), span.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_past_the_bound_are_counted() {
        let mut findings = Findings::default();
        for _ in 0..FINDINGS_MAX + 7 {
            findings.push(Diagnostic::warning("manifest.reference-key", "x"));
        }
        assert_eq!(findings.finish().unwrap().last().unwrap().message, "7 more findings are not shown");
    }

    #[test]
    fn one_error_among_warnings_refuses() {
        let mut findings = Findings::default();
        findings.push(Diagnostic::warning("manifest.reference-key", "x"));
        findings.push(Diagnostic::error("manifest.unknown-key", "y"));
        assert_eq!(findings.finish().unwrap_err().len(), 2);
    }
}
