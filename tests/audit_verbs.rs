//! The audit log read by `moonward audit`: found, followed, exported, and never misread.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::Value as Json;

use crate::policy_watch::Watched;
use crate::support::{Folder, moonward, records, texts};

/// No wait is longer, however loaded the machine is.
const DEADLINE: Duration = Duration::from_secs(60);

/// A text that a terminal, a reader or a spreadsheet would obey.
const HOSTILE: &str = "=cmd|'x'!A1\u{1b}[2J\u{202e},\"";

const MANIFEST: &str = r#"
version: "1.0"
namespace: app
entries:
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [acme:start]}
  - {name: globex, kind: tenant, namespaces: [globex], default_scopes: [globex:start]}
"#;

const START: &str = "@id(\"NAME\")\npermit (principal, action in Moonward::Action::\"spawn\", resource);\n";

/// Two tenants, each with a definition that asks for a name it may not have.
fn app() -> Folder {
    let tenant = |name: &str| {
        format!(
            "version: \"1.0\"\nnamespace: {name}\nentries:\n  \
             - {{name: start, kind: security.scope, policies: [file://start.cedar]}}\n  \
             - {{name: asks, kind: process.lua, source: \"return function(name) \
             return (process.registry.register(name)) == nil end\"}}\n"
        )
    };
    let folder = Folder::new(&[("_index.yaml", MANIFEST)]);
    for name in ["acme", "globex"] {
        folder.write(&format!("{name}/_index.yaml"), &tenant(name));
        folder.write(&format!("{name}/start.cedar"), &START.replace("NAME", &format!("{name}.start")));
    }
    folder
}

/// The same after three calls, with three denials among its records.
fn ran() -> Folder {
    let folder = app();
    for (definition, name) in [("acme:asks", "first"), ("globex:asks", "second"), ("acme:asks", "third")] {
        assert_eq!(folder.value(definition, &[name]), true);
    }
    assert_eq!(folder.denials().len(), 3);
    folder
}

/// The same; the last denial is of a name that the product does not let through today, as another version might. Put there by
/// hand, so that no start goes on after it.
fn ran_and_was_changed() -> Folder {
    let folder = ran();
    let log = fs::read_to_string(segment(&folder)).unwrap();
    let ascii = serde_json::to_string(HOSTILE).unwrap().replace('\u{202e}', "\\u202e");
    fs::write(segment(&folder), log.replace("\"id\":\"acme/third\"", &format!("\"id\":{ascii}"))).unwrap();
    folder
}

/// `moonward audit VERB ARGUMENTS app --log log`: exit code, stdout, stderr.
fn audit(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let mut command = moonward();
    command.arg("audit").args(arguments).arg(folder.path()).arg("--log").arg(folder.log());
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

/// The records and the last line of a query for programs.
fn query(folder: &Folder, arguments: &[&str]) -> (Vec<Json>, Json) {
    let (_, stdout, stderr) = audit(folder, &[&["query", "-o", "json"], arguments].concat());
    let mut lines: Vec<Json> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{stderr}")))
        .collect();
    let last = lines.pop().unwrap();
    assert_eq!(last["schema"], "moonward.audit-query/1");
    (lines, last)
}

fn segment(folder: &Folder) -> std::path::PathBuf {
    folder.log().join("00000001.jsonl")
}

#[test]
fn a_query_finds_what_fits_and_says_what_it_looked_through() {
    let folder = ran_and_was_changed();
    let all = records(&folder.log());
    let denied = |tenant: &str| {
        let fits = |record: &&Json| record["decision"] == "deny" && record["tenant"] == tenant;
        all.iter().filter(fits).cloned().collect::<Vec<_>>()
    };
    let (found, last) = query(&folder, &["--decision", "deny", "--tenant", "acme"]);
    assert_eq!(found, denied("acme"));
    assert_eq!((&last["matched"], &last["shown"], &last["complete"]), (&2.into(), &2.into(), &true.into()));
    assert_eq!(last["scanned"]["last"]["seq"], all.last().unwrap()["seq"]);
    assert_eq!(last["counted_in_rollups"], 0);
    // Each line is the one of the log.
    let (_, stdout, _) = audit(&folder, &["query", "-o", "json"]);
    let log = fs::read_to_string(segment(&folder)).unwrap();
    assert!(stdout.starts_with(&log) && stdout.lines().count() == log.lines().count() + 1);

    for (filter, count) in [
        (&["--actor", "acme/user/cli", "--action", "process.registry.register"][..], 2),
        (&["--action", "registry", "--decision", "deny_default"], 3),
        (&["--action", "process.send"], 0),
        (&["--kind", "policy_load"], 3),
        (&["--policy", "acme.start", "--decision", "deny"], 0),
        (&["--since", "1h", "--decision", "deny"], 3),
        (&["--until", "2020-01-01"], 0),
        (&["--where", "record.decision == \"deny\" && record.resource.id like \"*first\""], 1),
        (&["--where", "record has decision && record.decision == \"deny\"", "-n", "1"], 1),
        (&["--limit", "2", "--decision", "deny"], 2),
    ] {
        assert_eq!(query(&folder, filter).0.len(), count, "{filter:?}");
    }

    let (code, stdout, stderr) = audit(&folder, &["query", "--decision", "deny", "-n", "1"]);
    assert_eq!((code, stdout.lines().count()), (0, 1));
    let (_, stderr) = stderr.split_once("the newest 1 are shown; `--limit 0` shows all\n").unwrap();
    let end = ": 3 match; the answer is complete\n";
    assert!(stderr.starts_with("records 1 to ") && stderr.ends_with(end), "{stderr}");
    // Of a time in which nothing was.
    let (code, stdout, stderr) = audit(&folder, &["query", "--until", "2020-01-01"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    let said = "no record is of that time; the answer is complete\n";
    assert!(
        stderr.starts_with("asked for: until 2020-01-01 00:00:00Z\nthe log has records 1 to "),
        "{stderr}"
    );
    assert!(stderr.ends_with(said) && stderr.lines().count() == 3, "{stderr}");
}

#[test]
fn what_an_expression_cannot_decide_is_told_and_one_that_is_none_is_3_with_its_place() {
    let folder = ran_and_was_changed();
    let (code, stdout, stderr) = audit(&folder, &["query", "--where", "record.context.bytes > 1000"]);
    assert_eq!((code, stdout.as_str()), (4, ""), "it can be said of none");
    assert!(
        stderr.contains(" records had no `record.context.bytes`, and are not among those that match"),
        "{stderr}"
    );
    let (code, _, stderr) = audit(&folder, &["query", "--where", "record.acton == \"process.send\""]);
    assert!(code == 4 && stderr.contains("warning: no record has a member `acton`"), "{stderr}");
    assert!(stderr.contains("help: did you mean `action`?"), "{stderr}");
    for verb in ["query", "tail", "export"] {
        let (code, stdout, stderr) = audit(&folder, &[verb, "--where", "record.seq == 1 && recrod.seq == 2"]);
        assert_eq!((code, stdout.as_str()), (3, ""), "{verb}");
        assert!(stderr.contains("--where:1:20") && stderr.contains("^^^^^^"), "{stderr}");
    }
}

#[test]
fn an_expression_that_can_be_decided_of_no_record_is_4_in_every_verb() {
    let folder = ran();
    for verb in ["query", "tail", "export", "report"] {
        for nothing in [
            "record.ts > datetime(\"yesterday\")",
            "record.seq > \"1\"",
            "record.seq + 9223372036854775807 > 0",
        ] {
            let (code, _, stderr) = audit(&folder, &[verb, "--where", nothing]);
            assert_eq!(code, 4, "{verb} {nothing}: {stderr}");
            // One reason, however many records.
            let told = stderr.matches("not among those that match").count();
            assert_eq!(told, 1, "{verb} {nothing}: {stderr}");
        }
        // Of some it can be said.
        let (code, _, stderr) = audit(&folder, &[verb, "--where", "record.decision == \"deny\""]);
        assert_eq!(code, 0, "{verb}: {stderr}");
        // Never true: that is an answer, and probably not what was meant.
        let (code, _, stderr) = audit(&folder, &[verb, "--where", "record.seq == \"1\""]);
        assert!(code == 0 && stderr.contains("this is never true"), "{verb} {code}: {stderr}");
        assert!(stderr.contains("help: write `record.seq == 1`"), "{verb}: {stderr}");
    }
}

#[test]
fn wrong_arguments_are_64_with_what_was_probably_meant_and_no_log_is_said() {
    let folder = ran_and_was_changed();
    for (arguments, said) in [
        (&["query", "--action", "process.sent"][..], "did you mean `process.send`?"),
        (&["tail", "--kind", "decisions"], "did you mean `decision`?"),
        (&["query", "--since", "yesterday"], "15m"),
        (&["query", "--decision", "maybe"], "deny_default"),
        (&["export", "--after", "1", "--cursor", "x"], "--cursor"),
        (&["quary"], "query"),
    ] {
        let (code, stdout, stderr) = audit(&folder, arguments);
        assert!(code == 64 && stdout.is_empty() && stderr.contains(said), "{arguments:?} {code} {stderr}");
    }
    let (code, _, stderr) = audit(&folder, &["query", "--tenant", "acmee"]);
    assert!(
        code == 0 && stderr.contains("no record names the tenant `acmee`; did you mean `acme`?"),
        "{stderr}"
    );

    // An app that never ran, and a log that was named and is not there.
    let fresh = app();
    for verb in ["query", "tail", "export", "reindex"] {
        let output = moonward().args(["audit", verb]).arg(fresh.path()).output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert_eq!((output.status.code(), stdout.as_str()), (Some(0), ""), "{verb} {stderr}");
        assert!(stderr.contains("there is no audit log in"), "{verb} {stderr}");
        let (code, _, stderr) = audit(&fresh, &[verb]);
        assert!(code == 1 && stderr.contains("help: `--log` takes"), "{verb} {stderr}");
    }
    assert!(!fresh.log().exists());
    let output = moonward().args(["audit", "query", "-o", "json"]).arg(fresh.path()).output().unwrap();
    let last: Json = serde_json::from_str(&texts(&output).0).unwrap();
    assert_eq!((&last["complete"], &last["scanned"]), (&true.into(), &Json::Null));
}

#[test]
fn a_folder_that_is_not_the_log_is_no_answer() {
    let folder = ran();
    let empty = tempfile::tempdir().unwrap();
    for verb in [
        &["query"][..],
        &["query", "-o", "json"],
        &["tail"],
        &["export"],
        &["reindex"],
        &["report"],
        &["show", "last"],
    ] {
        let mut command = moonward();
        command.arg("audit").args(verb).arg(folder.path()).arg("--log").arg(empty.path());
        let output = command.output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{verb:?} {stderr}");
        let said = stdout + &stderr;
        assert!(said.contains("there is no audit log in") && said.contains("`--log` takes"), "{said}");
        // The app wrote its log elsewhere; where its manifest says is none.
        let output = moonward().arg("audit").args(verb).arg(folder.path()).output().unwrap();
        let (stdout, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{verb:?} {stderr}");
        let said = stdout + &stderr;
        assert!(said.contains("has signed one") && said.contains("`--log DIR` names"), "{said}");
    }
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[test]
fn a_page_is_written_to_stdout_through_a_link_and_into_a_pipe() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};

    let folder = ran();
    let at = |name: &str| folder.path().join(name);
    let page = |file: &std::path::Path| {
        let (code, stdout, stderr) = audit(&folder, &["report", "--html", file.to_str().unwrap()]);
        assert_eq!(code, 0, "{stderr}");
        stdout
    };
    let is_page = |text: &str| text.starts_with("<!doctype html>") && text.trim_end().ends_with("</html>");
    for name in ["-", "/dev/stdout"] {
        let stdout = page(std::path::Path::new(name));
        assert!(is_page(&stdout), "{stdout}");
    }
    for (link, target) in [("there", "page.html"), ("not-there", "another.html")] {
        if link == "there" {
            fs::write(at(target), "an older one").unwrap();
        }
        symlink(target, at(link)).unwrap();
        page(&at(link));
        assert!(at(link).is_symlink(), "{link} was replaced");
        assert!(is_page(&fs::read_to_string(at(target)).unwrap()), "{target}");
    }
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let pipe = at("pipe");
    let reader = std::thread::spawn(move || fs::read_to_string(pipe).unwrap());
    page(&at("pipe"));
    assert!(is_page(&reader.join().unwrap()));
    assert!(fs::symlink_metadata(at("pipe")).unwrap().file_type().is_fifo());
}

#[test]
fn an_export_whose_reader_goes_away_is_done_and_moves_no_cursor() {
    let folder = ran();
    // More than a pipe holds.
    let lengthen = || {
        let text = fs::read_to_string(segment(&folder)).unwrap();
        let line = text.lines().last().unwrap();
        let last: Json = serde_json::from_str(line).unwrap();
        let seq: u64 = last["seq"].as_str().unwrap().parse().unwrap();
        let numbered = |seq: u64| format!("\"seq\":\"{seq}\"");
        let more = (1..3000).map(|after| line.replace(&numbered(seq), &numbered(seq + after)) + "\n");
        fs::write(segment(&folder), text.clone() + &more.collect::<String>()).unwrap();
    };
    lengthen();
    let cursor = folder.path().join("cursor");
    let export = |more: &[&str]| {
        let mut command = moonward();
        command.args(["audit", "export"]).args(more).arg(folder.path()).arg("--log").arg(folder.log());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty());
        let output = child.wait_with_output().unwrap();
        (output.status.code(), texts(&output).1)
    };
    assert_eq!(export(&[]), (Some(0), String::new()));
    assert_eq!(export(&["-o", "csv"]), (Some(0), String::new()));
    let kept = cursor.to_str().unwrap();
    let (code, stderr) = export(&["--cursor", kept]);
    assert!(code == Some(1) && stderr.contains("the cursor is where it was before"), "{stderr}");
    assert!(!cursor.exists());
    // Nor one that there was.
    assert_eq!(audit(&folder, &["export", "--cursor", kept]).0, 0);
    let before = fs::read(&cursor).unwrap();
    lengthen();
    assert_eq!(export(&["--cursor", kept]).0, Some(1));
    assert_eq!(fs::read(&cursor).unwrap(), before);
}

#[test]
fn with_its_index_deleted_corrupt_or_not_to_be_kept_a_query_answers_the_same() {
    let folder = ran_and_was_changed();
    let ask = || audit(&folder, &["query", "-o", "json", "--decision", "deny"]);
    let (code, expected, stderr) = ask();
    assert_eq!((code, stderr.as_str()), (0, ""));
    let index = folder.log().join("index");
    for (spoil, said) in [
        (&(|| fs::remove_dir_all(&index).unwrap()) as &dyn Fn(), ""),
        (&|| fs::write(index.join("audit.sqlite"), "x".repeat(50_000)).unwrap(), "is made anew"),
        (&|| fs::write(index.join("audit.sqlite"), "").unwrap(), ""),
        (
            &|| {
                fs::remove_dir_all(&index).unwrap();
                fs::write(&index, "").unwrap();
            },
            "for this answer only",
        ),
    ] {
        spoil();
        let (code, stdout, stderr) = ask();
        assert_eq!((code, &stdout), (0, &expected), "{stderr}");
        assert!(stderr.contains(said) && stderr.is_empty() == said.is_empty(), "{said}: {stderr}");
        assert!(stderr.lines().count() <= 1, "{stderr}");
    }
    let (code, _, stderr) = audit(&folder, &["reindex"]);
    assert!(code == 1 && stderr.contains("cannot be kept"), "{stderr}");
    fs::remove_file(&index).unwrap();
    let (code, stdout, _) = audit(&folder, &["reindex"]);
    assert_eq!(code, 0);
    let count = records(&folder.log()).len();
    assert!(stdout.starts_with(&format!("{count} records of 1 segment (")), "{stdout}");
    let told: Json = serde_json::from_str(&audit(&folder, &["reindex", "-o", "json"]).1).unwrap();
    assert_eq!((&told["records"], &told["segments"]), (&count.into(), &1.into()));
    assert_eq!(ask().1, expected);
}

#[test]
fn an_answer_from_a_log_that_cannot_be_read_whole_is_4_and_says_where() {
    let folder = ran_and_was_changed();
    let text = fs::read_to_string(segment(&folder)).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let broken = "\u{1b}[2Jno record";
    lines[2] = broken;
    fs::write(segment(&folder), lines.join("\n") + "\n").unwrap();
    let (code, stdout, stderr) = audit(&folder, &["query", "-n", "0"]);
    assert!(code == 4 && stderr.ends_with("the answer is NOT complete\n"), "{stderr}");
    assert!(
        stderr.contains("warning: byte ") && stderr.contains("the records 3 to 3 are missing"),
        "{stderr}"
    );
    assert!(!stdout.contains('\u{1b}') && !stderr.contains('\u{1b}'));
    let (_, last) = query(&folder, &[]);
    assert_eq!((&last["complete"], last["troubles"].as_array().unwrap().len()), (&false.into(), 2));
    let (code, _, stderr) = audit(&folder, &["export"]);
    assert!(code == 4 && stderr.contains("the export is NOT complete"), "{stderr}");
    let (code, stdout, stderr) = audit(&folder, &["tail"]);
    assert!(code == 4 && stdout.lines().count() > 2, "{stdout}");
    assert!(stderr.starts_with("warning: byte ") && stderr.contains("begins no record: "), "{stderr}");
    let (code, _, stderr) = audit(&folder, &["reindex"]);
    assert!(code == 4 && stderr.starts_with("warning: byte "), "{stderr}");
    let (code, stdout, _) = audit(&folder, &["reindex", "-o", "json"]);
    let made: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, made["troubles"].as_array().unwrap().len()), (4, 2), "{stdout}");

    fs::create_dir(folder.log().join("00000002.jsonl")).unwrap();
    let (code, _, stderr) = audit(&folder, &["tail"]);
    assert!(code == 4 && stderr.contains("not a regular file"), "{code} {stderr}");
}

#[test]
fn a_request_that_is_too_large_for_its_line_hides_from_no_filter_and_is_exported_whole() {
    let folder = ran();
    let mut lines = records(&folder.log());
    let at = lines.iter().rposition(|record| record["decision"] == "deny").unwrap();
    let part = serde_json::json!({"bytes": 20_001, "topic": "t".repeat(20_000)});
    let text = part.to_string();
    let name = audit::digest::hex(&audit::digest::sha256(text.as_bytes()));
    let stand_in = serde_json::json!({"$stored": {"bytes": text.len().to_string(), "sha256": name}});
    lines[at]["context"] = stand_in.clone();
    let id = lines[at]["id"].as_str().unwrap().to_owned();
    fs::write(segment(&folder), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let place = folder.log().join("objects/00000001");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join(&name), &text).unwrap();

    let large = ["--where", "record has context.bytes && record.context.bytes > 20000"];
    let ask = |verb: &[&str]| audit(&folder, &[verb, &large].concat());
    for verb in [&["query"][..], &["query", "-n", "0"], &["tail"]] {
        let (code, stdout, stderr) = ask(verb);
        assert!(
            code == 0 && stdout.lines().count() == 1 && stdout.contains(&id),
            "{verb:?}: {stdout}{stderr}"
        );
    }
    let (code, stdout, _) = ask(&["report"]);
    assert!(code == 0 && stdout.contains("denied     1,"), "{stdout}");
    // The line as it is, unless the part is asked for.
    let (code, stdout, stderr) = ask(&["export"]);
    let exported: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &exported["context"]), (0, &stand_in));
    assert!(stderr.contains("of 1 record the export has no `context` or no `entities`"), "{stderr}");
    let (code, stdout, stderr) = ask(&["export", "--with-parts"]);
    let exported: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &exported["context"], &exported["id"]), (0, &part, &id.clone().into()));
    assert!(!stderr.contains("kept elsewhere"), "{stderr}");
    assert_eq!(audit(&folder, &["export", "--with-parts", "-o", "csv"]).0, 64);

    // Without the part nobody knows whether it is one of those.
    fs::remove_file(place.join(&name)).unwrap();
    for verb in [&["query"][..], &["tail"], &["report"], &["export"]] {
        let (code, stdout, stderr) = ask(verb);
        assert!(code == 4 && format!("{stdout}{stderr}").contains(&name), "{verb:?}: {stdout}{stderr}");
    }
    let (code, stdout, stderr) = audit(&folder, &["export", "--with-parts"]);
    assert_eq!((code, stdout.lines().count()), (4, lines.len()), "{stderr}");
    let (code, _, stderr) = audit(&folder, &["query", "--where", "record.kind == \"decision\""]);
    assert_eq!(code, 0, "who does not ask for the part can do without it: {stderr}");
}

#[test]
fn what_tenants_wrote_is_shown_and_never_obeyed() {
    let folder = ran_and_was_changed();
    let hostile = |text: &str| text.contains(['\u{1b}', '\u{202e}']);
    for arguments in [
        &["query"][..],
        &["tail"],
        &["tail", "--group-by", "actor"],
        &["export"],
        &["export", "-o", "csv"],
        &["query", "-o", "json"],
        &["tail", "-o", "json"],
        &["query", "--actor", HOSTILE],
        &["query", "--tenant", HOSTILE],
        &["query", "--where", &format!("record.seq == \"{}\"", HOSTILE.replace('"', "\\\""))],
        &["query", "--where", &format!("record.{HOSTILE}")],
    ] {
        let (_, stdout, stderr) = audit(&folder, arguments);
        assert!(!hostile(&stdout) && !hostile(&stderr), "{arguments:?}\n{stdout}\n{stderr}");
    }
    let (_, stdout, _) = audit(&folder, &["tail", "--decision", "deny"]);
    assert!(stdout.contains("\\u{1b}[2J\\u{202e}"), "{stdout}");
    let (code, table, _) = audit(&folder, &["export", "-o", "csv", "--decision", "deny"]);
    let rows: Vec<&str> = table.split("\r\n").collect();
    assert_eq!((code, rows.len()), (0, 5), "{table}");
    assert!(rows[0].starts_with("seq,id,ts,kind,decision,"));
    assert!(rows[3].contains(",\"'=cmd|'x'!A1\\u{1b}[2J\\u{202e},\"\"\","), "{}", rows[3]);
    for row in &rows[1..4] {
        assert!(!row.contains(",=") && !row.contains("\n"), "{row}");
    }
}

#[test]
fn a_tail_is_one_line_a_record_newest_last() {
    let folder = ran_and_was_changed();
    let (code, stdout, stderr) = audit(&folder, &["tail", "-n", "2", "--decision", "deny"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    let denials = folder.denials();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, record) in lines.iter().zip(&denials[1..]) {
        let time = &record["ts"].as_str().unwrap()[..19].replace('T', " ");
        assert!(line.starts_with(&format!("{time}Z denied  ")), "{line}");
        assert!(line.ends_with(record["id"].as_str().unwrap()), "{line}");
        let who = format!("{} -> process.registry.register on ", record["actor"].as_str().unwrap());
        assert!(line.contains(&who) && line.contains("no policy permits it, at "), "{line}");
    }
    let (_, stdout, _) = audit(&folder, &["tail", "--group-by", "tenant", "--decision", "deny"]);
    assert_eq!(
        stdout,
        "   denied   allowed   counted     other  tenant\n        2         0         0         0  acme\n        1         0         0         0  globex\n"
    );
    let (_, stdout, _) =
        audit(&folder, &["tail", "--group-by", "action", "-o", "json", "--decision", "deny"]);
    let counts: Json = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (&counts["groups"][0]["name"], &counts["groups"][0]["denied"]),
        (&"process.registry.register".into(), &3.into())
    );
}

#[test]
fn a_tail_follows_what_comes_also_into_a_log_that_is_not_there_yet() {
    let folder = app();
    fs::create_dir(folder.log()).unwrap();
    let mut command: Command = moonward();
    command
        .args(["audit", "tail", "-f", "--decision", "deny"])
        .arg(folder.path())
        .arg("--log")
        .arg(folder.log());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (line_read, lines) = channel();
    std::thread::spawn(move || {
        stdout.lines().map_while(Result::ok).try_for_each(|line| line_read.send(line).map_err(drop)).ok()
    });
    for name in ["first", "second"] {
        assert_eq!(folder.value("acme:asks", &[name]), true);
        let line = lines.recv_timeout(DEADLINE).unwrap();
        assert!(line.contains("denied") && line.contains(&format!("acme/{name}")), "{line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lines.recv_timeout(DEADLINE).is_err(), "each is shown once");
}

#[test]
fn an_export_goes_on_from_its_cursor_and_refuses_another_log() {
    let folder = ran();
    let cursor = folder.path().join("cursor");
    let cursor = cursor.to_str().unwrap();
    let export = |folder: &Folder| audit(folder, &["export", "--cursor", cursor]);
    let (code, first, stderr) = export(&folder);
    assert_eq!((code, &first), (0, &fs::read_to_string(segment(&folder)).unwrap()), "{stderr}");
    let (code, stdout, stderr) = export(&folder);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", "nothing to export\n"));
    assert_eq!(folder.value("globex:asks", &["third"]), true);
    let (_, second, _) = export(&folder);
    assert_eq!(first + &second, fs::read_to_string(segment(&folder)).unwrap());
    let (_, stdout, _) = audit(&folder, &["export", "--after", "2"]);
    assert!(stdout.starts_with("{\"schema\":\"moonward.audit/1\",\"seq\":\"3\","), "{stdout}");

    let (code, stdout, stderr) = export(&ran());
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("changed or replaced") && stderr.contains("help: remove the cursor"), "{stderr}");
    fs::write(cursor, "{}").unwrap();
    let (code, _, stderr) = export(&folder);
    assert!(code == 1 && stderr.contains("is not a cursor of an export"), "{stderr}");
}

#[test]
fn a_running_app_is_read_while_it_writes_and_its_index_is_kept_up() {
    let root = tempfile::tempdir().unwrap();
    let (app, log) = (root.path().join("app"), root.path().join("log"));
    crate::policy_watch::app(&app, "// no names\n");
    let running = Watched::start(&app, &log);
    running.wait_for("it has none");
    running.records("decision", 3);
    let index = log.join("index/audit.sqlite");
    let end = Instant::now() + DEADLINE;
    while !index.exists() {
        assert!(Instant::now() < end, "no index was made");
        std::thread::yield_now();
    }
    let mut command = moonward();
    command.args(["audit", "query", "--decision", "deny", "-o", "json"]).arg(&app).arg("--log").arg(&log);
    let (stdout, stderr) = texts(&command.output().unwrap());
    let last: Json = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert!(last["matched"].as_u64().unwrap() >= 1 && last["complete"] == true, "{last} {stderr}");
}

#[test]
fn reading_a_log_leaves_no_record() {
    let folder = ran_and_was_changed();
    let before = fs::read(segment(&folder)).unwrap();
    for verb in ["query", "tail", "export", "reindex"] {
        audit(&folder, &[verb]);
    }
    assert_eq!(fs::read(segment(&folder)).unwrap(), before);
}
