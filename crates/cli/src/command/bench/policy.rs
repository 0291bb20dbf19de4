//! `moonward bench policy`: what the verbs of `moonward policy` take on an app with many policies, as whole commands.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use clap::Args;
use serde_json::json;
use tempfile::TempDir;

use super::report::{Report, Times};
use crate::command::OutputForm;
use crate::fault::Fault;
use crate::print::Printer;

/// Policies of one file, and files of one tenant: each file is a scope of its own.
const POLICIES_EACH: u32 = 10;
const SCOPES_EACH: u32 = 10;

/// Principals of one file of fixtures: about as many as a file may have.
const PRINCIPALS_EACH: u32 = 250;

/// Measure what checking, testing and asking about policies costs
///
/// An app is made in a temporary folder: tenants with ten scopes of ten policies each, a matrix of tests, and principals. Each
/// command is run as a process of its own, from its start to its end.
#[derive(Debug, Args)]
pub(super) struct Policy {
    /// How many policies the app has, about
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=10_000))]
    policies: u32,
    /// How many cells the tests have, about
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    cells: u32,
    /// How many principals are asked about
    #[arg(long, value_name = "COUNT", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    principals: u32,
    /// How often each command is run
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    #[command(flatten)]
    pub(super) output: OutputForm,
}

impl Policy {
    pub(super) fn measure(&self, printer: &Printer) -> Result<Report, Fault> {
        let folder = TempDir::with_prefix("moonward-bench-").map_err(|error| unmade(&error))?;
        let world = self.world(folder.path()).map_err(|error| unmade(&error))?;
        let mut report = Report::new("policy", "whole commands, each a process of its own".to_owned());
        let World { policies, cells, principals, resource } = world;
        report.row(
            "app",
            format!("{policies} policies, {cells} cells, {} principals", self.principals),
            json!({"policies": policies, "cells": cells, "principals": self.principals}),
        );
        let app = folder.path().join("app").display().to_string();
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let who = own(&["who-can", "process.send", &resource, &app, "--entities", &principals]);
        for (key, words, ends) in [
            ("check", own(&["check", &app]), 0),
            ("test", own(&["test", &app, "--coverage"]), 0),
            // Tokens can make more actors with the role that permits name.
            ("who_can", who, 4),
        ] {
            printer.say(&format!("running `policy {}` {} times", key.replace('_', "-"), self.runs));
            let mut times = Vec::new();
            for _ in 0..self.runs {
                times.push(run(&words, ends)?);
            }
            report.times(key, Times::of(times));
        }
        Ok(report)
    }

    /// Makes the app, the tests and the files of principals.
    fn world(&self, folder: &Path) -> io::Result<World> {
        let app = folder.join("app");
        let tenants = (self.policies / (POLICIES_EACH * SCOPES_EACH)).max(1);
        fs::create_dir_all(app.join("policies/tests"))?;
        let mut index = String::from(
            "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: processes, kind: process.host}\n",
        );
        for tenant in 0..tenants {
            let _ = writeln!(
                index,
                "  - {{name: t{tenant}, kind: tenant, namespaces: [t{tenant}], default_scopes: [\"t{tenant}:s0\"]}}"
            );
            let mut scopes = format!("namespace: t{tenant}\nentries:\n");
            for scope in 0..SCOPES_EACH {
                let file = format!("policies/t{tenant}-s{scope}.cedar");
                let _ = writeln!(
                    scopes,
                    "  - {{name: s{scope}, kind: security.scope, policies: [\"file://{file}\"]}}"
                );
                fs::write(app.join(file), self::policies(tenant, scope))?;
            }
            fs::write(app.join(format!("t{tenant}.yaml")), scopes)?;
        }
        fs::write(app.join("_index.yaml"), index)?;
        let side = (1..).find(|side| side * side >= self.cells).unwrap_or(1);
        fs::write(app.join("policies/tests/sends_test.yaml"), tests(side))?;
        let principals = folder.join("principals");
        fs::create_dir(&principals)?;
        for first in (0..self.principals).step_by(PRINCIPALS_EACH as usize) {
            let mut text = String::from("principals:\n");
            for number in first..self.principals.min(first + PRINCIPALS_EACH) {
                let _ = writeln!(text, "  t0/user/a{number}: {{roles: [t0/clerk{}]}}", number % 7);
            }
            if first == 0 {
                text.push_str("processes:\n  target: {owner: t0/user/a0}\n");
            }
            fs::write(principals.join(format!("from-{first}.yaml")), text)?;
        }
        let policies = tenants * SCOPES_EACH * POLICIES_EACH;
        let principals = principals.display().to_string();
        Ok(World { policies, cells: side * side, principals, resource: "target".to_owned() })
    }
}

/// What was made.
struct World {
    policies: u32,
    cells: u32,
    /// Folder with the files of principals.
    principals: String,
    /// What is asked about.
    resource: String,
}

/// Permits as people write them: by role, by owner, by what a message says, by what a process was started from.
fn policies(tenant: u32, scope: u32) -> String {
    let mut text = String::new();
    for number in 0..POLICIES_EACH {
        let role = number % 7;
        let rule = match number % 4 {
            0 => format!(
                "permit (principal in Moonward::Role::\"t{tenant}/clerk{role}\", action == Moonward::Action::\"process.send\", resource)\n\
                 when {{ resource.owner == principal && context.bytes < 65536 }};"
            ),
            1 => format!(
                "permit (principal, action in Moonward::Action::\"observe\", resource is Moonward::Process)\n\
                 when {{ context has pid && resource has parent && resource.parent == context.pid }};\n// {number}"
            ),
            2 => format!(
                "permit (principal == Moonward::Actor::\"t{tenant}/service/s{number}\", action in Moonward::Action::\"registry\", resource)\n\
                 when {{ resource.value like \"jobs/*\" }} unless {{ principal.hasTag(\"paused\") }};"
            ),
            _ => format!(
                "permit (principal, action == Moonward::Action::\"process.send\", resource)\n\
                 when {{ [\"a{number}\", \"b\", \"c\"].contains(context.topic) && resource.owner == principal }};"
            ),
        };
        let _ = writeln!(text, "@id(\"t{tenant}.s{scope}.p{number}\")\n@owner(\"bench\")\n{rule}\n");
    }
    text
}

/// A matrix of as many principals as processes, each of which may send to its own.
fn tests(side: u32) -> String {
    let mut text = String::from("scopes: [\"t0:s0\"]\nprincipals:\n");
    for number in 0..side {
        let _ = writeln!(text, "  t0/user/u{number}: {{roles: [t0/clerk0]}}");
    }
    text.push_str("processes:\n");
    for number in 0..side {
        let _ = writeln!(text, "  p{number}: {{owner: t0/user/u{number}}}");
    }
    let list = |word: &str| (0..side).map(|number| format!("{word}{number}")).collect::<Vec<_>>().join(", ");
    let _ = write!(
        text,
        "tests:\n  - name: everybody sends to its own\n    principals: [{}]\n    actions: [process.send]\n    resources: [{}]\n    \
         context: {{bytes: 5, topic: x}}\n    allow:\n",
        list("t0/user/u"),
        list("process:p"),
    );
    for number in 0..side {
        let _ = writeln!(text, "      - [t0/user/u{number}, process.send, process:p{number}]");
    }
    text
}

/// Runs this program on these words, and says how long that took.
fn run(words: &[String], ends: i32) -> Result<Duration, Fault> {
    let failed = |why: String| Fault::failed(format!("`moonward policy {}`: {why}", words.join(" ")));
    let program = env::current_exe().map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(program);
    command.arg("policy").args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    let took = started.elapsed();
    match output.status.code() {
        Some(code) if code == ends => Ok(took),
        code => {
            let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
            let said = String::from_utf8_lossy(&output.stderr);
            Err(failed(format!("ended with {code}: {}", said.trim_end())))
        }
    }
}

fn unmade(error: &io::Error) -> Fault {
    Fault::failed(format!("the app to measure on cannot be made: {error}"))
}
