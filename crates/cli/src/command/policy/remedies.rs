//! What would allow a denied case, each with the command that shows it. All of it was decided by the engine first: what did not
//! come out as allowed is not here, nor what no shell could be given as it is.

use std::fmt::Write as _;

use diagnostic::{one_line, visible};
use policy::study::{Explanation, Remedy, Wider};
use policy::{Actor, DecisionKind};
use serde::Serialize;

use super::answer::CLAUSE_CHARACTERS_MAX;
use super::asked::Asked;
use super::case::{CaseArguments, written};
use super::premises::Source;

/// Permits nearest to a match of which a further one is tried.
const WIDER_TRIED_MAX: usize = 3;

/// Lines of one command that are shown to people, half a screen; a permit that it brings along can be longer.
const COMMAND_LINES_MAX: usize = 25;

/// One suggestion.
#[derive(Debug, Serialize)]
pub(super) struct Suggestion {
    /// `request`, `scope` or `permit`: what is changed.
    change: &'static str,
    /// What would allow it, in words.
    says: String,
    /// The permit to be added, formatted.
    #[serde(skip_serializing_if = "Option::is_none")]
    permit: Option<String>,
    /// The command that shows it.
    command: String,
}

impl Suggestion {
    /// What the engine found, in the order in which it is worth considering.
    pub(super) fn of(
        (case, source, asked): (&CaseArguments, &Source, &Asked),
        remedies: &[Remedy],
        explanation: &Explanation,
    ) -> Vec<Self> {
        let mut found: Vec<Self> = remedies
            .iter()
            .filter_map(|remedy| {
                let (change, says, changes, scopes) = match remedy {
                    Remedy::Change(changes) => {
                        let changed: Vec<String> =
                            changes.iter().map(|change| format!("`{}`", visible(&written(change)))).collect();
                        ("request", format!("with {}", changed.join(" and ")), changes.as_slice(), None)
                    }
                    Remedy::Scope(scope, scopes) => {
                        ("scope", format!("under `{}` as well", scope.id()), [].as_slice(), Some(scopes))
                    }
                };
                let command = case.command(source, asked, changes, scopes)?;
                Some(Self { change, says, permit: None, command })
            })
            .collect();
        if explanation.verdict.kind == DecisionKind::DenyDefault {
            let near = explanation.policies.iter().take(WIDER_TRIED_MAX);
            let wider = near.filter_map(|explained| {
                let wider = explained.wider(&asked.posed).filter(|wider| allows(wider, asked))?;
                Self::of_permit((case, source, asked), &explained.policy.id, wider)
            });
            found.extend(wider.take(1));
        }
        found
    }

    fn of_permit(
        (case, source, asked): (&CaseArguments, &Source, &Asked),
        id: &str,
        wider: Wider,
    ) -> Option<Self> {
        let text = &wider.source.text;
        text.lines().all(|line| visible(line) == line).then_some(())?;
        let mut end = "EOF".to_owned();
        while text.lines().any(|line| line == end) {
            end.push('_');
        }
        let command = case.command(source, asked, &[], None)?;
        let command = format!("{command} --with - <<'{end}'\n{text}{end}");
        let actor: &Actor = &asked.posed.actor;
        let left_out: Vec<String> = wider
            .left_out
            .iter()
            .map(|text| format!("`{}`", one_line(text, CLAUSE_CHARACTERS_MAX)))
            .collect();
        let than = match left_out.as_slice() {
            [] => "but for the values that say no".to_owned(),
            left_out => format!("but without {}", left_out.join(" and ")),
        };
        let says =
            format!("with a permit more, if `{}` is to have it: as `{id}`, {than}", visible(actor.id()));
        Some(Self { change: "permit", says, permit: Some(text.clone()), command })
    }
}

/// Whether the case is allowed once this permit is added.
fn allows(wider: &Wider, asked: &Asked) -> bool {
    let Some(premises) = &asked.premises else { return false };
    let asker = (&*asked.posed.actor, &asked.posed.scopes);
    let Ok(changed) = premises.study_with_permits(wider.source.clone(), asker) else { return false };
    let posed = policy::study::Posed { scopes: changed.scopes, ..asked.posed.clone() };
    let decided = asked.as_recorded(changed.study).sit(|sitting| {
        asked.check(&posed, sitting).is_ok()
            && posed.with(|case| sitting.decide(case)).is_ok_and(|verdict| verdict.allows())
    });
    decided.unwrap_or(false)
}

/// For people.
pub(super) fn to_text(suggestions: &[Suggestion]) -> String {
    let mut text = String::new();
    if !suggestions.is_empty() {
        text.push_str("\nto allow it:\n");
    }
    for Suggestion { says, command, .. } in suggestions {
        let _ = match command.lines().count() {
            ..=COMMAND_LINES_MAX => writeln!(text, "- {says}\n{command}"),
            lines => writeln!(text, "- {says}: {lines} lines, which `-o json` has"),
        };
    }
    text
}
