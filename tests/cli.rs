//! The command line: every exit code, what is said with it, and where it is said.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Stdio};

use crate::support::{Folder, moonward, texts};

const PERMIT_ALL: &str = "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n";

/// An app with definitions that come to each kind of end.
fn app() -> Folder {
    Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: all, kind: security.scope, policies: [file://all.cedar]}
  - {name: start, kind: security.scope, policies: [file://start.cedar]}
  - {name: echo, kind: process.lua, source: "return function(...) return {...} end"}
  - {name: fails, kind: process.lua, source: "return function(text) error(text, 0) end"}
  - {name: waits, kind: process.lua, source: "return function() process.inbox():receive() end"}
  - {name: names, kind: process.lua, source: "return function() return process.registry.register('me') end"}
"#,
        ),
        ("all.cedar", PERMIT_ALL),
        (
            "start.cedar",
            "@id(\"start\")\npermit (principal, action in Moonward::Action::\"spawn\", resource);\n",
        ),
    ])
}

/// `moonward VERB app ARGS`: exit code, stdout, stderr.
fn outcome(folder: &Folder, verb: &str, arguments: &[&str]) -> (i32, String, String) {
    let output = folder.run(verb, arguments);
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

#[test]
fn a_call_prints_one_line_of_json_and_exits_0() {
    let folder = app();
    for (arguments, expected) in [
        (&[][..], "[]\n"),
        (&["1", "x", "{\"a\": [1, null]}", "-2.5", "true"], "[1,\"x\",{\"a\":[1]},-2.5,true]\n"),
    ] {
        let (code, stdout, stderr) = outcome(&folder, "call", &[&["app:echo"], arguments].concat());
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, expected, ""), "{arguments:?}");
    }
}

#[test]
fn an_error_exit_is_1_with_kind_and_message() {
    let folder = app();
    let (code, stdout, stderr) = outcome(&folder, "call", &["app:fails", "no \u{1b}[31morder"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.starts_with("error: UNKNOWN: app:fails:1: no ") && !stderr.contains('\u{1b}'), "{stderr}");

    let (code, stdout, stderr) = outcome(&folder, "call", &["app:fails", "no order", "-o", "json"]);
    assert_eq!(stderr, "");
    let error: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &error["error"]["message"]), (1, &serde_json::json!("app:fails:1: no order")));

    let (code, _, stderr) = outcome(&folder, "call", &["app:ecko"]);
    assert!(code == 1 && stderr.contains("NOT_FOUND") && stderr.contains("app:echo"), "{stderr}");

    let (code, _, stderr) = outcome(&folder, "call", &["app:waits", "--timeout", "20ms"]);
    assert!(code == 1 && stderr.contains("TIMEOUT") && stderr.contains("20ms"), "{stderr}");
}

#[test]
fn a_denial_is_2_with_kind_and_the_id_of_its_record() {
    let folder = app();
    let started = ["--actor", "default/user/eve", "--scope", "app:start"];
    let (code, stdout, _) = outcome(&folder, "call", &[&["app:names", "-o", "json"], &started[..]].concat());
    let error: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &error["error"]["kind"]), (2, &serde_json::json!("PERMISSION_DENIED")));
    let denials = folder.denials();
    assert_eq!(denials.len(), 1);
    assert_eq!(error["error"]["record"], denials[0]["id"]);

    let (code, _, stderr) = outcome(&folder, "call", &["app:echo", "--actor", "default/user/eve"]);
    assert!(code == 2 && stderr.contains("help: "), "{code} {stderr}");
}

/// File, text of it, and what the first line and the place of the error are.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    (
        "_index.yaml",
        "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: x, kind: process.lau, source: a}\n",
        "process.lua",
        "_index.yaml:4:",
    ),
    (
        "_index.yaml",
        "version: \"1.0\"\nnamespace: app\nentries:\n  - {name: x, kind: process.lua, sorce: a}\n",
        "sorce",
        "_index.yaml:4:",
    ),
    ("_index.yaml", "version: \"1.0\"\nnamespace: app\nentries: [\n", "", "_index.yaml:"),
    ("_index.yaml", "a: &x 1\n", "", "_index.yaml:1:"),
    (
        "extra.yaml",
        "namespace: more\nentries:\n  - {name: x, kind: process.lua, source: file://gone.lua}\n",
        "gone.lua",
        "extra.yaml:3:",
    ),
    (
        "extra.yaml",
        "namespace: more\nentries:\n  - {name: x, kind: process.lua, source: file://bad.lua}\n",
        "",
        "bad.lua:2:",
    ),
    ("all.cedar", "@id(\"all\")\npermit (principal, action, resorce);\n", "", "all.cedar:2:"),
    (
        "all.cedar",
        "@id(\"all\")\npermit (principal, action == Moonward::Action::\"process.sent\", resource);\n",
        "process.send",
        "all.cedar:2:",
    ),
];

#[test]
fn what_cannot_be_read_is_3_with_file_line_and_column() {
    for (file, text, said, place) in BROKEN {
        let folder = app();
        folder.write("bad.lua", "local x = 1\nreturn function( end\n");
        folder.write(file, text);
        for (verb, arguments) in [("call", &["app:echo"][..]), ("run", &[])] {
            let (code, stdout, stderr) = outcome(&folder, verb, arguments);
            assert_eq!((code, stdout.as_str()), (3, ""), "{text}\n{stderr}");
            assert!(stderr.contains(place) && stderr.contains(said), "{text}\n{stderr}");
            assert!(stderr.contains("error") && !folder.log().exists(), "{stderr}");
            assert!(stderr.trim_end().ends_with("found, nothing was run"), "{stderr}");
        }
        // Of what runs nothing anyway that is not said.
        let output = moonward().args(["policy", "inspect"]).arg(folder.path()).output().unwrap();
        let (_, stderr) = texts(&output);
        assert!(output.status.success() || stderr.trim_end().ends_with(" found"), "{text}\n{stderr}");
    }
}

#[test]
fn check_tells_everything_at_once_and_warnings_alone_are_2() {
    let folder = app();
    let check = |arguments: &[&str]| {
        let output = moonward().arg("check").arg(folder.path()).args(arguments).output().unwrap();
        let (stdout, stderr) = texts(&output);
        (output.status.code().unwrap(), stdout, stderr)
    };
    assert_eq!(check(&[]).0, 0);

    folder.write(
        "more.yaml",
        "namespace: more\nentries:\n  - {name: one, kind: process.host, host: {max_processes: 5, queue_size: 5}}\n",
    );
    let (code, _, stderr) = check(&[]);
    assert!(code == 2 && stderr.contains("queue_size") && stderr.contains("more.yaml:3:"), "{code} {stderr}");

    folder
        .write("all.cedar", "permit (principal, action, resource);\nforbid (principal, action, resource);\n");
    folder.write("worse.yaml", "namespace: worse\nentries:\n  - {name: 'no name', kind: function.lua}\n");
    let (code, stdout, stderr) = check(&["-o", "json"]);
    assert_eq!((code, stderr.as_str()), (3, ""));
    let found: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let found = found["diagnostics"].as_array().unwrap();
    for diagnostic in found {
        assert!(diagnostic["file"].is_string() && diagnostic["line"].as_u64().unwrap() > 0, "{diagnostic}");
        assert!(
            diagnostic["column"].as_u64().unwrap() > 0 && diagnostic["message"].is_string(),
            "{diagnostic}"
        );
    }
    let files: std::collections::BTreeSet<&str> =
        found.iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert!(files.len() >= 2, "{stdout}");
}

#[test]
fn manifests_scripts_and_policies_have_their_errors_told_together() {
    let folder = app();
    folder.write("bad.lua", "return function(");
    folder.write("extra.yaml", "namespace: more\nentries:\n  - {name: x, kind: process.lua, source: file://bad.lua, mehtod: main}\n  - {name: y, kind: process.lua, source: file://bad.lua}\n");
    folder.write("all.cedar", "@id(\"all\")\npermit (principal, action, resource) when { principal.tennant == principal.tenant };\n");
    let output = moonward().arg("check").arg(folder.path()).output().unwrap();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    for said in ["unknown key `mehtod`", "bad.lua:1:", "tennant"] {
        assert!(stderr.contains(said), "{said}\n{stderr}");
    }
    // Once, although Cedar finds it for each action.
    assert_eq!(stderr.matches("tennant").count(), 2, "{stderr}");
}

#[test]
fn policies_that_are_probably_not_meant_are_told_with_what_is() {
    let folder = app();
    folder.write("all.cedar", &PERMIT_ALL.replace("@id", "@Mode(\"shadow\")\n@id"));
    let check = || {
        let output = moonward().arg("check").arg(folder.path()).output().unwrap();
        (output.status.code(), texts(&output).1)
    };
    let (code, stderr) = check();
    assert!(code == Some(2) && stderr.contains("did you mean `@mode`?"), "{stderr}");

    folder.write("all.cedar", PERMIT_ALL);
    folder.write(
        "twice.yaml",
        "namespace: more\nentries:\n  - {name: again, kind: security.scope, policies: [file://all.cedar]}\n",
    );
    let (code, stderr) = check();
    assert!(code == Some(3) && stderr.contains("in two scopes"), "{stderr}");

    folder.write("twice.yaml", "namespace: more\nentries: []\n");
    let numbers: Vec<String> = (0..6000).map(|number| number.to_string()).collect();
    folder.write(
        "all.cedar",
        &PERMIT_ALL.replace(';', &format!(" when {{ [{}].contains(1) }};", numbers.join(","))),
    );
    let (code, stderr) = check();
    assert!(code == Some(3) && stderr.contains("over 10000 words"), "{}", &stderr[..200]);
}

#[test]
fn wrong_usage_is_64_and_says_what_would_be_right() {
    let folder = app();
    for (arguments, said) in [
        (&["chekc"][..], "check"),
        (&[][..], "Usage"),
        (&["call"], "<APP>"),
        (&["bench", "nothing"], "moonward bench <COMMAND>"),
        (&["completions", "cmd"], "bash"),
    ] {
        let output = moonward().args(arguments).output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert_eq!((output.status.code(), stdout.as_str()), (Some(64), ""), "{arguments:?} {stderr}");
        assert!(stderr.contains(said), "{arguments:?} {stderr}");
    }
    let output = moonward().args(["call", ".", "app:x", "-o", "json", "--foo"]).output().unwrap();
    let error: serde_json::Value = serde_json::from_str(&texts(&output).0).unwrap();
    assert_eq!((output.status.code(), &error["error"]["kind"]), (Some(64), &serde_json::json!("INVALID")));
    // Programs are told all that is missing, and the next step.
    let output = moonward().args(["policy", "simulate", "-o", "json"]).output().unwrap();
    let error: serde_json::Value = serde_json::from_str(&texts(&output).0).unwrap();
    for missing in ["--actor", "--action", "--resource"] {
        assert!(error["error"]["message"].as_str().unwrap().contains(missing), "{error}");
    }
    assert!(error["error"]["help"].as_str().unwrap().contains("--help"), "{error}");
    let output = moonward().args(["policy", "simulate", "-o", "json", "--acton"]).output().unwrap();
    let error: serde_json::Value = serde_json::from_str(&texts(&output).0).unwrap();
    assert!(error["error"]["help"].as_str().unwrap().contains("'--action'"), "{error}");
    let many: Vec<String> = (0..256).map(|number| number.to_string()).collect();
    let many: Vec<&str> = std::iter::once("app:echo").chain(many.iter().map(String::as_str)).collect();
    let (code, _, stderr) = outcome(&folder, "call", &many);
    assert!(code == 64 && stderr.contains("at most 255"), "{stderr}");
    for (arguments, said) in [
        (&["nothing"][..], "namespace:name"),
        (&["app:echo", "--timeout", "soon"], "500ms"),
        (&["app:echo", "--timeout", "18446744073709551615s 1000ms"], "digits"),
        (&["app:echo", "--scope", "app:all"], "--actor"),
        (&["app:echo", "--host", "app:nowhere"], "app:processes"),
        (&["app:echo", "--actor", "root"], "tenant/kind"),
        (&["app:echo", "--actor", "default/operator/root"], "operator"),
        (&["app:echo", "--actor", "default/user/eve", "--scope", "app:al"], "app:all"),
    ] {
        let (code, stdout, stderr) = outcome(&folder, "call", arguments);
        assert_eq!((code, stdout.as_str()), (64, ""), "{arguments:?} {stderr}");
        assert!(stderr.contains(said), "{arguments:?} {stderr}");
    }
}

#[test]
fn a_log_that_cannot_be_written_is_74_and_nothing_is_run() {
    let folder = app();
    std::fs::write(folder.log(), "not a folder").unwrap();
    let (code, stdout, stderr) = outcome(&folder, "call", &["app:echo"]);
    assert_eq!((code, stdout.as_str()), (74, ""), "{stderr}");
    assert!(stderr.contains("audit log") && stderr.contains("help: "), "{stderr}");
}

#[test]
fn policies_that_cannot_be_kept_beside_the_log_are_74_and_nothing_is_run() {
    let folder = app();
    std::fs::create_dir(folder.log()).unwrap();
    std::fs::write(folder.log().join("policies"), "in the way").unwrap();
    let (code, stdout, stderr) = outcome(&folder, "call", &["app:echo", "1"]);
    assert_eq!((code, stdout.as_str()), (74, ""), "{stderr}");
    assert!(
        stderr.contains("policies` cannot be written beside the audit log: it is not a folder"),
        "{stderr}"
    );
    assert!(stderr.contains("help: "), "{stderr}");
    assert!(crate::support::records(&folder.log()).is_empty());
}

#[test]
fn a_log_that_somebody_else_writes_is_74_and_names_the_holder() {
    let folder = service("process.events():receive()");
    let mut holder = Running::start(&folder, &[]);
    holder.wait_for("here I am");
    let (code, _, stderr) = outcome(&folder, "call", &["app:parked"]);
    let pid = holder.child.id().to_string();
    assert!(code == 74 && stderr.contains(&pid) && stderr.contains("--log"), "{code} {stderr}");
    holder.interrupt();
    assert_eq!(holder.end(), Some(0));
}

/// An app with one service that is started, and what it does.
pub(crate) fn service(body: &str) -> Folder {
    Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: all, kind: security.scope, policies: [file://all.cedar]}
  - {name: parked, kind: process.lua, source: file://parked.lua}
  - name: worker
    kind: process.service
    process: parked
    lifecycle: {auto_start: true, stop_timeout: 60s, restart: {initial_delay: 1ms, max_attempts: 1}}
"#,
        ),
        ("all.cedar", PERMIT_ALL),
        ("parked.lua", &format!("return function()\nprint('here I am')\n{body}\nend\n")),
    ])
}

/// `moonward run` in the background, its stderr read line by line.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    pub(crate) fn start(folder: &Folder, arguments: &[&str]) -> Self {
        Self::command(folder, "run", arguments)
    }

    fn command(folder: &Folder, verb: &str, arguments: &[&str]) -> Self {
        let mut command = moonward();
        command.env("MOONWARD_LOG", "info,tenant=debug,service=debug");
        command.arg(verb).arg(folder.path()).args(arguments).arg("--log").arg(folder.log());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr }
    }

    /// Reads lines until one has this text in it; all that was said till then.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        let mut seen = String::new();
        while !seen.contains(text) {
            let read = self.stderr.read_line(&mut seen).unwrap();
            assert!(read > 0, "`{text}` was not said:\n{seen}");
        }
        seen
    }

    pub(crate) fn interrupt(&self) {
        let done = std::process::Command::new("sh")
            .args(["-c", "kill -INT $0", &self.child.id().to_string()])
            .status();
        assert!(done.unwrap().success());
    }

    /// Waits for the end; the exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.rest();
        self.child.wait().unwrap().code()
    }

    /// All that is still said.
    fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn run_drains_at_ctrl_c_and_a_second_one_ends_at_once_with_130() {
    // It listens to CANCEL and ends by itself.
    let folder = service("process.events():receive()");
    let mut running = Running::start(&folder, &[]);
    running.wait_for("here I am");
    running.interrupt();
    assert_eq!(running.end(), Some(0));

    // It does not, and has a minute to stop: nobody waits that long.
    let folder = service("process.inbox():receive()");
    let mut running = Running::start(&folder, &[]);
    running.wait_for("here I am");
    running.interrupt();
    running.wait_for("again to end at once");
    running.interrupt();
    assert_eq!(running.end(), Some(130));
}

#[test]
fn no_denial_that_a_script_heard_of_is_lost_when_a_call_is_interrupted() {
    let folder = Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: app
entries:
  - {name: start, kind: security.scope, policies: [file://start.cedar]}
  - {name: tries, kind: process.lua, source: file://tries.lua, modules: [time], limits: {cpu: 60s}}
"#,
        ),
        (
            "start.cedar",
            "@id(\"start\")\npermit (principal, action in Moonward::Action::\"spawn\", resource);\n",
        ),
        (
            "tries.lua",
            r#"
local time = require("time")
return function()
    while true do
        local _, err = process.registry.register("me")
        print("heard " .. (err:details() and err:details().record or err:kind()))
        -- No more lines a second than are shown.
        time.sleep("11ms")
    end
end
"#,
        ),
    ]);
    let mut call = Running::command(&folder, "call", &["app:tries"]);
    let mut said = call.wait_for("heard ");
    call.interrupt();
    said.push_str(&call.rest());
    assert_eq!(call.end(), Some(130));
    let known: Vec<serde_json::Value> = folder.denials().iter().map(|record| record["id"].clone()).collect();
    let heard: Vec<&str> = said.lines().filter_map(|line| line.split("heard ").nth(1)).collect();
    assert!(!heard.is_empty(), "{said}");
    for id in heard.iter().filter(|id| id.len() == 26) {
        assert!(known.iter().any(|known| known == id), "{id} is not in the log");
    }
}

#[test]
fn run_ends_by_itself_with_0_or_with_1_if_a_service_failed_for_good() {
    let folder = service("return 1");
    assert_eq!(outcome(&folder, "run", &[]).0, 0);
    let folder = service("error('broken')");
    let (code, _, stderr) = outcome(&folder, "run", &[]);
    assert!(code == 1 && stderr.contains("`app:worker` failed for good"), "{code} {stderr}");
}

#[test]
fn run_watch_takes_what_loads_and_refuses_what_does_not() {
    let folder = service("process.events():receive()");
    let mut running = Running::start(&folder, &["--watch"]);
    running.wait_for("here I am");
    folder.write("all.cedar", "@id(\"all\")\npermit (principal, action, resorce);\n");
    running.wait_for("the version before stays");
    folder.write("all.cedar", PERMIT_ALL);
    running.wait_for("again what runs");
    folder.write("all.cedar", &format!("// Now.\n{PERMIT_ALL}"));
    running.wait_for("loaded again");
    running.interrupt();
    assert_eq!(running.end(), Some(0));
    let kinds: Vec<String> = crate::support::records(&folder.log())
        .iter()
        .map(|record| record["kind"].as_str().unwrap().to_owned())
        .filter(|kind| kind.starts_with("policy"))
        .collect();
    assert_eq!(kinds, ["policy_load", "policy_refused", "policy_load"]);
}

#[test]
fn init_makes_an_app_that_runs_and_names_only_commands_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("my app");
    let output = moonward().arg("init").arg(&app).output().unwrap();
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let help = texts(&moonward().arg("--help").output().unwrap()).0;
    let mut verbs = stderr.lines().filter_map(|line| line.trim().strip_prefix("moonward ")).peekable();
    assert!(verbs.peek().is_some(), "{stderr}");
    for verb in verbs.map(|line| line.split(' ').next().unwrap()) {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{verb} "))),
            "{verb}\n{help}"
        );
    }
    let check = moonward().arg("check").arg(&app).output().unwrap();
    assert_eq!(check.status.code(), Some(0), "{}", texts(&check).1);
    let tests = moonward().args(["policy", "test"]).arg(&app).output().unwrap();
    assert_eq!(tests.status.code(), Some(0), "{}", texts(&tests).1);
    let call = moonward().arg("call").arg(&app).args(["app:hello", "World"]).output().unwrap();
    assert_eq!(texts(&call).0, "\"hello, World\"\n", "{}", texts(&call).1);

    let again = moonward().arg("init").arg(&app).output().unwrap();
    assert_eq!(again.status.code(), Some(1));
    assert!(texts(&again).1.contains("nothing was written"), "{}", texts(&again).1);
}

#[test]
fn the_demo_shows_a_message_a_refusal_its_record_and_what_to_try() {
    let output = moonward().arg("demo").output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    for part in ["PERMISSION_DENIED", "deny_forbid", "guard.tenant.definition", "\"decision\""] {
        assert!(stdout.contains(part), "{part}\n{stdout}");
    }
    assert!(stderr.contains("moonward init"), "{stderr}");
}

#[test]
fn doctor_looks_at_the_machine_in_text_and_json() {
    let output = moonward().arg("doctor").output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("known crashers"), "{stdout}");
    let output = moonward().args(["doctor", "-o", "json"]).output().unwrap();
    let found: serde_json::Value = serde_json::from_str(&texts(&output).0).unwrap();
    assert!(found["checks"].as_array().unwrap().len() >= 4, "{found}");
}

#[test]
fn completions_are_there_for_each_shell_and_help_for_each_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = moonward().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && texts(&output).0.contains("moonward"), "{shell}");
    }
    for verb in [
        "init",
        "check",
        "run",
        "call",
        "demo",
        "policy",
        "audit",
        "doctor",
        "completions",
        "generate",
        "bench",
    ] {
        let output = moonward().args([verb, "--help"]).output().unwrap();
        let (stdout, _) = texts(&output);
        assert!(output.status.success() && stdout.contains("Examples:"), "{verb}\n{stdout}");
    }
}

#[test]
fn measurements_print_their_figures_as_text_and_json() {
    let output = moonward().args(["bench", "parked", "--processes", "300", "-o", "json"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(report.to_string().contains("300"), "{report}");
    let output = moonward().args(["bench", "loops"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("cpu limit exceeded") && stdout.contains("neighbour"), "{stdout}");
    let output = moonward().args(["bench", "denials", "--messages", "100", "-o", "json"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let figures = &report["results"];
    assert!(figures["neighbour_with_flood"]["percent"].as_f64().unwrap() > 0.0, "{report}");
    let [denials, recorded, counted] = ["/denials/count", "/log/recorded", "/log/counted"]
        .map(|at| figures.pointer(at).unwrap().as_u64().unwrap());
    assert_eq!((denials > 0, recorded + counted), (true, denials), "{report}");
    let output = moonward().args(["bench", "check", "--policies", "100", "-o", "json"]).output().unwrap();
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(report["results"]["run"]["hit_rate"].as_f64().unwrap() > 0.95, "{report}");
}
