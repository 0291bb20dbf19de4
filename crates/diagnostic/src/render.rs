//! A diagnostic drawn for people: what and where, the source line with the span underlined, the next step.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::{Diagnostic, Severity, visible};

/// Characters of a source line that are drawn: a terminal's width, so that a minified file stays readable.
const LINE_CHARACTERS_MAX: usize = 160;

/// The diagnostic as text, without colour, ending in a line break.
///
/// ```text
/// error: unknown key `memroy` (acme.workers:handler)
///   --> app/_index.yaml:9:16
///    |
///  9 |     limits: {memroy: 8MiB}
///    |              ^^^^^^
/// help: did you mean `memory`?
/// ```
pub fn render(diagnostic: &Diagnostic) -> String {
    let word = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut text = format!("{word}: {}", visible(&diagnostic.message));
    if let Some(subject) = &diagnostic.subject {
        let _ = write!(text, " ({})", visible(subject));
    }
    text.push('\n');
    if let Some(span) = &diagnostic.span {
        let (line, column) = span.position();
        let number = line.to_string();
        let gutter = " ".repeat(number.len());
        let path = visible(&span.source.path);
        // Of a file that could not be read, or is empty, there is no line to be shown.
        let place = if span.source.text.is_empty() { path } else { format!("{path}:{line}:{column}") };
        let _ = writeln!(text, "{gutter} --> {place}");
        let whole = crate::Span::line(&span.source, line);
        let source_line = span.source.text.get(whole.start..whole.end).unwrap_or_default();
        if !span.source.text.is_empty() && source_line.chars().count() <= LINE_CHARACTERS_MAX {
            let before = visible(source_line.get(..span.start - whole.start).unwrap_or_default());
            let within = source_line
                .get(span.start - whole.start..span.end.min(whole.end).saturating_sub(whole.start))
                .unwrap_or_default();
            let marks = visible(within).width().max(1);
            let _ = writeln!(text, " {gutter} |");
            let _ = writeln!(text, " {number} | {}", visible(source_line));
            let _ = writeln!(text, " {gutter} | {}{}", " ".repeat(before.width()), "^".repeat(marks));
        }
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "help: {}", visible(help));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{Diagnostic, Source, Span, render};

    #[test]
    fn a_file_that_could_not_be_read_has_no_lines() {
        let diagnostic =
            Diagnostic::error("policy.unreadable", "it cannot be read").at(Span::unread("nosuch"));
        assert_eq!(render(&diagnostic), "error: it cannot be read\n  --> nosuch\n");
    }

    #[test]
    fn the_span_is_underlined_and_the_next_step_named() {
        let source =
            Arc::new(Source { path: "a.yaml".into(), text: "x: 1\nlimits: {memroy: 8MiB}\n".into() });
        let span = Span { source, start: 14, end: 20 };
        let diagnostic = Diagnostic::error("manifest.unknown-key", "unknown key `memroy`")
            .at(span)
            .about("acme:handler")
            .help("did you mean `memory`?");
        assert_eq!(
            render(&diagnostic),
            "error: unknown key `memroy` (acme:handler)\n  --> a.yaml:2:10\n   |\n 2 | limits: {memroy: 8MiB}\n   |          ^^^^^^\nhelp: did you mean `memory`?\n"
        );
    }
}
