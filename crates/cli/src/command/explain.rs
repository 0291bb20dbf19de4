//! `moonward explain`: the page of an error or warning.

use std::fmt::Write as _;

use clap::Args;
use diagnostic::did_you_mean;
use serde_json::{Value as Json, json};

use super::OutputForm;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::pages::{PAGES, Page, page};
use crate::print::{Output, Printer};

/// Explain an error or warning: what it is, why it matters, what to write instead
///
/// Each error and warning about a file has a code, such as `policy.like-open`, and each code a page, the same as in
/// `docs/lints`. The beginning of a code lists all that begin so; without a code all are listed. Exits with 1 when there
/// is no such code.
///
/// With `-o json` each CODE is one line: `code`, `summary` and `page` (Markdown), or `codes` with the first two of each.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward explain policy.like-open
  moonward explain policy.id
  moonward explain | grep tenant
  moonward explain -o json manifest.reference | jq -r .page")]
pub(crate) struct Explain {
    /// Codes, or beginnings of codes
    #[arg(value_name = "CODE")]
    codes: Vec<String>,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

/// What is told about one argument.
enum Told {
    /// A page.
    One(&'static Page),
    /// The codes that begin so.
    Several(Vec<&'static Page>),
}

impl Explain {
    /// Prints the pages, or none if one of them is not there.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let told: Vec<Told> = match self.codes.as_slice() {
            [] => vec![Told::Several(PAGES.iter().collect())],
            codes => codes.iter().map(|code| Told::of(code)).collect::<Result<_, _>>()?,
        };
        match printer.output() {
            Output::Json => told.iter().try_for_each(|one| printer.json(&one.to_json()))?,
            Output::Text => {
                let texts: Vec<String> = told.iter().map(Told::to_text).collect();
                printer.data(&texts.join("\n"))?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Told {
    fn of(name: &str) -> Result<Self, Fault> {
        if let Some(page) = page(name) {
            return Ok(Self::One(page));
        }
        let begin: Vec<&Page> =
            PAGES.iter().filter(|page| !name.is_empty() && page.code.starts_with(name)).collect();
        if begin.is_empty() { Err(unknown(name)) } else { Ok(Self::Several(begin)) }
    }

    fn to_text(&self) -> String {
        match self {
            Self::One(page) => page.plain(),
            Self::Several(pages) => {
                let width = pages.iter().map(|page| page.code.len()).max().unwrap_or_default();
                let mut text = String::new();
                for page in pages {
                    let _ = writeln!(text, "{:width$}  {}", page.code, page.summary());
                }
                text
            }
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::One(page) => json!({ "code": page.code, "summary": page.summary(), "page": page.text }),
            Self::Several(pages) => {
                let codes = pages.iter().map(|page| json!({ "code": page.code, "summary": page.summary() }));
                json!({ "codes": codes.collect::<Vec<_>>() })
            }
        }
    }
}

/// A code that there is not; most often one without its family, or misspelt.
fn unknown(name: &str) -> Fault {
    let codes = || PAGES.iter().map(|page| page.code);
    let without_family = || codes().find(|code| code.split_once('.').is_some_and(|(_, rest)| rest == name));
    let help = match did_you_mean(name, codes()).or_else(without_family) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`moonward explain` lists all codes".to_owned(),
    };
    Fault::failed(format!("there is no code `{name}`")).with_help(help)
}
