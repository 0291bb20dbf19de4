//! The only way to a terminal: data on stdout, talk on stderr, nothing that a terminal would obey on either.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use diagnostic::{Diagnostic, render, visible};
use serde_json::Value as Json;

use crate::exit::Exit;
use crate::fault::Fault;

/// In which form a command gives its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON value on stdout, errors included.
    Json,
}

/// Where a command's output goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Printer {
    output: Output,
    /// Whether `error:` and its like stand out on stderr.
    colour: bool,
}

impl Printer {
    /// A printer for this process's stdout and stderr.
    pub(crate) fn new(output: Output) -> Self {
        Self { output, colour: colour_wanted() }
    }

    /// The form that was asked for.
    pub(crate) fn output(&self) -> Output {
        self.output
    }

    /// Data, as it is, on stdout. A reader that has gone away is not an error.
    ///
    /// # Errors
    /// Stdout cannot be written: a full disk, for one.
    pub(crate) fn data(&self, text: &str) -> Result<(), Fault> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Fault::failed(format!("output cannot be written: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// The same for what comes in parts, with no end of its own: says whether somebody still reads it.
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub(crate) fn part(&self, text: &str) -> Result<bool, Fault> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(Fault::failed(format!("output cannot be written: {error}"))),
        }
    }

    /// A JSON value as one line on stdout.
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub(crate) fn json(&self, value: &Json) -> Result<(), Fault> {
        self.data(&format!("{}\n", terminal_json(value)))
    }

    /// The same as a part of more.
    ///
    /// # Errors
    /// As [`Printer::data`].
    pub(crate) fn json_part(&self, value: &Json) -> Result<bool, Fault> {
        self.part(&format!("{}\n", terminal_json(value)))
    }

    /// Lines for people on stderr; the caller has made foreign text visible. Words such as `error:` at the start of
    /// a line are coloured. Nobody to read it is not an error.
    pub(crate) fn say(&self, text: &str) {
        let text = if self.colour { painted(text) } else { text.to_owned() };
        let mut stderr = io::stderr().lock();
        let _ = writeln!(stderr, "{}", text.trim_end_matches('\n'));
    }

    /// Diagnostics with their source lines, for people; under all of them, where more is said about them.
    pub(crate) fn diagnostics(&self, found: &[Diagnostic]) {
        for diagnostic in found {
            self.say(&render(diagnostic));
        }
        if let Some(more) = more_about(found) {
            self.say(&more);
        }
    }

    /// Says why a command did not do what it was asked to, and gives the exit code that follows.
    pub(crate) fn fault(&self, fault: &Fault) -> Exit {
        if self.output == Output::Json {
            // Stdout that cannot be written leaves the exit code, which says enough.
            let _ = self.json(&fault.to_json());
            return fault.exit();
        }
        if let Fault::Invalid(found) | Fault::NotRun(found) = fault {
            self.diagnostics(found);
        }
        let mut text = format!("error: {}", visible_lines(&fault.message()));
        if let Some(help) = fault.help() {
            let _ = write!(text, "\nhelp: {}", visible_lines(help));
        }
        self.say(&text);
        fault.exit()
    }
}

/// Codes that are named under diagnostics; whoever corrects these asks again.
const CODES_NAMED_MAX: usize = 4;

/// The command that explains these diagnostics, their codes in the order in which they are shown.
fn more_about(found: &[Diagnostic]) -> Option<String> {
    let mut codes: Vec<&str> = Vec::new();
    for diagnostic in found {
        if !codes.contains(&diagnostic.code) {
            codes.push(diagnostic.code);
        }
    }
    let named = codes.get(..CODES_NAMED_MAX).unwrap_or(&codes);
    let more = if named.len() < codes.len() { " ..." } else { "" };
    (!named.is_empty()).then(|| format!("for more: moonward explain {}{more}", named.join(" ")))
}

/// Whether the words at the start of a line are coloured on stderr: on a terminal that can, unless
/// <https://no-color.org> asks not to.
pub(crate) fn colour_wanted() -> bool {
    io::stderr().is_terminal() && colour_allowed()
}

fn colour_allowed() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// The terminal that stdout is, for data that is laid out for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terminal {
    /// Whether colours are wanted and understood.
    pub(crate) colour: bool,
    /// Characters of a line.
    pub(crate) columns: usize,
}

impl Terminal {
    /// That terminal; nothing when stdout is a file or a pipe.
    pub(crate) fn of_stdout() -> Option<Self> {
        let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(io::stdout())?;
        let colour = io::stdout().is_terminal() && colour_allowed();
        Some(Self { colour, columns: columns.max(40).into() })
    }
}

/// JSON whose strings hold nothing that a terminal obeys: JSON itself escapes C0 controls only.
pub(crate) fn terminal_json(value: &Json) -> String {
    let mut shown = String::new();
    for character in value.to_string().chars() {
        if visible(character.encode_utf8(&mut [0; 4])).len() == character.len_utf8() {
            shown.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        }
    }
    shown
}

/// Text of several lines, made visible line by line.
fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

fn painted(text: &str) -> String {
    const WORDS: [(&str, &str); 5] = [
        ("error:", "\x1b[1;31m"),
        ("warning:", "\x1b[1;33m"),
        ("help:", "\x1b[1;36m"),
        ("for more:", "\x1b[1;36m"),
        ("ok:", "\x1b[1;32m"),
    ];
    text.lines()
        .map(|line| {
            let word = WORDS.into_iter().find(|(word, _)| line.starts_with(word));
            word.map_or_else(
                || line.to_owned(),
                |(word, colour)| format!("{colour}{word}\x1b[0m{}", line.trim_start_matches(word)),
            )
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use diagnostic::Diagnostic;
    use serde_json::json;

    use super::{more_about, painted, terminal_json, visible_lines};

    #[test]
    fn each_code_is_named_once_and_past_a_few_none() {
        let more = |codes: &[&'static str]| {
            more_about(&codes.iter().map(|code| Diagnostic::error(code, "x")).collect::<Vec<_>>())
        };
        assert_eq!(more(&[]), None);
        assert_eq!(more(&["b.c", "a.b", "b.c"]).unwrap(), "for more: moonward explain b.c a.b");
        assert_eq!(more(&["a", "b", "c", "d", "a"]).unwrap(), "for more: moonward explain a b c d");
        assert_eq!(more(&["a", "b", "c", "d", "e"]).unwrap(), "for more: moonward explain a b c d ...");
    }

    #[test]
    fn json_holds_nothing_that_a_terminal_obeys_and_still_means_the_same() {
        let value = json!({"a\u{9b}31m": "b\u{202e}c\u{1b}\u{e0041}", "plain": "grün"});
        let text = terminal_json(&value);
        assert_eq!(text, r#"{"a\u009b31m":"b\u202ec\u001b\udb40\udc41","plain":"grün"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn only_a_word_at_the_start_of_a_line_is_coloured() {
        assert_eq!(painted("error: no help: here"), "\x1b[1;31merror:\x1b[0m no help: here");
        assert_eq!(painted("  --> a.yaml:1:1"), "  --> a.yaml:1:1");
    }

    #[test]
    fn a_message_keeps_its_lines_and_loses_its_controls() {
        assert_eq!(visible_lines("a\x1b[2J\nb"), "a\\u{1b}[2J\nb");
    }
}
