//! Findings as workflow commands of GitHub Actions, which shows them beside the lines of a change.
//!
//! <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>

use std::fmt::Write as _;
use std::path::Path;

use diagnostic::{Diagnostic, Severity, visible};

use super::{path_from_here, whole_message};

/// One line for each finding.
pub(in crate::command::policy) fn render(found: &[Diagnostic], base: &Path) -> String {
    let mut text = String::new();
    for diagnostic in found {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = diagnostic.span.as_ref().map_or(String::new(), |span| {
            let (line, column) = span.position();
            let file = property(&path_from_here(base, &span.source.path));
            format!("file={file},line={line},col={column},")
        });
        let title = property(diagnostic.code);
        let _ = writeln!(text, "::{command} {place}title={title}::{}", data(&whole_message(diagnostic)));
    }
    text
}

/// What ends a line, or begins an escape.
pub(in crate::command::policy) fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The same, and what ends a property. What a terminal obeys is shown and not sent; a line feed is escaped as GitHub reads it.
pub(in crate::command::policy) fn property(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    data(&lines.join("\n")).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diagnostic::{Source, Span};

    use super::*;

    #[test]
    fn nothing_in_a_finding_can_end_its_line_or_begin_another_command() {
        let source =
            Arc::new(Source { path: "a,b:c\n::error::x\u{1b}[31m.cedar".into(), text: "1\n23".into() });
        let found = Diagnostic::warning("policy.x", "100% `a\n::error::b`")
            .at(Span { source, start: 3, end: 4 })
            .help("one: two, three");
        let text = render(&[found], Path::new("./app"));
        assert_eq!(
            text,
            "::warning file=app/a%2Cb%3Ac%0A%3A%3Aerror%3A%3Ax\\u{1b}[31m.cedar,line=2,col=2,title=policy.x::\
             100%25 `a\\u{a}::error::b`%0Ahelp: one: two, three\n"
        );
    }
}
