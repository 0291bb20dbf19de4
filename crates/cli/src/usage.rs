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
            Printer::new(Output::Json).fault(&for_programs(&error.render().to_string()))
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
    text.replace("\n  tip: ", "\nhelp: ")
        .replace("For more information, try '--help'.", &format!("help: {NEXT_STEP}"))
}

/// The parser's message for programs: all that it says of what is wrong, and its tips as the help.
fn for_programs(text: &str) -> Fault {
    let said = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let said = said.map(str::trim).filter(|line| !line.is_empty());
    let (tips, wrong): (Vec<&str>, Vec<&str>) = said.partition(|line| line.starts_with("tip: "));
    let mut message = String::new();
    for line in wrong {
        // After a colon, and before what is in brackets, comes a part of the same sentence.
        let between = match message.chars().last() {
            None => "",
            Some(':') => " ",
            Some(_) if line.starts_with('[') => " ",
            Some(_) => ", ",
        };
        message.push_str(between);
        message.push_str(line.trim_start_matches("error: "));
    }
    let tips: Vec<&str> = tips.iter().map(|tip| tip.trim_start_matches("tip: ")).collect();
    Fault::usage(message, if tips.is_empty() { NEXT_STEP.to_owned() } else { tips.join("; ") })
}

/// Where it stands what a command takes.
const NEXT_STEP: &str = "`--help` after the command shows what it takes, with examples";

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{for_programs, in_house_words};
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
    #[test]
    fn programs_are_told_every_argument_that_is_missing() {
        for (arguments, message, help) in [
            (
                &["policy", "who-can"][..],
                "the following required arguments were not provided: <ACTION>, <RESOURCE>",
                super::NEXT_STEP,
            ),
            (
                &["policy", "simulate", "--acton", "x"],
                "unexpected argument '--acton' found",
                "a similar argument exists: '--action'",
            ),
            (
                &["policy", "check", "-o", "xml"],
                "invalid value 'xml' for '--output <FORM>' [possible values: text, json, sarif, github]",
                super::NEXT_STEP,
            ),
        ] {
            let error = Cli::try_parse_from([&["moonward"], arguments].concat()).unwrap_err();
            let fault = for_programs(&error.render().to_string());
            assert_eq!((fault.message().as_str(), fault.help()), (message, Some(help)));
        }
    }
}
