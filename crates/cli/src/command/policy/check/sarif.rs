//! Findings in SARIF 2.1.0, which code scanning reads.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>; members named here are those of its sections 3.13
//! (file), 3.14 (run), 3.27 (result), 3.30 (region) and 3.49 (rule).

use std::collections::BTreeSet;
use std::path::Path;

use diagnostic::{Diagnostic, Severity, Span};
use policy::Weight;
use serde_json::{Map, Value as Json, json};

use super::{path_from_here, whole_message};
use crate::pages;

/// The whole log: one run, with the rules that were broken.
pub(super) fn render(found: &[Diagnostic], base: &Path) -> Json {
    let codes: BTreeSet<&str> = found.iter().map(|diagnostic| diagnostic.code).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let results: Vec<Json> = found.iter().map(|diagnostic| result(diagnostic, &codes, base)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "moonward",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": codes.iter().map(|code| rule(code)).collect::<Vec<_>>(),
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(name: &str) -> Json {
    let mut rule = Map::new();
    rule.insert("id".to_owned(), name.into());
    if let Some(page) = pages::page(name) {
        rule.insert("shortDescription".to_owned(), json!({ "text": page.summary() }));
        rule.insert("help".to_owned(), json!({ "text": page.plain(), "markdown": page.text }));
    }
    // How much a finding in a manifest matters, it says itself.
    if let Some(code) = policy::code(name) {
        let level = match code.weight {
            Weight::Error => "error",
            Weight::Doubt | Weight::Warning => "warning",
        };
        rule.insert("defaultConfiguration".to_owned(), json!({ "level": level }));
    }
    Json::Object(rule)
}

fn result(diagnostic: &Diagnostic, codes: &[&str], base: &Path) -> Json {
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let locations: Vec<Json> = diagnostic.span.iter().map(|span| location(span, base)).collect();
    json!({
        "ruleId": diagnostic.code,
        "ruleIndex": codes.iter().position(|code| *code == diagnostic.code),
        "level": level,
        "message": { "text": whole_message(diagnostic) },
        "locations": locations,
    })
}

fn location(span: &Span, base: &Path) -> Json {
    let (start_line, start_column) = span.position();
    let end = Span { source: span.source.clone(), start: span.end, end: span.end };
    let (end_line, end_column) = end.position();
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&path_from_here(base, &span.source.path)) },
            "region": {
                "startLine": start_line,
                "startColumn": start_column,
                "endLine": end_line,
                "endColumn": end_column,
            },
        },
    })
}

/// A path as a URI reference (RFC 3986, section 2.1).
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    let mut text = scheme.to_owned();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_path_is_a_uri_reference() {
        assert_eq!(uri("my app/ä:b.cedar"), "my%20app/%C3%A4%3Ab.cedar");
        assert_eq!(uri("/srv/a.cedar"), "file:///srv/a.cedar");
    }
}
