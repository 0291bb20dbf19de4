//! `docs/cli.md`: every command as it describes itself.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

use crate::command::Cli;
use crate::exit::Exit;

/// The page, in Markdown.
pub(super) fn render() -> String {
    let mut program = Cli::command();
    // Fills in names of values and the usage lines.
    program.build();
    let mut text = String::from(OPENING);
    text.push_str("| command | does |\n|---|---|\n");
    for command in commands(&program) {
        let name = command.get_name();
        let _ = writeln!(text, "| [`moonward {name}`](#moonward-{name}) | {} |", about(command));
    }
    commands(&program).for_each(|command| section(&mut text, command, 2));
    text.push_str(
        "\n## Exit codes\n\nEach means one thing, whatever the command.\n\n| code | means |\n|---|---|\n",
    );
    for exit in Exit::ALL {
        let _ = writeln!(text, "| {} | {} |", exit.code(), exit.meaning());
    }
    text.push_str(CLOSING);
    text
}

const OPENING: &str = "\
# The command line

<!-- Rendered from the commands; `moonward generate` rewrites it. -->

";

const CLOSING: &str = "
## Output

Data goes to stdout, everything else to stderr. An error is `error:` with what was attempted and on what, the source
lines with the place underlined where there is one, and `help:` with the next step. Text that a script or a file chose is
shown with its control characters escaped. With `-o json` stdout holds one JSON value, also after an error:
`{\"error\": {\"kind\", \"message\", \"help\"?, \"record\"?, \"diagnostics\"?}}`.

In results nil is `null`, a string that is not UTF-8 `{\"$base64\": \"...\"}`, NaN and infinities are `null`.

## Environment

| variable | meaning |
|---|---|
| `MOONWARD_LOG` | which log lines go to stderr: a level, or `target=level`, separated by commas; `warn,tenant=info,service=info` by default. Scripts log under the target `tenant`, services under `service` |
| `SSL_CERT_FILE` | certificates (PEM) of the authorities that vouch for servers of issuers' keys, instead of Mozilla's list |
| `HTTPS_PROXY`, `NO_PROXY` | through which proxy issuers' keys are fetched, and from where not |
| `NO_COLOR` | no colour when it is set and not empty; there is none anyway where stderr is not a terminal |
";

fn commands(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|command| !command.is_hide_set())
}

fn section(text: &mut String, command: &Command, level: usize) {
    let name = command.get_display_name().unwrap_or_default().replace('-', " ");
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim();
    let _ = write!(text, "\n{} {name}\n\n", "#".repeat(level));
    let about = command.get_long_about().or_else(|| command.get_about());
    let _ = write!(
        text,
        "{}\n\n```console\n$ {usage}\n```\n",
        about.map(ToString::to_string).unwrap_or_default()
    );
    let shown = |argument: &&Arg| !argument.is_hide_set() && argument.get_id() != "help";
    let arguments: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    if !arguments.is_empty() {
        text.push_str("\n| argument | meaning |\n|---|---|\n");
        arguments.into_iter().for_each(|argument| row(text, argument));
    }
    commands(command).for_each(|command| section(text, command, level + 1));
    if let Some(examples) = command.get_after_help() {
        let examples = examples.to_string();
        let lines = examples.lines().filter_map(|line| line.strip_prefix("  "));
        let _ = write!(
            text,
            "\n```console\n{}```\n",
            lines.map(|line| format!("$ {line}\n")).collect::<String>()
        );
    }
}

fn row(text: &mut String, argument: &Arg) {
    let values = argument.get_possible_values();
    let mut meaning = argument.get_help().map(ToString::to_string).unwrap_or_default();
    if argument.get_action().takes_values() && !values.is_empty() {
        let values: Vec<String> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        let _ = write!(meaning, ": {}", values.join(", "));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if argument.get_action().takes_values() && !defaults.is_empty() {
        let _ = write!(meaning, " [default: `{}`]", defaults.join(" "));
    }
    // A bar ends a table's cell, also within backticks.
    let name = argument.to_string().replace('|', "\\|");
    let _ = writeln!(text, "| `{name}` | {} |", meaning.replace('|', "\\|"));
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_and_exit_code_is_on_the_page() {
        let page = super::render();
        for expected in [
            "\n## moonward call\n",
            "\n### moonward bench parked\n",
            "`--timeout <DURATION>`",
            "| 74 | the audit log",
        ] {
            assert!(page.contains(expected), "{expected} is missing:\n{page}");
        }
        assert!(!page.contains("--self-test"));
    }
}
