//! `moonward completions`: a script that completes commands and options in a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::Printer;

/// Print a script that completes commands and options in a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  moonward completions bash > ~/.local/share/bash-completion/completions/moonward
  moonward completions fish > ~/.config/fish/completions/moonward.fish")]
pub(crate) struct Completions {
    /// Shell that the script is for
    shell: Shell,
}

impl Completions {
    /// Prints the script on stdout.
    pub(super) fn run(&self, printer: &Printer) -> Result<Exit, Fault> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "moonward", &mut script);
        printer.data(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Done)
    }
}
