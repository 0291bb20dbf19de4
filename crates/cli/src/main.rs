//! The `moonward` binary: arguments in, one command run, an exit code out.
//!
//! Reading order: [`command`] lists the commands, one file each; [`exit`] and [`fault`] say how a command can end;
//! [`print`] is the only way to a terminal, with [`progress`] of long work; [`opening`] is what commands that run an app begin with. What an app is,
//! what a policy allows and how a process runs is known by the crates below, and only by them.

mod command;
mod embedded;
mod exit;
mod fault;
mod interrupt;
mod log_lines;
mod opening;
mod pages;
mod person;
mod print;
mod progress;
mod refusal;
mod shell;
mod usage;

use std::process::ExitCode;

use clap::Parser as _;

use command::Cli;
use print::Printer;

/// Halves the time of a policy evaluation, which allocates much and briefly.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::answer(&error).into(),
    };
    let printer = Printer::new(cli.command.output());
    let outcome = log_lines::install().and_then(|()| cli.command.run(&printer));
    log_lines::flush();
    outcome.unwrap_or_else(|fault| printer.fault(&fault)).into()
}
