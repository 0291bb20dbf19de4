//! A stretch of lines drawn for people, marked at the side from its first line to its last.

use std::fmt::Write as _;

use crate::visible;

/// Some lines with their numbers, the first of them numbered `first`, below the place they are from; of more than
/// `lines_max` the rest is counted. Nothing that a terminal obeys is left.
///
/// ```text
///    --> orders.cedar:4:1
///   |
/// 4 | / permit (principal, action, resource)
/// 5 | | when { principal.kind == "service" };
///   | |_____________________________________^
/// ```
pub fn marked_lines(place: &str, first: usize, text: &str, lines_max: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let gutter = " ".repeat(first.saturating_add(lines.len()).to_string().len());
    let width = gutter.len();
    let mut shown = format!("{gutter} --> {}\n", visible(place));
    let _ = writeln!(shown, " {gutter}|");
    for (index, line) in lines.iter().enumerate().take(lines_max) {
        let mark = if index == 0 { '/' } else { '|' };
        let _ = writeln!(shown, "{:>width$} | {mark} {}", first.saturating_add(index), visible(line));
    }
    match lines.len() {
        // As the end of a stretch of lines is marked everywhere.
        count if count <= lines_max => {
            let last = lines.last().map_or(0, |line| line.chars().count());
            let _ = writeln!(shown, "{gutter} | |{}^", "_".repeat(last));
        }
        count => {
            let _ = writeln!(shown, "{gutter} | ... {} more lines", count - lines_max);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::marked_lines;

    #[test]
    fn a_stretch_is_marked_and_one_that_is_too_long_counted() {
        let drawn = marked_lines("a.cedar:9:1", 9, "permit (\u{1b}[m)\n;", 20);
        assert_eq!(drawn, "   --> a.cedar:9:1\n   |\n 9 | / permit (\\u{1b}[m)\n10 | | ;\n   | |_^\n");
        assert!(marked_lines("a", 1, "x\ny\nz", 2).ends_with("... 1 more lines\n"));
    }
}
