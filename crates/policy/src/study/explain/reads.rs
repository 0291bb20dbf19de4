//! What a test reads, with the values that it finds there: chains of attributes and tags, each evaluated by Cedar.

use cedar_policy::{EntityUid, EvalResult};
use serde_json::Value as Json;

use super::parts::place;
use super::value::{as_json, entity, shown};
use super::weigh::Scale;
use crate::limits::EXPLAIN_READS_MAX;
use crate::load::Lexeme;

/// One thing that a test reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// What is read, as policies write it. Hostile text.
    pub path: String,
    /// What is there.
    pub found: Found,
}

/// What is found where a test reads.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A value.
    Value {
        /// For people, with every text in it visible and cut to a bound.
        shown: String,
        /// As it is; an entity as its type and id.
        json: Json,
        /// Of an entity that is asked for what it is in: that, in order, for people.
        within: Vec<String>,
    },
    /// Nothing.
    Absent,
    /// It fails, as Cedar words it. Hostile text.
    Fails(String),
}

/// The words that a chain can begin with.
const VARIABLES: [&str; 4] = ["principal", "action", "resource", "context"];

/// What these lexemes read, in their order, each once; at most [`EXPLAIN_READS_MAX`].
pub(super) fn reads(scale: &Scale<'_>, lexemes: &[Lexeme<'_>]) -> Vec<Read> {
    let mut reads: Vec<Read> = Vec::new();
    for at in 0..lexemes.len() {
        let Some(chain) = Chain::at(scale, lexemes, at) else { continue };
        if reads.len() < EXPLAIN_READS_MAX && !reads.iter().any(|read| read.path == chain.path) {
            reads.push(chain.read(scale));
        }
    }
    reads
}

/// A variable and what is looked at from there.
pub(super) struct Chain {
    /// As policies write it, without white space and comments.
    pub(super) path: String,
    /// Each beginning of it that may have no such member, with the question whether it has.
    presence: Vec<String>,
    asks_for_within: bool,
    /// How many lexemes it has.
    pub(super) length: usize,
}

impl Chain {
    /// The chain that begins with the lexeme at this place. The context as a whole is none.
    pub(super) fn at(scale: &Scale<'_>, lexemes: &[Lexeme<'_>], at: usize) -> Option<Self> {
        let text = |at: usize| lexemes.get(at).map_or("", |lexeme| lexeme.text);
        let before = at.checked_sub(1).map_or("", text);
        if !VARIABLES.contains(&text(at))
            || matches!(before, "." | "has" | "::" | "is")
            || matches!(text(at + 1), ":" | "::" | "(")
        {
            return None;
        }
        let mut chain =
            Self { path: text(at).to_owned(), presence: Vec::new(), asks_for_within: false, length: 1 };
        loop {
            let here = at + chain.length;
            match (text(here), text(here + 1)) {
                (".", "getTag" | "hasTag") if text(here + 2) == "(" => {
                    let Some(key) = argument(lexemes, here + 2) else { break };
                    let written = scale.text(place(lexemes.get(key.clone()).unwrap_or_default()));
                    chain.presence.push(format!("{}.hasTag({written})", chain.path));
                    chain.path.push_str(&format!(".getTag({written})"));
                    chain.length = key.end + 1 - at;
                    break;
                }
                (".", name) if text(here + 2) != "(" => chain.step(name, &format!(".{name}"), 2),
                ("[", name) if text(here + 2) == "]" => chain.step(name, &format!("[{name}]"), 3),
                _ => break,
            }
        }
        match text(at + chain.length) {
            "has" => {
                chain.length += 1;
                loop {
                    let here = at + chain.length;
                    let name = text(here);
                    let member = if name.starts_with('"') { format!("[{name}]") } else { format!(".{name}") };
                    chain.step(name, &member, 1);
                    match text(here + 1) {
                        "." => chain.length += 1,
                        _ => break,
                    }
                }
            }
            "in" => chain.asks_for_within = true,
            "is" => chain.asks_for_within = lexemes.iter().skip(at).any(|lexeme| lexeme.text == "in"),
            _ => {}
        }
        (chain.path != "context").then_some(chain)
    }

    fn step(&mut self, name: &str, member: &str, length: usize) {
        self.presence.push(format!("{} has {name}", self.path));
        self.path.push_str(member);
        self.length += length;
    }

    fn read(self, scale: &Scale<'_>) -> Read {
        let found = match scale.value(&self.path) {
            Ok(value) => {
                let within = match (&value, self.asks_for_within) {
                    (EvalResult::EntityUid(uid), true) => within(scale, uid),
                    _ => Vec::new(),
                };
                Found::Value { shown: shown(&value), json: as_json(&value), within }
            }
            Err(failure) => {
                let is_there = |asked: &String| scale.value(asked).ok() != Some(EvalResult::Bool(false));
                match self.presence.iter().all(is_there) {
                    true => Found::Fails(failure.message),
                    false => Found::Absent,
                }
            }
        };
        Read { path: self.path, found }
    }
}

/// Where what stands in the brackets that open at this place is.
fn argument(lexemes: &[Lexeme<'_>], open: usize) -> Option<std::ops::Range<usize>> {
    let mut depth = 0_usize;
    for (at, lexeme) in lexemes.iter().enumerate().skip(open) {
        match lexeme.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return (at > open + 1).then_some(open + 1..at);
        }
    }
    None
}

fn within(scale: &Scale<'_>, uid: &EntityUid) -> Vec<String> {
    let above = scale.case.entities.ancestors(uid).into_iter().flatten();
    let mut above: Vec<String> = above.map(entity).collect();
    above.sort();
    above
}
