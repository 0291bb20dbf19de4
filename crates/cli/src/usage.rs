//! What is said to arguments that are wrong, and to those who ask for help.

use std::ffi::OsString;

use clap::error::ErrorKind;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::print::{Output, Printer};

/// Prints help or version on stdout, or on stderr what is wrong with the arguments.
pub(crate) fn answer(error: &clap::Error) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nobody to read it is not an error.
            let _ = error.print();
            Exit::Done
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            Exit::Usage
        }
        _ if wants_json(std::env::args_os()) => {
            let message = error.render().to_string();
            let message = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            Printer::new(Output::Json).fault(&Fault::usage(message, ""))
        }
        _ => {
            Printer::new(Output::Text).say(&in_house_words(&error.render().to_string()));
            Exit::Usage
        }
    }
}

/// Whether JSON was asked for, as far as arguments that cannot be understood tell.
fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let arguments: Vec<OsString> = arguments.collect();
    let joined = ["-ojson", "-o=json", "--output=json"];
    arguments.iter().any(|argument| joined.iter().any(|form| argument == form))
        || arguments.windows(2).any(
            |pair| matches!(pair, [name, form] if (name == "-o" || name == "--output") && form == "json"),
        )
}

/// The parser's message with its last line, and its tips, as every other message has them.
fn in_house_words(text: &str) -> String {
    text.replace("\n  tip: ", "\nhelp: ").replace(
        "For more information, try '--help'.",
        "help: `--help` after the command shows what it takes, with examples",
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::in_house_words;
    use crate::command::Cli;

    #[test]
    fn wrong_arguments_are_answered_with_a_next_step() {
        let error = Cli::try_parse_from(["moonward", "chekc", "app"]).unwrap_err();
        let text = in_house_words(&error.render().to_string());
        assert!(text.starts_with("error: unrecognized subcommand 'chekc'"), "{text}");
        assert!(text.contains("\nhelp: a similar subcommand exists: 'check'"), "{text}");
        assert!(
            text.ends_with("help: `--help` after the command shows what it takes, with examples\n"),
            "{text}"
        );
    }
}
