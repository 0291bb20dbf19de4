//! The parts of a policy as it is written: what its head asks for and its conditions, each taken apart where Cedar's grammar
//! joins truths: `&&`, `||`, `!`, `if`, brackets.
//!
//! Only places in the text are found here. What a part comes to is Cedar's to say.

use crate::load::Lexeme;

/// Where in a policy a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The principal of the head.
    Principal,
    /// The action of the head.
    Action,
    /// The resource of the head.
    Resource,
    /// A `when`.
    When,
    /// An `unless`.
    Unless,
}

impl Section {
    /// Its name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Action => "action",
            Self::Resource => "resource",
            Self::When => "when",
            Self::Unless => "unless",
        }
    }
}

/// A part of a condition.
#[derive(Debug)]
pub(super) struct Part<'t> {
    /// Its lexemes, brackets around it left out.
    pub(super) lexemes: &'t [Lexeme<'t>],
    pub(super) form: Form<'t>,
}

/// How a part is made of others.
#[derive(Debug)]
pub(super) enum Form<'t> {
    /// It is not.
    Test,
    /// All of them must hold: `&&`.
    All(Vec<Part<'t>>),
    /// One of them must hold: `||`.
    Any(Vec<Part<'t>>),
    /// It must not hold: `!`.
    Not(Box<Part<'t>>),
    /// `if`, `then`, `else`.
    If(Box<[Part<'t>; 3]>),
}

impl Part<'_> {
    /// First byte, and one past the last, without the brackets around it.
    pub(super) fn place(&self) -> (usize, usize) {
        place(self.lexemes)
    }

    /// How many parts it has, itself included.
    pub(super) fn count(&self) -> usize {
        let parts: &[Part<'_>] = match &self.form {
            Form::Test => &[],
            Form::All(parts) | Form::Any(parts) => parts,
            Form::Not(part) => return 1 + part.count(),
            Form::If(parts) => parts.as_slice(),
        };
        1 + parts.iter().map(Part::count).sum::<usize>()
    }
}

/// What the head of a policy asks for, and its conditions, in the order in which they are written. What the head leaves
/// open is left out.
pub(super) fn sections<'t>(policy: &'t [Lexeme<'t>]) -> Vec<(Section, Part<'t>)> {
    let mut found = Vec::new();
    let Some(head) = head(policy) else { return found };
    let constraints = split(head.inside, ",");
    for (section, constraint) in
        [Section::Principal, Section::Action, Section::Resource].into_iter().zip(constraints)
    {
        if constraint.len() > 1 {
            // A list of actions is no chain of truths.
            found.push((section, Part { lexemes: constraint, form: Form::Test }));
        }
    }
    let mut rest = head.after;
    while let [word, after @ ..] = rest {
        let section = match word.text {
            "when" => Section::When,
            "unless" => Section::Unless,
            _ => break,
        };
        let Some(condition) = bracketed(after) else { break };
        if !condition.inside.is_empty() {
            found.push((section, part(condition.inside)));
        }
        rest = condition.after;
    }
    found
}

struct Bracketed<'t> {
    inside: &'t [Lexeme<'t>],
    after: &'t [Lexeme<'t>],
}

/// The brackets after the effect, which no annotation has the name of.
fn head<'t>(policy: &'t [Lexeme<'t>]) -> Option<Bracketed<'t>> {
    let mut before = "";
    for (at, lexeme) in policy.iter().enumerate() {
        if matches!(lexeme.text, "permit" | "forbid") && before != "@" {
            return bracketed(policy.get(at + 1..)?);
        }
        before = lexeme.text;
    }
    None
}

/// What stands between the bracket that is first and the one that closes it.
fn bracketed<'t>(lexemes: &'t [Lexeme<'t>]) -> Option<Bracketed<'t>> {
    let mut depth = Depth::default();
    let closing = lexemes.iter().position(|lexeme| depth.after(lexeme.text) == 0)?;
    (closing > 0).then_some(())?;
    Some(Bracketed { inside: lexemes.get(1..closing)?, after: lexemes.get(closing + 1..)? })
}

/// How many brackets are open.
#[derive(Default)]
struct Depth(usize);

impl Depth {
    /// How many are open after this lexeme.
    fn after(&mut self, text: &str) -> usize {
        match text {
            "(" | "[" | "{" => self.0 += 1,
            ")" | "]" | "}" => self.0 = self.0.saturating_sub(1),
            _ => {}
        }
        self.0
    }
}

/// The part that these lexemes are.
fn part<'t>(written: &'t [Lexeme<'t>]) -> Part<'t> {
    let lexemes = bare(written);
    let [first, rest @ ..] = lexemes else { return Part { lexemes, form: Form::Test } };
    let form = if first.text == "if" {
        branches(rest).map_or(Form::Test, |branches| Form::If(Box::new(branches.map(part))))
    } else {
        let alternatives = split(lexemes, "||");
        let conjuncts = split(lexemes, "&&");
        if alternatives.len() > 1 {
            Form::Any(alternatives.into_iter().map(part).collect())
        } else if conjuncts.len() > 1 {
            Form::All(conjuncts.into_iter().map(part).collect())
        } else if first.text == "!" && operator(rest).is_none() && !rest.is_empty() {
            Form::Not(Box::new(part(rest)))
        } else {
            Form::Test
        }
    };
    Part { lexemes, form }
}

/// Without the brackets around all of it.
pub(super) fn bare<'t>(mut lexemes: &'t [Lexeme<'t>]) -> &'t [Lexeme<'t>] {
    while lexemes.first().is_some_and(|first| first.text == "(") {
        match bracketed(lexemes) {
            Some(Bracketed { inside, after: [] }) if !inside.is_empty() => lexemes = inside,
            _ => break,
        }
    }
    lexemes
}

/// What stands between marks of this sort, those in brackets left out. A mark at the end separates nothing.
pub(super) fn split<'t>(lexemes: &'t [Lexeme<'t>], mark: &str) -> Vec<&'t [Lexeme<'t>]> {
    let mut depth = Depth::default();
    let mut between: Vec<_> =
        lexemes.split(|lexeme| depth.after(lexeme.text) == 0 && lexeme.text == mark).collect();
    between.retain(|between| !between.is_empty());
    between
}

/// The test and the two branches of an `if`, which itself is left out.
fn branches<'t>(lexemes: &'t [Lexeme<'t>]) -> Option<[&'t [Lexeme<'t>]; 3]> {
    let (mut depth, mut nested, mut then) = (Depth::default(), 0_usize, None);
    for (at, lexeme) in lexemes.iter().enumerate() {
        if depth.after(lexeme.text) > 0 || is_name(lexemes, at) {
            continue;
        }
        match (lexeme.text, nested) {
            ("if", _) => nested += 1,
            ("then", 0) => then = Some(at),
            ("else", 0) => {
                let then = then?;
                return Some([lexemes.get(..then)?, lexemes.get(then + 1..at)?, lexemes.get(at + 1..)?]);
            }
            ("else", _) => nested -= 1,
            _ => {}
        }
    }
    None
}

/// Whether the word at this place is a name, whatever it says.
fn is_name(lexemes: &[Lexeme<'_>], at: usize) -> bool {
    let text = |at: Option<usize>| at.and_then(|at| lexemes.get(at)).map_or("", |lexeme| lexeme.text);
    matches!(text(at.checked_sub(1)), "." | "has" | "::") || matches!(text(Some(at + 1)), "::")
}

/// The first operator outside of brackets that binds looser than `!`, and where it stands.
pub(super) fn operator<'t>(lexemes: &'t [Lexeme<'t>]) -> Option<(usize, &'t str)> {
    const MARKS: [&str; 9] = ["==", "!=", "<", "<=", ">", ">=", "+", "-", "*"];
    const WORDS: [&str; 4] = ["in", "has", "like", "is"];
    let mut depth = Depth::default();
    let found = lexemes.iter().enumerate().find(|(at, lexeme)| {
        let outside = depth.after(lexeme.text) == 0 && *at > 0;
        outside && (MARKS.contains(&lexeme.text) || (WORDS.contains(&lexeme.text) && !is_name(lexemes, *at)))
    });
    found.map(|(at, lexeme)| (at, lexeme.text))
}

pub(super) fn place(lexemes: &[Lexeme<'_>]) -> (usize, usize) {
    let start = lexemes.first().map_or(0, |first| first.start);
    (start, lexemes.last().map_or(start, |last| last.start + last.text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::lexemes;

    /// The part with its structure in words.
    fn drawn(text: &str, part: &Part<'_>) -> String {
        let all =
            |parts: &[Part<'_>]| parts.iter().map(|part| drawn(text, part)).collect::<Vec<_>>().join(", ");
        match &part.form {
            Form::Test => text[part.place().0..part.place().1].to_owned(),
            Form::All(parts) => format!("all({})", all(parts)),
            Form::Any(parts) => format!("any({})", all(parts)),
            Form::Not(part) => format!("not({})", drawn(text, part)),
            Form::If(parts) => format!("if({})", all(parts.as_slice())),
        }
    }

    #[test]
    fn a_condition_is_taken_apart_where_truths_are_joined() {
        for (condition, expected) in [
            ("a.b < 5", "a.b < 5"),
            ("a && b || c && d", "any(all(a, b), all(c, d))"),
            ("a && (b || !(c))", "all(a, any(b, not(c)))"),
            ("((a)) && [x || y].contains(true)", "all(a, [x || y].contains(true))"),
            ("!a == b", "!a == b"),
            ("!!a.b[\"&&\"]", "not(not(a.b[\"&&\"]))"),
            ("!(a has in) && b.has.in", "all(not(a has in), b.has.in)"),
            ("if a && b then if c then d else e else (f || g)", "if(all(a, b), if(c, d, e), any(f, g))"),
            ("a == \"x || y\" // && z\n && {if: 1} has if", "all(a == \"x || y\", {if: 1} has if)"),
            ("a.if && a.then || a is T in b", "any(all(a.if, a.then), a is T in b)"),
            ("(a) == (b)", "(a) == (b)"),
        ] {
            let text = format!("@permit(\"x\") permit (principal, action, resource) when {{ {condition} }};");
            let lexemes = lexemes(&text);
            let sections = sections(&lexemes);
            assert_eq!(sections.len(), 1, "{condition}");
            assert_eq!(drawn(&text, &sections[0].1), expected, "{condition}");
        }
    }

    #[test]
    fn a_head_is_told_by_what_it_asks_for() {
        let text = "@id(\"forbid\")\nforbid (principal is A in B::\"(,\", action in [C::\"d\", C::\"e\"], resource,)\n\
                    unless { x } when { y };";
        let lexemes = lexemes(text);
        let found: Vec<(&str, &str)> = sections(&lexemes)
            .iter()
            .map(|(section, part)| (section.name(), &text[part.place().0..part.place().1]))
            .collect();
        assert_eq!(
            found,
            [
                ("principal", "principal is A in B::\"(,\""),
                ("action", "action in [C::\"d\", C::\"e\"]"),
                ("unless", "x"),
                ("when", "y"),
            ]
        );
    }
}
