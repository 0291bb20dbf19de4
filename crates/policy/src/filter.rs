//! A filter of audit records: a Cedar expression over `record`, the line as it is in the log.
//!
//! The expression is evaluated as a policy's condition would be, with the record's members in the context's place; only
//! those that it names are looked at. What a member means, and where a record comes from, is not known here.

mod compared;
mod record;
mod truth;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cedar_policy::ffi::DetailedError;
use cedar_policy::{
    Context, Entities, EvalResult, EvaluationError, Expression, ParseErrors, Request, eval_expression,
};
use diagnostic::{Diagnostic, Source, Span, did_you_mean, visible};
use serde_json::Value as Json;

use crate::cedar::action_uid;
use crate::limits::{CEDAR_MESSAGE_CHARS_MAX, FILTER_BYTES_MAX};
use crate::load::{Lexeme, expression, in_file, on_large_stack};

/// The only variable.
const VARIABLE: &str = "record";

/// What Cedar knows it as.
const CEDARS_VARIABLE: &str = "context";

/// A compiled filter. Threads that call [`Filter::matches`], or drop a filter, need a stack of
/// [`crate::limits::EVALUATION_STACK_BYTES`].
#[derive(Debug, Clone)]
pub struct Filter {
    source: Arc<Source>,
    expression: Expression,
    /// Where `record` stands in the source, in order.
    variables: Vec<usize>,
    members: Members,
    doubts: Vec<Diagnostic>,
}

/// Which members of a record the expression looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Members {
    Named(BTreeSet<String>),
    /// The record as a whole.
    All,
}

/// Why nothing can be said of a record: it counts as not matching.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoMatch {
    /// What is wrong, without anything that is in the record: the same for every record with the same trouble.
    what: String,
}

impl fmt::Display for NoMatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl Filter {
    /// Compiles an expression such as `record.action == "process.send" && record.context.bytes > 1000`.
    ///
    /// # Errors
    /// It is no Cedar expression, is over a bound, names another variable than `record`, or cannot come to true or false; with
    /// the place of it.
    pub fn compile(text: &str) -> Result<Self, Vec<Diagnostic>> {
        let source = Arc::new(Source { path: "--where".to_owned(), text: text.to_owned() });
        on_large_stack(move || Self::compile_here(&source))?
    }

    fn compile_here(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        let whole = Span { source: source.clone(), start: 0, end: source.text.len() };
        let bytes = source.text.len();
        if bytes > FILTER_BYTES_MAX {
            let message = format!("the filter is {bytes} bytes, at most {FILTER_BYTES_MAX} allowed");
            return Err(vec![Diagnostic::error("policy.too-large", message)]);
        }
        let tokens = expression(source).map_err(|found| vec![*found])?;
        let variables = variables(source, &tokens)?;
        let never_true = compared::never_true(source, &tokens, &variables);
        let mut filter = Self {
            source: source.clone(),
            expression: Expression::new_bool(false),
            members: members(&tokens, &variables),
            variables: variables.into_iter().filter_map(|at| Some(tokens.get(at)?.start)).collect(),
            doubts: Vec::new(),
        };
        filter.expression = filter.as_cedar_has_it().parse().map_err(|errors: ParseErrors| {
            let errors = errors.iter().map(DetailedError::from);
            errors.map(|error| filter.found(&error, &whole)).collect::<Vec<_>>()
        })?;
        if let Some(otherwise) = truth::otherwise(&filter.as_cedar_has_it()) {
            let message = format!("the filter comes to {otherwise}, and not to true or false");
            let found = Diagnostic::error("policy.syntax", message).at(whole);
            return Err(vec![found.help("compare it, such as `record.actor == \"acme/user/ada\"`")]);
        }
        filter.doubts = doubts(source, &tokens, &filter.members);
        filter.doubts.extend(never_true);
        Ok(filter)
    }

    /// What is probably not meant: members that no record has, and comparisons that come out the same for each. Such a filter can be used all the same, since later versions
    /// of the product may add members.
    pub fn doubts(&self) -> &[Diagnostic] {
        &self.doubts
    }

    /// Whether the expression looks at the member of a record that has this name.
    pub fn reads(&self, member: &str) -> bool {
        match &self.members {
            Members::Named(names) => names.contains(member),
            Members::All => true,
        }
    }

    /// Whether a record is one of those that are looked for.
    ///
    /// Numbers that a record has as text (`seq`, `generation`, `duration_ns`, ...) are numbers here where they fit into 64 bits
    /// with a sign, `ts` is a `datetime` of milliseconds, and what Cedar has no form for (`null`, fractions) is absent.
    ///
    /// # Errors
    /// The record lacks a member that is read without `has`, a member is of another type than the expression takes it for,
    /// or the expression does not come to true or false.
    pub fn matches(&self, record: &Json) -> Result<bool, NoMatch> {
        let members = record.as_object().into_iter().flatten();
        let members = members.filter(|(name, _)| self.reads(name));
        let context = Context::from_pairs(members.filter_map(|(name, value)| record::member(name, value)))
            .map_err(|_| NoMatch { what: "was no record that can be filtered".to_owned() })?;
        let request = Request::new(NOBODY.clone(), NOBODY.clone(), NOBODY.clone(), context, None)
            .map_err(|_| NoMatch { what: "was no record that can be filtered".to_owned() })?;
        match eval_expression(&request, &NOTHING, &self.expression) {
            Ok(EvalResult::Bool(matches)) => Ok(matches),
            Ok(_) => Err(NoMatch { what: "did not come to true or false".to_owned() }),
            Err(error) => Err(self.no_match(&error)),
        }
    }

    /// The text with Cedar's name for the variable.
    fn as_cedar_has_it(&self) -> String {
        let mut written = String::with_capacity(self.source.text.len() + self.variables.len());
        let mut end = 0;
        for at in &self.variables {
            written.push_str(self.source.text.get(end..*at).unwrap_or_default());
            written.push_str(CEDARS_VARIABLE);
            end = at + VARIABLE.len();
        }
        written.push_str(self.source.text.get(end..).unwrap_or_default());
        written
    }

    /// A place in the text that Cedar was given, in the text that was written.
    fn place(&self, cedars: usize) -> usize {
        let longer = CEDARS_VARIABLE.len() - VARIABLE.len();
        let before =
            self.variables.iter().enumerate().filter(|(before, at)| **at + before * longer < cedars).count();
        (cedars - (before * longer).min(cedars)).min(self.source.text.len())
    }

    /// What Cedar's parser found, at its place in the text that was written.
    fn found(&self, error: &DetailedError, whole: &Span) -> Diagnostic {
        let cedars = Arc::new(Source { path: String::new(), text: self.as_cedar_has_it() });
        let all = Span { start: 0, end: cedars.text.len(), source: cedars };
        let found = in_file("policy.syntax", error, &all);
        let span = found.span.as_ref().map_or(whole.clone(), |span| Span {
            source: self.source.clone(),
            start: self.place(span.start),
            end: self.place(span.end),
        });
        found.at(span)
    }

    fn no_match(&self, error: &EvaluationError) -> NoMatch {
        let error = DetailedError::from(error);
        let place = error
            .source_locations
            .first()
            .and_then(|label| self.source.text.get(self.place(label.loc.start)..self.place(label.loc.end)));
        let place = place.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        let what = match place {
            Some(place) if error.message.contains("does not have the attribute") => {
                format!("had no `{}`", visible(&place))
            }
            Some(place) => format!("failed at `{}`: {}", visible(&place), visible(&error.message)),
            None => format!("failed: {}", visible(&error.message)),
        };
        NoMatch { what: what.chars().take(CEDAR_MESSAGE_CHARS_MAX).collect() }
    }
}

/// Who asks, what for and on what: nobody, since no expression can name them.
static NOBODY: LazyLock<cedar_policy::EntityUid> = LazyLock::new(|| action_uid("record"));

static NOTHING: LazyLock<Entities> = LazyLock::new(Entities::empty);

/// Where in the tokens the variable stands, rather than a member, a type or a key of that name.
fn variables(source: &Arc<Source>, tokens: &[Lexeme<'_>]) -> Result<Vec<usize>, Vec<Diagnostic>> {
    let mut variables = Vec::new();
    let mut foreign = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).map_or("", |token| token.text);
        let after = tokens.get(at + 1).map_or("", |token| token.text);
        if matches!(before, "." | "has" | "::") || matches!(after, ":" | "::" | "(") {
            continue;
        }
        match token.text {
            VARIABLE => variables.push(at),
            "principal" | "action" | "resource" | "context" => {
                let span =
                    Span { source: source.clone(), start: token.start, end: token.start + token.text.len() };
                let name = if token.text == "principal" { "actor" } else { token.text };
                foreign.push(
                    Diagnostic::error("policy.syntax", format!("`{}` is not known in a filter", token.text))
                        .at(span)
                        .help(format!("write `record.{name}`")),
                );
            }
            slot if slot.starts_with('?') => {
                let span = Span { source: source.clone(), start: token.start, end: token.start + slot.len() };
                foreign.push(Diagnostic::error("policy.syntax", "a slot has no place in a filter").at(span));
            }
            _ => {}
        }
    }
    if foreign.is_empty() { Ok(variables) } else { Err(foreign) }
}

/// The member that is looked at where the variable stands at `at`, with the token that names it.
fn member_at(tokens: &[Lexeme<'_>], at: usize) -> Option<(String, usize)> {
    let text = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text);
    match (text(1), text(2), text(3)) {
        ("." | "has", name, _) if is_word(name) => Some((name.to_owned(), at + 2)),
        ("has", name, _) => Some((unquoted(name)?, at + 2)),
        ("[", name, "]") => Some((unquoted(name)?, at + 2)),
        _ => None,
    }
}

fn members(tokens: &[Lexeme<'_>], variables: &[usize]) -> Members {
    let named: Option<BTreeSet<String>> =
        variables.iter().map(|at| member_at(tokens, *at).map(|(name, _)| name)).collect();
    named.map_or(Members::All, Members::Named)
}

fn is_word(text: &str) -> bool {
    text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
}

/// What a string says, when that is plain; a string with escapes can say anything.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    (!inner.contains('\\')).then(|| inner.to_owned())
}

fn doubts(source: &Arc<Source>, tokens: &[Lexeme<'_>], members: &Members) -> Vec<Diagnostic> {
    let Members::Named(names) = members else { return Vec::new() };
    let known = record::MEMBERS.iter().map(String::as_str);
    let unknown = names.iter().filter(|name| !record::MEMBERS.contains(*name));
    let doubt = |name: &String| {
        let token = tokens.iter().position(|token| token.text == VARIABLE);
        let token = token.into_iter().flat_map(|first| first..tokens.len());
        let mut token = token.filter_map(|at| member_at(tokens, at)).filter(|(found, _)| found == name);
        let token = tokens.get(token.next()?.1)?;
        let span = Span { source: source.clone(), start: token.start, end: token.start + token.text.len() };
        let found = Diagnostic::warning("policy.has-unknown", format!("no record has a member `{name}`"));
        let found = found.at(span);
        Some(match did_you_mean(name, known.clone()) {
            Some(near) => found.help(format!("did you mean `{near}`?")),
            None => found,
        })
    };
    unknown.filter_map(doubt).collect()
}

#[cfg(test)]
mod tests;
