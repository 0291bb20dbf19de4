//! A look at the text before Cedar's parser sees it: where each policy begins and ends, and whether its syntax
//! tree stays within bounds.
//!
//! Cedar's parser has no depth guard; text over the bounds must not reach it. Whether a policy means anything is
//! the parser's to say.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};

use super::depth::Depth;
use super::lexeme::{Lexeme, Lexemes};
use crate::limits::{POLICY_FILE_BYTES_MAX, POLICY_TOKENS_MAX};

/// One policy's text, from its first annotation or keyword to its `;`.
pub(crate) struct Statement {
    pub(super) span: Span,
    /// Where a template's slot stands, if there is one.
    pub(super) slot: Option<Span>,
    /// How many tokens it is long, to which what it costs to evaluate is at most proportional.
    pub(super) tokens: usize,
}

impl Statement {
    pub(super) fn text(&self) -> &str {
        self.span.source.text.get(self.span.start..self.span.end).unwrap_or_default()
    }
}

/// The policies of a file.
///
/// # Errors
/// The file or one of its policies is over a bound. None of it should be parsed then.
pub(crate) fn statements(source: &Arc<Source>) -> Result<Vec<Statement>, Vec<Diagnostic>> {
    if source.text.len() > POLICY_FILE_BYTES_MAX {
        let (bytes, path) = (source.text.len(), &source.path);
        let message = format!("`{path}` is {bytes} bytes, at most {POLICY_FILE_BYTES_MAX} allowed");
        return Err(vec![Diagnostic::error("policy.too-large", message)]);
    }
    let mut scan = Scan { source, statements: Vec::new(), found: Vec::new(), open: None };
    for token in Lexemes::new(&source.text) {
        scan.token(&token);
    }
    scan.end(source.text.trim_end().len());
    if scan.found.is_empty() { Ok(scan.statements) } else { Err(scan.found) }
}

/// The lexemes of an expression that stands alone, if it stays within the bounds of a policy.
///
/// # Errors
/// It is over a bound. It should not be parsed then.
pub(crate) fn expression(source: &Arc<Source>) -> Result<Vec<Lexeme<'_>>, Box<Diagnostic>> {
    let mut depth = Depth::new();
    let mut tokens = Vec::new();
    for token in Lexemes::new(&source.text) {
        let too_long = (tokens.len() == POLICY_TOKENS_MAX)
            .then(|| format!("this is over {POLICY_TOKENS_MAX} words and marks long"));
        if let Some(message) = depth.token(token.text).or(too_long) {
            let end = token.start + token.text.len();
            let span = Span { source: source.clone(), start: token.start, end };
            return Err(Box::new(Diagnostic::error("policy.too-deep", message).at(span)));
        }
        tokens.push(token);
    }
    match depth.end() {
        None => Ok(tokens),
        Some(message) => Err(Box::new(Diagnostic::error("policy.too-deep", message).at(Span {
            source: source.clone(),
            start: 0,
            end: source.text.len(),
        }))),
    }
}

/// A policy being scanned.
struct Open {
    start: usize,
    depth: Depth,
    slot: Option<Span>,
    tokens: usize,
    /// Whether something is wrong already: one finding a policy is enough.
    wrong: bool,
}

struct Scan<'a> {
    source: &'a Arc<Source>,
    statements: Vec<Statement>,
    found: Vec<Diagnostic>,
    open: Option<Open>,
}

impl Scan<'_> {
    fn token(&mut self, token: &Lexeme<'_>) {
        let end = token.start + token.text.len();
        if token.text == ";" {
            return self.end(end);
        }
        let span = Span { source: self.source.clone(), start: token.start, end };
        let open = self.open.get_or_insert_with(|| Open {
            start: token.start,
            depth: Depth::new(),
            slot: None,
            tokens: 0,
            wrong: false,
        });
        open.tokens += 1;
        if token.text.starts_with('?') {
            open.slot.get_or_insert_with(|| span.clone());
        }
        let too_long = (open.tokens > POLICY_TOKENS_MAX)
            .then(|| format!("this policy is over {POLICY_TOKENS_MAX} words and marks long"));
        if let Some(message) = open.depth.token(token.text).or(too_long)
            && !open.wrong
        {
            open.wrong = true;
            self.found.push(too_deep(message, span));
        }
    }

    /// The policy ends before byte `end`.
    fn end(&mut self, end: usize) {
        let Some(open) = self.open.take() else { return };
        let span = Span { source: self.source.clone(), start: open.start, end };
        match open.depth.end() {
            None => self.statements.push(Statement { span, slot: open.slot, tokens: open.tokens }),
            Some(message) if !open.wrong => self.found.push(too_deep(message, span)),
            Some(_) => {}
        }
    }
}

fn too_deep(message: String, span: Span) -> Diagnostic {
    Diagnostic::error("policy.too-deep", message)
        .at(span)
        .help("write several policies, or give what the list names a group and use `in`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Result<Vec<Statement>, Vec<Diagnostic>> {
        statements(&Arc::new(Source { path: "a.cedar".into(), text: text.to_owned() }))
    }

    #[test]
    fn policies_are_told_apart_whatever_their_strings_and_comments_hold() {
        let text = "// one; two\n@id(\"a;\\\"\") permit (principal, action, resource); // rest (((\n\n \
                    forbid (principal, action, resource) when { \"//\" == \"}\" };\npermit (";
        let statements = scan(text).unwrap();
        let texts: Vec<&str> = statements.iter().map(Statement::text).collect();
        assert_eq!(
            texts,
            [
                "@id(\"a;\\\"\") permit (principal, action, resource);",
                "forbid (principal, action, resource) when { \"//\" == \"}\" };",
                "permit (",
            ]
        );
        assert!(scan("// nothing\n").unwrap().is_empty());
    }

    #[test]
    fn text_that_would_exhaust_the_parser_is_refused() {
        let when = |condition: &str| format!("permit (principal, action, resource) when {{ {condition} }};");
        let nested = |count: usize| when(&format!("{}true{}", "(".repeat(count), ")".repeat(count)));
        let chain = |operator: &str, count: usize| when(&vec!["1"; count + 1].join(operator));
        // 63 levels of 60 terms each: every bound on its own is kept.
        let both = (0..63).fold("true".to_owned(), |inner, _| format!("({inner}{})", " || true".repeat(60)));
        for (text, refused) in [
            (nested(63), None),
            (nested(64), Some("brackets nest 65 deep, at most 64 allowed")),
            (nested(800), Some("brackets nest 65 deep, at most 64 allowed")),
            (chain(" || ", 200), None),
            (chain(" || ", 600), Some("`||` occurs 201 times in a row, at most 200 allowed")),
            (chain(" && ", 201), Some("`&&` occurs 201 times in a row, at most 200 allowed")),
            (chain("+", 201), Some("`+` occurs 201 times in a row, at most 200 allowed")),
            (chain("-", 201), Some("`-` occurs 201 times in a row, at most 200 allowed")),
            (chain(" * ", 201), Some("`*` occurs 201 times in a row, at most 200 allowed")),
            (chain(".a", 201), Some("`.` occurs 201 times in a row, at most 200 allowed")),
            (
                when(&format!("a{}", ".in".repeat(201))),
                Some("`.` occurs 201 times in a row, at most 200 allowed"),
            ),
            (
                when(&format!("a{}", "[\"a\"]".repeat(201))),
                Some("`[` occurs 201 times in a row, at most 200 allowed"),
            ),
            (
                chain(" + in + if::a + when + ", 51),
                Some("`+` occurs 201 times in a row, at most 200 allowed"),
            ),
            (
                when(&format!("true // \r {}", "(".repeat(65))),
                Some("brackets nest 65 deep, at most 64 allowed"),
            ),
            (chain(" == 2 || 1 == 1 && 1", 199), None),
            (when(&format!("{}1", "if true then 1 else ".repeat(8))), None),
            (
                when(&format!("{}1{}", "if true then (".repeat(9), ") else 2".repeat(9))),
                Some("`if` nests 9 deep, at most 8 allowed"),
            ),
            (
                when(&format!(
                    "(if true then (if true then 1 else 2) else 3){}",
                    " + (if true then 1 else 2)".repeat(9)
                )),
                None,
            ),
            (
                when(&"if true then 1 else ".repeat(201)),
                Some("`if` occurs 201 times in a row, at most 200 allowed"),
            ),
            (
                format!("permit (principal, action, resource) {};", "when { true } ".repeat(201)),
                Some("`when` occurs 201 times in a row, at most 200 allowed"),
            ),
            (when(&format!("[{}].contains(1)", "1 + 1, ".repeat(2000))), None),
            (
                when(&format!("[{}].contains(1)", "1 + 1, ".repeat(5000))),
                Some("this policy is over 10000 words and marks long"),
            ),
            (when(&both), Some("this is 3847 levels deep, at most 1000 allowed")),
            (when(&format!("\"{}\" == \"\"", "(".repeat(800))), None),
        ] {
            let found = scan(&text).err().map(|found| found[0].message.clone());
            assert_eq!(found.as_deref(), refused, "{:.80}", text);
        }
    }

    #[test]
    fn a_file_over_its_bound_is_refused_unread() {
        let found = scan(&" ".repeat(POLICY_FILE_BYTES_MAX + 1)).err().unwrap();
        assert_eq!(found[0].message, "`a.cedar` is 262145 bytes, at most 262144 allowed");
    }
}
