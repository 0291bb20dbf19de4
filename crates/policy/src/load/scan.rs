//! A look at the text before Cedar's parser sees it: where each policy begins and ends, and whether its
//! syntax tree would stay within bounds.
//!
//! Cedar's parser has no depth guard; text over the bounds must not reach it. This scan knows strings, comments,
//! brackets and the operators that chain, nothing else: whether a policy means anything is the parser's to say.

use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span};

use crate::limits::{
    BRACKETS_NESTED_MAX, CHAIN_OPERATORS_MAX, EXPRESSION_DEPTH_MAX, IFS_NESTED_MAX, POLICY_FILE_BYTES_MAX,
};

/// One policy's text, from its first annotation or keyword to its `;`.
pub(super) struct Statement {
    pub(super) span: Span,
    /// Where a template's slot stands, if there is one.
    pub(super) slot: Option<Span>,
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
pub(super) fn statements(source: &Arc<Source>) -> Result<Vec<Statement>, Vec<Diagnostic>> {
    if source.text.len() > POLICY_FILE_BYTES_MAX {
        let (bytes, path) = (source.text.len(), &source.path);
        let message = format!("`{path}` is {bytes} bytes, at most {POLICY_FILE_BYTES_MAX} allowed");
        return Err(vec![Diagnostic::error("policy.too-large", message)]);
    }
    let mut scan = Scan { source, statements: Vec::new(), found: Vec::new(), open: None };
    for token in Tokens::new(&source.text) {
        scan.token(&token);
    }
    scan.end(source.text.trim_end().len());
    if scan.found.is_empty() { Ok(scan.statements) } else { Err(scan.found) }
}

/// What chains, from the loosest to the tightest binding. Each operator of a chain is one level of the tree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Chain {
    Clause,
    If,
    Or,
    And,
    Relation,
    Sum,
    Product,
    Member,
}

impl Chain {
    const COUNT: usize = Self::Member as usize + 1;

    /// Whether it ends the chains that bind tighter. Words never do: Cedar lets `in`, `when` or `if` be names as
    /// well, and a name among terms must not hide how long the chain around it is.
    fn ends_tighter(self) -> bool {
        !matches!(self, Self::Clause | Self::If)
    }

    fn of(token: &str) -> Option<Self> {
        match token {
            "when" | "unless" => Some(Self::Clause),
            "if" => Some(Self::If),
            "||" => Some(Self::Or),
            "&&" => Some(Self::And),
            "==" | "!=" | "<" | ">" | "<=" | ">=" => Some(Self::Relation),
            "+" | "-" => Some(Self::Sum),
            "*" => Some(Self::Product),
            "." => Some(Self::Member),
            _ => None,
        }
    }
}

/// What stands between two brackets, or in a whole policy.
#[derive(Default)]
struct Level {
    /// Operators of each chain since it began.
    running: [usize; Chain::COUNT],
    /// The longest chain of each sort.
    longest: [usize; Chain::COUNT],
    /// Depth of the deepest brackets inside.
    deepest: usize,
    /// Most `if`s within one another in brackets inside.
    ifs_inside: usize,
}

impl Level {
    /// Counts an operator. Gives the length of its chain.
    fn count(&mut self, chain: Chain) -> usize {
        let mut length = 0;
        for (at, (running, longest)) in self.running.iter_mut().zip(&mut self.longest).enumerate() {
            match at.cmp(&(chain as usize)) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => {
                    *running += 1;
                    *longest = (*longest).max(*running);
                    length = *running;
                }
                std::cmp::Ordering::Greater if chain.ends_tighter() => *running = 0,
                std::cmp::Ordering::Greater => {}
            }
        }
        length
    }

    fn depth(&self) -> usize {
        1 + self.longest.iter().sum::<usize>() + self.deepest
    }

    /// Most `if`s within one another: those of one level stand in each other's branches.
    fn ifs(&self) -> usize {
        self.longest.get(Chain::If as usize).copied().unwrap_or_default() + self.ifs_inside
    }
}

/// What a token leaves behind it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A dot: the word after it is a member's name, whatever it says.
    Dot,
    /// A word, a value or a closed bracket: a bracket after it looks into that.
    Term,
    /// Anything else.
    Mark,
}

impl Before {
    fn of(token: &str) -> Self {
        match token.chars().next() {
            Some('.') => Self::Dot,
            Some(')' | ']' | '}' | '"' | '_') => Self::Term,
            Some(first) if first.is_alphanumeric() => Self::Term,
            _ => Self::Mark,
        }
    }
}

/// A policy being scanned.
struct Open {
    start: usize,
    levels: Vec<Level>,
    slot: Option<Span>,
    /// What the token before leaves behind it.
    before: Before,
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
    fn token(&mut self, token: &Token<'_>) {
        if token.text == ";" {
            return self.end(token.start + 1);
        }
        let span =
            Span { source: self.source.clone(), start: token.start, end: token.start + token.text.len() };
        let open = self.open.get_or_insert_with(|| Open {
            start: token.start,
            levels: vec![Level::default()],
            slot: None,
            before: Before::Mark,
            wrong: false,
        });
        let before = std::mem::replace(&mut open.before, Before::of(token.text));
        let problem = match token.text {
            "(" | "[" if before == Before::Term => open.chain(Chain::Member, token.text).or(open.nest()),
            "(" | "[" | "{" => open.nest(),
            ")" | "]" | "}" => open.unnest(),
            "," => {
                open.levels.last_mut().into_iter().for_each(|level| level.running = [0; Chain::COUNT]);
                None
            }
            text if text.starts_with('?') => {
                open.slot.get_or_insert(span.clone());
                None
            }
            _ if before == Before::Dot => None,
            text => Chain::of(text).and_then(|chain| open.chain(chain, text)),
        };
        if let Some(message) = problem
            && !open.wrong
        {
            open.wrong = true;
            self.found.push(too_deep(message, span));
        }
    }

    /// The policy ends before byte `end`.
    fn end(&mut self, end: usize) {
        let Some(mut open) = self.open.take() else { return };
        while open.levels.len() > 1 {
            open.unnest();
        }
        let span = Span { source: self.source.clone(), start: open.start, end };
        let whole = open.levels.pop().unwrap_or_default();
        let (depth, ifs) = (whole.depth(), whole.ifs());
        let message = if depth > EXPRESSION_DEPTH_MAX {
            format!("this policy is {depth} levels deep, at most {EXPRESSION_DEPTH_MAX} allowed")
        } else if ifs > IFS_NESTED_MAX {
            format!("`if` nests {ifs} deep in this policy, at most {IFS_NESTED_MAX} allowed")
        } else {
            return self.statements.push(Statement { span, slot: open.slot });
        };
        if !open.wrong {
            self.found.push(too_deep(message, span));
        }
    }
}

fn too_deep(message: String, span: Span) -> Diagnostic {
    Diagnostic::error("policy.too-deep", message)
        .at(span)
        .help("write several policies, or use a set and `in`")
}

impl Open {
    fn nest(&mut self) -> Option<String> {
        self.levels.push(Level::default());
        let nested = self.levels.len() - 1;
        (nested > BRACKETS_NESTED_MAX)
            .then(|| format!("brackets nest {nested} deep, at most {BRACKETS_NESTED_MAX} allowed"))
    }

    fn unnest(&mut self) -> Option<String> {
        // A bracket that closes nothing is the parser's to complain about.
        if self.levels.len() > 1
            && let Some(inner) = self.levels.pop()
            && let Some(outer) = self.levels.last_mut()
        {
            outer.deepest = outer.deepest.max(inner.depth());
            outer.ifs_inside = outer.ifs_inside.max(inner.ifs());
        }
        None
    }

    fn chain(&mut self, chain: Chain, text: &str) -> Option<String> {
        let length = self.levels.last_mut()?.count(chain);
        (length > CHAIN_OPERATORS_MAX).then(|| {
            format!("`{text}` occurs {length} times in a row, at most {CHAIN_OPERATORS_MAX} allowed")
        })
    }
}

/// A word, a number, a string, a slot or a mark.
struct Token<'a> {
    start: usize,
    text: &'a str,
}

/// The tokens of a text, comments and white space left out.
struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            let comment = if rest.get(blank..).is_some_and(|text| text.starts_with("//")) {
                rest.get(blank..).and_then(|text| text.find(['\n', '\r'])).unwrap_or(rest.len() - blank)
            } else {
                0
            };
            if blank + comment == 0 {
                return;
            }
            self.at += blank + comment;
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let length = match first {
            '"' => string_length(rest),
            '?' => 1 + word_length(rest.get(1..).unwrap_or_default()),
            _ if first.is_alphanumeric() || first == '_' => word_length(rest),
            _ if ["||", "&&", "==", "!=", "<=", ">=", "::"].iter().any(|mark| rest.starts_with(mark)) => 2,
            _ => first.len_utf8(),
        };
        let token = Token { start: self.at, text: rest.get(..length)? };
        self.at += length;
        Some(token)
    }
}

fn word_length(text: &str) -> usize {
    text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len())
}

/// Bytes of a string with its quotes; of one that is not closed, all that follows.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
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
        // 63 levels of 100 terms each: every bound on its own is kept.
        let both = (0..63).fold("true".to_owned(), |inner, _| format!("({inner}{})", " || true".repeat(100)));
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
                Some("`if` nests 9 deep in this policy, at most 8 allowed"),
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
            (when(&format!("[{}].contains(1)", "1 + 1, ".repeat(5000))), None),
            (when(&both), Some("this policy is 6367 levels deep, at most 1000 allowed")),
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
