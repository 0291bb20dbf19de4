//! Policies written as Cedar's formatter writes them: 80 columns, two spaces, comments kept.
//!
//! The formatter's word is not taken for it: what it wrote is parsed again, must be the same policies, must have the same
//! comments, and must be written the same again. Else the text stays as it was. Files are the caller's to read and write.

use std::sync::Arc;

use cedar_policy::PolicySet;
use cedar_policy::ffi::DetailedError;
use cedar_policy_formatter::{Config, policies_str_to_pretty};
use diagnostic::{Diagnostic, Source, Span};

use crate::limits::{FINDINGS_MAX, FORMAT_ROUNDS_MAX, POLICY_FILE_BYTES_MAX, POLICY_LINE_COLUMNS};
use crate::load::{bounded, comments, in_file, on_large_stack, statements};

/// The text of a file in the common form; the text itself when that is how it is written already. Templates are formatted,
/// too, although none loads. A file without policies is left as it is.
///
/// # Errors
/// The file is over a bound or not Cedar, with places; or what the formatter wrote cannot be relied on.
pub fn format(source: &Arc<Source>) -> Result<String, Vec<Diagnostic>> {
    let source = source.clone();
    on_large_stack(move || format_here(&source))?.map_err(bounded)
}

fn format_here(source: &Arc<Source>) -> Result<String, Vec<Diagnostic>> {
    // Cedar's parser has no depth guard of its own.
    if statements(source)?.is_empty() {
        return Ok(source.text.clone());
    }
    let whole = Span { source: source.clone(), start: 0, end: source.text.len() };
    let before = parsed(&source.text).map_err(|errors| {
        // One more than are shown, so that it is said that there are more.
        let errors = errors.iter().take(FINDINGS_MAX + 1);
        errors.map(|error| in_file("policy.syntax", error, &whole)).collect::<Vec<_>>()
    })?;
    let config = Config { line_width: POLICY_LINE_COLUMNS, indent_width: 2 };
    let refused = |why: &str| {
        let found = Diagnostic::error("policy.unformatted", format!("this file cannot be formatted: {why}"));
        vec![
            found
                .at(Span { end: 0, ..whole.clone() })
                .help("it is left as it is; move comments to lines of their own"),
        ]
    };
    let mut text = source.text.clone();
    for _ in 0..FORMAT_ROUNDS_MAX {
        let next = policies_str_to_pretty(&text, &config).map_err(|error| refused(&error.to_string()))?;
        if next.len() > POLICY_FILE_BYTES_MAX {
            return Err(refused(&format!(
                "it would then be over the {POLICY_FILE_BYTES_MAX} bytes that a file may have"
            )));
        }
        if next == text {
            let same = parsed(&text).is_ok_and(|after| after == before);
            return match (same, comments(&source.text) == comments(&text)) {
                (true, true) => Ok(text),
                (false, _) => Err(refused("the formatter would change what it means")),
                (true, false) => Err(refused("the formatter would lose a comment")),
            };
        }
        text = next;
    }
    Err(refused("the formatter writes it differently each time"))
}

/// Everything that a text means, without places, in order.
fn parsed(text: &str) -> Result<Vec<String>, Vec<DetailedError>> {
    let set: PolicySet = text
        .parse()
        .map_err(|errors: cedar_policy::ParseErrors| errors.iter().map(Into::into).collect::<Vec<_>>())?;
    let policies = set.policies().map(|policy| (policy.id().to_string(), policy.to_json()));
    let templates = set.templates().map(|template| (template.id().to_string(), template.to_json()));
    let mut meant: Vec<String> = policies
        .chain(templates)
        .map(|(id, json)| match json {
            Ok(json) => format!("{id} {json}"),
            // Never the same as anything: in doubt the text stays.
            Err(error) => format!("{id} {error} {text}"),
        })
        .collect();
    meant.sort();
    Ok(meant)
}
