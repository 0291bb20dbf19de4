//! `moonward generate`: the files of the repository that are rendered from code.
//!
//! A schema or reference page has one source, the declaration in Rust; here is where each is written down.

mod codes_page;
mod command_page;
mod limits_page;

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::Printer;

/// A file and what it should hold.
struct Rendered {
    path: &'static str,
    render: fn() -> String,
}

const FILES: [Rendered; 8] = [
    Rendered { path: "schemas/moonward.cedarschema", render: policy::schema::render },
    Rendered { path: "schemas/manifest.json", render: app::schema_json },
    Rendered { path: "schemas/audit-record.json", render: audit::schema_json },
    Rendered { path: "docs/permissions.md", render: policy::reference::render },
    Rendered { path: "docs/lua-api.md", render: sandbox::reference::render },
    Rendered { path: "docs/limits.md", render: limits_page::render },
    Rendered { path: "docs/cli.md", render: command_page::render },
    Rendered { path: "docs/lints/README.md", render: codes_page::render },
];

/// Rewrite the schemas and reference pages of Moonward's own repository from the code
///
/// With `--check` nothing is written: each file that is out of date is named, and the command exits with 2.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward generate
  moonward generate --check --root ../moonward")]
pub(crate) struct Generate {
    /// Say which files are out of date, and write nothing
    #[arg(long)]
    check: bool,
    /// Folder of the repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
}

impl Generate {
    /// Writes or compares every file.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        if !self.root.join("crates/cli/Cargo.toml").is_file() {
            let message = format!("`{}` is not Moonward's repository", self.root.display());
            return Err(Fault::usage(
                message,
                "run it from the repository's root, or name that with `--root DIR`",
            ));
        }
        let mut stale = 0;
        for Rendered { path, render } in FILES {
            let (file, text) = (self.root.join(path), render());
            if fs::read_to_string(&file).is_ok_and(|present| present == text) {
                continue;
            }
            stale += 1;
            if self.check {
                printer.say(&format!("error: `{path}` is out of date"));
                continue;
            }
            let written =
                file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, text));
            written
                .map_err(|error: io::Error| Fault::failed(format!("`{path}` cannot be written: {error}")))?;
            printer.say(&format!("wrote {path}"));
        }
        if stale > 0 && self.check {
            printer
                .say("help: `cargo run -- generate` writes what is out of date; commit it with the change");
            return Ok(Exit::Denied);
        }
        printer.say(&format!("ok: {} files are up to date", FILES.len()));
        Ok(Exit::Done)
    }
}
