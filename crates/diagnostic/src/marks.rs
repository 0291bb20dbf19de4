//! Places in one file drawn for people: each line once, with its places underlined and what is said of them.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::{Span, visible};

/// Characters of a source line that are drawn; of a longer one the place alone, as far as it fits.
const LINE_CHARACTERS_MAX: usize = 160;

/// Characters that an underlined place and what is said of it may take in one line; what is more stands below it.
const LABEL_CHARACTERS_MAX: usize = 110;

/// A place, and what is said of it: text that is visible already.
#[derive(Debug, Clone)]
pub struct Mark<'a> {
    /// Where; past its first line nothing is underlined.
    pub span: &'a Span,
    /// What is said.
    pub label: String,
}

/// Places of one file, below where the first of them is. Nothing that a terminal obeys is left.
///
/// ```text
///   --> orders.cedar:5:8
///    |
///  5 | when { context.bytes < 100 && context.topic == "a" };
///    |        ^^^^^^^^^^^^^^^^^^^ false: `context.bytes` is 500
/// ```
pub fn marks(marks: &[Mark<'_>]) -> String {
    let mut sorted: Vec<&Mark<'_>> = marks.iter().collect();
    sorted.sort_by_key(|mark| (mark.span.start, mark.span.end));
    let Some(first) = sorted.first() else { return String::new() };
    let last = sorted.last().map_or(1, |mark| mark.span.position().0);
    let gutter = " ".repeat(last.to_string().len());
    let (line, column) = first.span.position();
    let mut text = format!("{gutter} --> {}:{line}:{column}\n", visible(&first.span.source.path));
    let _ = writeln!(text, " {gutter} |");
    let mut drawn = None;
    for Mark { span, label } in sorted {
        let (line, _) = span.position();
        let whole = Span::line(&span.source, line);
        let of = |start: usize, end: usize| span.source.text.get(start..end).unwrap_or_default();
        let within = of(span.start, span.end.min(whole.end).max(span.start));
        let is_long = of(whole.start, whole.end).chars().count() > LINE_CHARACTERS_MAX;
        let (before, within) = match is_long {
            false => (visible(of(whole.start, span.start)), visible(within)),
            true => {
                let cut: String = within.chars().take(LINE_CHARACTERS_MAX).collect();
                (String::new(), visible(&cut))
            }
        };
        if is_long || drawn != Some(line) {
            let shown = if is_long { within.clone() } else { visible(of(whole.start, whole.end)) };
            let _ = writeln!(text, " {line:>width$} | {shown}", width = gutter.len());
            drawn = Some(line);
        }
        let indent = before.width();
        let marks = within.width().max(1);
        let _ = write!(text, " {gutter} | {}{}", " ".repeat(indent), "^".repeat(marks));
        if label.is_empty() {
            text.push('\n');
        } else if indent + marks + label.width() <= LABEL_CHARACTERS_MAX {
            let _ = writeln!(text, " {label}");
        } else {
            let _ = writeln!(text, "\n {gutter} = {label}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::{Mark, Source, Span, marks};

    #[test]
    fn each_line_is_drawn_once_with_all_that_is_said_of_it() {
        let text = format!("permit (\n  a\u{1b} < 5 && b,\n  {}c\n);", "x".repeat(200));
        let source = Arc::new(Source { path: "a.cedar".into(), text });
        let span = |what: &str, length: usize| {
            let start = source.text.find(what).unwrap();
            Span { source: source.clone(), start, end: start + length }
        };
        let (b, a, c) = (span("b,", 1), span("a\u{1b}", 6), span("c\n", 5));
        let mark = |span, label: &str| Mark { span, label: label.to_owned() };
        let drawn = marks(&[mark(&b, "false"), mark(&a, &"long ".repeat(30)), mark(&c, "")]);
        assert_eq!(
            drawn,
            format!(
                "  --> a.cedar:2:3\n   |\n 2 |   a\\u{{1b}} < 5 && b,\n   |   ^^^^^^^^^^^\n   = {}\n   |                  ^ false\n 3 | c\n   | ^\n",
                "long ".repeat(30)
            )
        );
        assert_eq!(marks(&[]), "");
    }
}
