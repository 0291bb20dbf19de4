//! What came of tests of policies: for people, as JSON, and as the XML that continuous integration reads.

use std::fmt::Write as _;

use app::study::{Cell, Test};
use diagnostic::{counted, visible};
use policy::DecisionKind;
use policy::study::{Sitting, Verdict};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::coverage::Coverage;

/// Cells of one test that are shown to people when they fall short; the rest is counted.
const CELLS_SHOWN_MAX: usize = 20;

/// Tests that were run.
pub(super) struct Report {
    tests: Vec<Tested>,
    /// Which policies they covered, if that is asked for.
    pub(super) coverage: Option<Coverage>,
}

/// One test that was run.
#[derive(Debug, Serialize)]
pub(super) struct Tested {
    /// File that it is in.
    file: String,
    /// Line of its name, from 1.
    line: usize,
    /// What it claims.
    name: String,
    /// Its cells.
    cells: Vec<Outcome>,
}

/// One cell.
#[derive(Debug, Serialize)]
struct Outcome {
    /// Who asks.
    principal: String,
    /// The permission.
    action: &'static str,
    /// What it is asked on.
    resource: String,
    /// The answer and its sort.
    decision_kind: DecisionKind,
    /// The policies that determined it, each as `id (file:line)`.
    policies: Vec<String>,
    /// What failed, as the engine words it.
    errors: Vec<String>,
    /// What came out otherwise than it must; empty when all is well.
    fell_short: Vec<String>,
}

impl Tested {
    /// Runs a test; `decided` is told each verdict.
    ///
    /// # Errors
    /// None that reading the test has not found.
    pub(super) fn of(
        test: &Test,
        sitting: &mut Sitting<'_>,
        mut decided: impl FnMut(&Verdict),
    ) -> Result<Self, policy::InvalidQuestion> {
        let cells = test.cells.iter().map(|cell| Outcome::of(cell, sitting, &mut decided));
        let cells = cells.collect::<Result<_, _>>()?;
        let (line, _) = test.span.position();
        Ok(Self { file: test.file.clone(), line, name: test.name.clone(), cells })
    }

    fn short(&self) -> impl Iterator<Item = &Outcome> {
        self.cells.iter().filter(|cell| !cell.fell_short.is_empty())
    }
}

impl Outcome {
    fn of(
        cell: &Cell,
        sitting: &mut Sitting<'_>,
        decided: &mut impl FnMut(&Verdict),
    ) -> Result<Self, policy::InvalidQuestion> {
        let (verdict, fell_short) = cell.decide(sitting)?;
        decided(&verdict);
        let policy = |policy: &policy::study::PolicyView| format!("{} ({})", policy.id, policy.position());
        Ok(Self {
            principal: cell.principal.clone(),
            action: cell.action,
            resource: cell.resource.clone(),
            decision_kind: verdict.kind,
            policies: verdict.policies.iter().map(policy).collect(),
            errors: verdict.errors.iter().map(|error| error.to_string()).collect(),
            fell_short,
        })
    }

    fn name(&self) -> String {
        format!("{} {} {}", self.principal, self.action, self.resource)
    }

    /// What determined it.
    fn because(&self) -> String {
        match (self.policies.as_slice(), self.errors.as_slice()) {
            ([], []) => "no policy matches".to_owned(),
            (policies, []) => format!("determined by {}", policies.join(", ")),
            (_, errors) => format!("failed: {}", errors.join("; ")),
        }
    }
}

impl Report {
    /// Nothing run yet; whether what is covered is to be told.
    pub(super) fn new(coverage: Option<Coverage>) -> Self {
        Self { tests: Vec::new(), coverage }
    }

    pub(super) fn push(&mut self, tested: Tested) {
        self.tests.push(tested);
    }

    /// How many cells came out otherwise than they must.
    pub(super) fn fell_short(&self) -> usize {
        self.tests.iter().map(|tested| tested.short().count()).sum()
    }

    fn cells(&self) -> usize {
        self.tests.iter().map(|tested| tested.cells.len()).sum()
    }

    /// For people: each test, and of those that fell short the cells.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        let mut file = None;
        for tested in &self.tests {
            if file != Some(&tested.file) {
                let _ = writeln!(text, "{}", visible(&tested.file));
                file = Some(&tested.file);
            }
            let short = tested.short().count();
            let word = if short == 0 { "ok  " } else { "FAIL" };
            let _ = writeln!(
                text,
                "  {word}  {} ({})",
                visible(&tested.name),
                counted(tested.cells.len(), "cell", "cells")
            );
            for cell in tested.short().take(CELLS_SHOWN_MAX) {
                let _ = writeln!(text, "        {}", visible(&cell.name()));
                for wrong in &cell.fell_short {
                    let _ = writeln!(text, "          {}", visible(wrong));
                }
                let _ = writeln!(text, "          {}", visible(&cell.because()));
            }
            if short > CELLS_SHOWN_MAX {
                let _ =
                    writeln!(text, "        and {} more", counted(short - CELLS_SHOWN_MAX, "cell", "cells"));
            }
        }
        text.extend(self.coverage.as_ref().map(Coverage::to_text));
        let _ = writeln!(text, "{}", self.summary());
        text
    }

    fn summary(&self) -> String {
        let (tests, cells, short) = (self.tests.len(), self.cells(), self.fell_short());
        let failed = self.tests.iter().filter(|tested| tested.short().next().is_some()).count();
        let counts = format!("{}, {}", counted(tests, "test", "tests"), counted(cells, "cell", "cells"));
        match short {
            0 => format!("ok: {counts}"),
            short => format!(
                "failed: {counts}; {} of {} fell short",
                counted(short, "cell", "cells"),
                counted(failed, "test", "tests")
            ),
        }
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Json {
        let mut json = json!({
            "schema": "moonward.policy-test/1",
            "tests": self.tests,
            "counts": { "tests": self.tests.len(), "cells": self.cells(), "fell_short": self.fell_short() },
        });
        if let (Some(coverage), Json::Object(members)) = (&self.coverage, &mut json) {
            members.insert("coverage".to_owned(), coverage.to_json());
        }
        json
    }

    /// A suite a test, a case a cell.
    pub(super) fn to_junit(&self) -> String {
        let uncovered = self.coverage.as_ref().map_or(0, |coverage| usize::from(!coverage.is_enough()));
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{}\" failures=\"{}\">\n",
            self.cells() + usize::from(self.coverage.is_some()),
            self.fell_short() + uncovered
        );
        for tested in &self.tests {
            let _ = writeln!(
                text,
                "  <testsuite name=\"{}\" file=\"{}\" tests=\"{}\" failures=\"{}\">",
                escaped(&tested.name),
                escaped(&tested.file),
                tested.cells.len(),
                tested.short().count()
            );
            for cell in &tested.cells {
                let (name, class) = (escaped(&cell.name()), escaped(&tested.name));
                let _ = write!(
                    text,
                    "    <testcase name=\"{name}\" classname=\"{class}\" line=\"{}\"",
                    tested.line
                );
                if cell.fell_short.is_empty() {
                    text.push_str("/>\n");
                    continue;
                }
                let (wrong, because) = (escaped(&cell.fell_short.join("; ")), escaped(&cell.because()));
                let _ = writeln!(text, "><failure message=\"{wrong}\">{because}</failure></testcase>");
            }
            text.push_str("  </testsuite>\n");
        }
        text.extend(self.coverage.as_ref().map(Coverage::to_junit));
        text.push_str("</testsuites>\n");
        text
    }
}

/// Text in XML, with nothing left that XML 1.0 does not allow (2.2, Characters).
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in visible(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn xml_holds_nothing_that_it_does_not_allow() {
        assert_eq!(escaped("<a b=\"&\">\u{1b}\u{ffff}"), "&lt;a b=&quot;&amp;&quot;&gt;\\u{1b}\u{fffd}");
    }
}
