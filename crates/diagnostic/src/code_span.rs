//! Hostile text in Markdown: in a code span of its own, which nothing in it can leave. What stands around it is not known here.

use crate::visible;

/// The same text as a code span, for people and for Markdown (CommonMark 0.31, 6.1), also within a table of GitHub's: what a reader would
/// obey is visible, its fence is longer than any row of backticks in it, and a bar is written as `\u{7c}`, since in a table it would
/// end the cell. Nothing for a blank text.
pub fn code_span(text: &str) -> String {
    let text = visible(text).replace('|', "\\u{7c}");
    if text.trim().is_empty() {
        return String::new();
    }
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

#[cfg(test)]
mod tests {
    use super::code_span;

    #[test]
    fn a_code_span_holds_whatever_a_text_is() {
        for (text, expected) in [
            ("plain", "`plain`"),
            ("snake_case_id", "`snake_case_id`"),
            ("a`b", "``a`b``"),
            ("`` <b>", "``` `` <b> ```"),
            ("a|b\n# c", "`a\\u{7c}b\\u{a}# c`"),
            ("a\\|b", "`a\\\\u{7c}b`"),
            ("  ", ""),
        ] {
            assert_eq!(code_span(text), expected);
        }
    }
}
