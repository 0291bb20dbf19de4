//! Tests of the whole product, through the outside: Lua scripts, the command line's text, record lines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also where it prepares"
)]

mod audit_answers;
mod audit_log;
mod audit_story;
mod audit_verbs;
mod audit_verify;
mod cli;
mod console;
mod examples;
mod generated;
mod house;
mod limits;
mod lint_pages;
mod lua_api;
mod modules;
mod permissions;
mod policy_coverage;
mod policy_exit_codes;
mod policy_explain;
mod policy_files;
mod policy_history;
mod policy_hostile;
mod policy_prove;
mod policy_replay;
mod policy_run_tests;
mod policy_suggest;
mod policy_verbs;
mod policy_watch;
mod policy_who_can;
mod process_module;
mod scripts;
mod support;
mod tokens;
