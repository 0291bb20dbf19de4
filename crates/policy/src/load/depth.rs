//! How deep the syntax tree of a policy, or of a filter, can become, counted from its tokens: a bound that is never too low.
//!
//! Brackets and operators are all that is looked at. A policy that is over a bound is not given to the parser.

use std::cmp::Ordering;

use crate::limits::{BRACKETS_NESTED_MAX, CHAIN_OPERATORS_MAX, EXPRESSION_DEPTH_MAX, IFS_NESTED_MAX};

/// The depth of one policy, token by token.
pub(super) struct Depth {
    /// The policy, and the brackets that are open in it. Never empty.
    levels: Vec<Level>,
    before: Before,
}

impl Depth {
    pub(super) fn new() -> Self {
        Self { levels: vec![Level::default()], before: Before::Mark }
    }

    /// Takes the next token. Says so when it leads over a bound.
    pub(super) fn token(&mut self, token: &str) -> Option<String> {
        let before = std::mem::replace(&mut self.before, Before::of(token));
        match token {
            "(" | "[" if before == Before::Term => self.chain(Chain::Member, token).or(self.nest()),
            "(" | "[" | "{" => self.nest(),
            ")" | "]" | "}" => {
                self.unnest();
                None
            }
            "," => {
                self.levels.last_mut().into_iter().for_each(|level| level.running = [0; Chain::COUNT]);
                None
            }
            _ if before == Before::Dot => None,
            text => Chain::of(text).and_then(|chain| self.chain(chain, text)),
        }
    }

    /// The policy ends here. Says so when it is over a bound as a whole.
    pub(super) fn end(mut self) -> Option<String> {
        while self.levels.len() > 1 {
            self.unnest();
        }
        let whole = self.levels.pop()?;
        let (depth, ifs) = (whole.depth(), whole.ifs());
        if depth > EXPRESSION_DEPTH_MAX {
            Some(format!("this is {depth} levels deep, at most {EXPRESSION_DEPTH_MAX} allowed"))
        } else if ifs > IFS_NESTED_MAX {
            Some(format!("`if` nests {ifs} deep, at most {IFS_NESTED_MAX} allowed"))
        } else {
            None
        }
    }

    fn nest(&mut self) -> Option<String> {
        self.levels.push(Level::default());
        let nested = self.levels.len() - 1;
        (nested > BRACKETS_NESTED_MAX)
            .then(|| format!("brackets nest {nested} deep, at most {BRACKETS_NESTED_MAX} allowed"))
    }

    fn unnest(&mut self) {
        // A bracket that closes nothing is the parser's to complain about.
        if self.levels.len() > 1
            && let Some(inner) = self.levels.pop()
            && let Some(outer) = self.levels.last_mut()
        {
            outer.depth_inside = outer.depth_inside.max(inner.depth());
            outer.ifs_inside = outer.ifs_inside.max(inner.ifs());
        }
    }

    fn chain(&mut self, chain: Chain, text: &str) -> Option<String> {
        let length = self.levels.last_mut()?.count(chain);
        (length > CHAIN_OPERATORS_MAX).then(|| {
            format!("`{text}` occurs {length} times in a row, at most {CHAIN_OPERATORS_MAX} allowed")
        })
    }
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
    depth_inside: usize,
    /// Most `if`s within one another in brackets inside.
    ifs_inside: usize,
}

impl Level {
    /// Counts an operator. Gives the length of its chain.
    fn count(&mut self, chain: Chain) -> usize {
        let mut length = 0;
        for (at, (running, longest)) in self.running.iter_mut().zip(&mut self.longest).enumerate() {
            match at.cmp(&(chain as usize)) {
                Ordering::Less => {}
                Ordering::Equal => {
                    *running += 1;
                    *longest = (*longest).max(*running);
                    length = *running;
                }
                Ordering::Greater if chain.ends_tighter() => *running = 0,
                Ordering::Greater => {}
            }
        }
        length
    }

    fn depth(&self) -> usize {
        1 + self.longest.iter().sum::<usize>() + self.depth_inside
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
