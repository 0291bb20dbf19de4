//! Console transcripts: commands with what they print, run as they stand.
//!
//! A command is a line that begins with `$ `; lines up to the next one are what it prints, first on stdout, then
//! on stderr. `...` stands for any text within a line; a line of nothing else stands for any lines. `[exit 2]` is
//! the exit code where it is not 0.

use std::path::Path;
use std::process::Command;

use crate::support::{moonward, texts};

/// One command of a transcript.
pub(crate) struct Step<'a> {
    /// As a shell takes it.
    pub(crate) command: &'a str,
    /// What it prints, with its exit code.
    pub(crate) expected: Vec<&'a str>,
}

/// The commands of a transcript, in order.
pub(crate) fn steps(transcript: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    for line in transcript.lines() {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command, expected: Vec::new() }),
            (None, Some(step)) => step.expected.push(line),
            (None, None) => panic!("a transcript begins with a command, not with `{line}`"),
        }
    }
    steps
}

/// The ```` ```console ```` blocks of a page, each as a transcript. A command that ends in a backslash goes on in the
/// next line.
pub(crate) fn blocks(page: &str) -> Vec<String> {
    page.split("```console\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap().replace("\\\n", " "))
        .collect()
}

/// Runs a command in `folder` with `moonward` on the path: what it printed, and its exit code if that is not 0.
pub(crate) fn run(command: &str, folder: &Path) -> Vec<String> {
    let binary = Path::new(moonward().get_program()).to_owned();
    let mut path = binary.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .env("NO_COLOR", "1")
        .env("XDG_CACHE_HOME", folder.join(".cache"))
        .env_remove("MOONWARD_LOG");
    let output = shell.output().unwrap();
    let (stdout, stderr) = texts(&output);
    let mut lines: Vec<String> = stdout.lines().chain(stderr.lines()).map(str::to_owned).collect();
    match output.status.code() {
        Some(0) => {}
        Some(code) => lines.push(format!("[exit {code}]")),
        None => lines.push(format!("[{}]", output.status)),
    }
    lines
}

/// Whether lines are exactly what is expected.
pub(crate) fn matches(expected: &[&str], lines: &[String]) -> bool {
    match expected {
        [] => lines.is_empty(),
        ["...", rest @ ..] => (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..])),
        [first, rest @ ..] => {
            lines.first().is_some_and(|line| line_matches(first, line)) && matches(rest, &lines[1..])
        }
    }
}

/// Whether one line is what a pattern with `...` in it says.
pub(crate) fn line_matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once("...") {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|at| rest.is_char_boundary(*at))
                .any(|at| line_matches(after, &rest[at..]))
        }),
    }
}

#[test]
fn a_pattern_stands_for_what_it_says_and_nothing_else() {
    for (pattern, line, expected) in [
        ("ok", "ok", true),
        ("ok", "ok!", false),
        ("(record ...)", "(record 01X)", true),
        ("a...b...c", "a1b2c", true),
        ("a...b...c", "a1c2b", false),
        ("...", "", true),
    ] {
        assert_eq!(line_matches(pattern, line), expected, "{pattern} {line}");
    }
    let lines = ["one", "two", "three"].map(str::to_owned);
    for (expected, outcome) in [
        (&["one", "two", "three"][..], true),
        (&["..."], true),
        (&["one", "...", "three"], true),
        (&["...", "two"], false),
        (&["one", "two"], false),
        (&["one", "two", "three", "..."], true),
    ] {
        assert_eq!(matches(expected, &lines), outcome, "{expected:?}");
    }
}
