//! The lexemes of a policy file, as Cedar's lexer tells them apart where that matters to a scan.
//!
//! What differs from Cedar's differs on the safe side: a text that only one of the two can read is refused by
//! Cedar at that place, before anything that follows it.

/// A word, a number, a string, a slot or a mark.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexeme<'a> {
    pub(crate) start: usize,
    pub(crate) text: &'a str,
}

/// The lexemes of a text, comments and white space left out.
pub(super) struct Lexemes<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexemes<'a> {
    pub(super) fn new(text: &'a str) -> Self {
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

/// The lexemes of a text that is known to load.
pub(crate) fn lexemes(text: &str) -> Vec<Lexeme<'_>> {
    Lexemes::new(text).collect()
}

/// The comments of a text, in order, without the white space around them.
pub(crate) fn comments(text: &str) -> Vec<&str> {
    let mut between = Vec::new();
    let mut end = 0;
    for token in Lexemes::new(text) {
        between.push(text.get(end..token.start).unwrap_or_default());
        end = token.start + token.text.len();
    }
    between.push(text.get(end..).unwrap_or_default());
    let lines = between.into_iter().flat_map(|gap| gap.split(['\n', '\r']));
    lines.map(str::trim).filter(|line| line.starts_with("//")).collect()
}

impl<'a> Iterator for Lexemes<'a> {
    type Item = Lexeme<'a>;

    fn next(&mut self) -> Option<Lexeme<'a>> {
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
        let token = Lexeme { start: self.at, text: rest.get(..length)? };
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
