//! What the verbs of the audit log say alike: what was only counted, what is gone, which time was asked for, and what a name
//! was probably meant to be.

use std::fs;

use serde_json::{Value as Json, json};

use crate::audit_story::{app, audit, denial, write_log};
use crate::support::{Folder, moonward, records, texts};

/// A log with a denial whose roll-up counts 1 899 more, and one of somebody else.
fn flooded() -> Folder {
    let folder = app();
    let mut first = denial("acme/user/ada", "process.send", ("Process", "p1"));
    first["decision_kind"] = "deny_forbid".into();
    first["policies"] = json!([{"id": "quiet", "file": "a.cedar", "line": 1, "column": 1}]);
    let rollup = |count: u64| {
        json!({"kind": "rollup", "tenant": "acme", "actor": "acme/user/ada", "detail": {"opening": "01M8EKA3G30000000000000001",
            "action": "process.send", "resource_type": "Process", "decision_kind": "deny_forbid", "count": count.to_string()}})
    };
    let other = denial("acme/user/bob", "process.spawn", ("Definition", "d"));
    write_log(&folder, 1, &[first, rollup(900), rollup(1_899), other]);
    folder
}

/// The last line of a query for programs.
fn envelope(folder: &Folder, arguments: &[&str]) -> Json {
    let (_, stdout, stderr) = audit(folder, "query", &[arguments, &["-o", "json"]].concat());
    serde_json::from_str(stdout.lines().last().unwrap())
        .unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"))
}

#[test]
fn what_a_filter_cannot_tell_of_roll_ups_may_fit_in_every_answer() {
    let folder = flooded();
    let may_fit = "1 899 more were only counted, and may fit";
    let nothing = &["--where", "record.resource.id == \"nobody\""][..];
    let other = &["--actor", "acme/user/bob", "--where", "record.seq > 0"];
    for (arguments, says) in [(nothing, true), (other, false)] {
        for verb in ["query", "report", "tail", "export"] {
            let (code, stdout, stderr) = audit(&folder, verb, arguments);
            assert_eq!(
                (code, (stdout + &stderr).contains(may_fit)),
                (0, says),
                "{verb} {arguments:?} {stderr}"
            );
        }
        let (_, stdout, _) = audit(&folder, "report", &[arguments, &["-o", "json"]].concat());
        let report: Json = serde_json::from_str(&stdout).unwrap();
        let count = json!(if says { 1_899 } else { 0 });
        assert_eq!(
            (&report["decisions"]["counted_may_fit"], &report["decisions"]["denied_counted"]),
            (&count, &json!(0))
        );
        let last = envelope(&folder, arguments);
        assert_eq!((&last["counted_may_fit"], &last["counted_in_rollups"]), (&count, &json!(0)));
        let (_, stdout, _) =
            audit(&folder, "tail", &[arguments, &["--group-by", "actor", "-o", "json"]].concat());
        let groups: Json = serde_json::from_str(&stdout).unwrap();
        assert_eq!(groups["counted_may_fit"], count, "{groups}");
    }
    for form in ["markdown", "html"] {
        assert!(audit(&folder, "report", &[nothing, &["-o", form]].concat()).1.contains(may_fit), "{form}");
    }
    // Nor is anything told that was counted at another time.
    for verb in ["query", "report", "tail"] {
        let (_, stdout, stderr) =
            audit(&folder, verb, &[nothing, &["--since", "2026-11-27 13:00:04"]].concat());
        assert!(!(stdout + &stderr).contains("only counted, and may fit"), "{verb}");
    }
    // Which policy it was is in the record that opened the roll-up: a query and a report find it, a tail does not look for it.
    for (policy, counted) in [("quiet", 1_899), ("loud", 0)] {
        let last = envelope(&folder, &["--policy", policy]);
        assert_eq!((&last["counted_in_rollups"], &last["counted_may_fit"]), (&json!(counted), &json!(0)));
        let (_, _, stderr) = audit(&folder, "tail", &["--policy", policy]);
        assert!(stderr.contains(may_fit), "{stderr}");
    }
    let log = fs::read_to_string(folder.log().join("00000001.jsonl")).unwrap();
    let rest: String = log.lines().skip(1).map(|line| format!("{line}\n")).collect();
    fs::write(folder.log().join("00000001.jsonl"), rest).unwrap();
    let last = envelope(&folder, &["--policy", "quiet"]);
    assert_eq!((&last["counted_in_rollups"], &last["counted_may_fit"]), (&json!(0), &json!(1_899)));
    assert!(audit(&folder, "report", &["--policy", "quiet"]).1.contains(may_fit));
}

#[test]
fn a_beginning_that_is_gone_is_4_unless_a_retention_says_so() {
    let folder = app();
    let denials = vec![denial("acme/user/ada", "process.send", ("Process", "p1")); 3];
    let with = |retention: Option<u64>| {
        let through =
            retention.map(|through| json!({"kind": "retention", "detail": {"through": through.to_string()}}));
        write_log(&folder, 9, &denials.iter().cloned().chain(through).collect::<Vec<_>>());
    };
    let ends = |arguments: &[&str]| ["query", "report"].map(|verb| audit(&folder, verb, arguments).0);
    for (retention, all, since) in [(None, 4, 4), (Some(7), 4, 4), (Some(8), 0, 4)] {
        with(retention);
        assert_eq!(ends(&[]), [all; 2], "{retention:?}");
        assert_eq!(ends(&["--since", "2026-11-27T13:00:00Z"]), [since; 2], "{retention:?}");
        assert_eq!(ends(&["--since", "2026-11-27T13:00:10Z"]), [0; 2], "{retention:?}");
        // Nothing is left of that time.
        assert_eq!(ends(&["--until", "2026-11-27T13:00:01Z"]), [4; 2], "{retention:?}");
    }
}

#[test]
fn a_time_that_ends_before_it_begins_is_64_and_an_answer_says_which_was_asked_for() {
    let folder = flooded();
    for verb in ["query", "tail", "report", "export"] {
        let (code, stdout, stderr) =
            audit(&folder, verb, &["--since", "2026-11-27 14:00", "--until", "2026-11-27 13:00:00Z"]);
        assert_eq!((code, stdout.as_str()), (64, ""), "{verb} {stderr}");
        let said = "`--until` is 2026-11-27 13:00:00Z, which is not after `--since`, 2026-11-27 14:00:00Z";
        assert!(stderr.contains(said), "{stderr}");
    }
    let (code, _, stderr) =
        audit(&folder, "query", &["--since", "2026-11-27 14:00", "--until", "2026-11-27 15:00"]);
    let said = "asked for: 2026-11-27 14:00:00Z to 2026-11-27 15:00:00Z\nthe log has records 1 to 4, 2026-11-27 13:00:01Z to \
                2026-11-27 13:00:04Z\nno record is of that time; the answer is complete\n";
    assert!(code == 0 && stderr.ends_with(said), "{stderr}");
    let last = envelope(&folder, &["--since", "2026-11-27 14:00"]);
    assert_eq!((&last["since"], &last["until"]), (&json!("2026-11-27T14:00:00.000000000Z"), &Json::Null));
    assert_eq!((&last["log"]["last"]["seq"], &last["scanned"]), (&json!("4"), &Json::Null));
}

#[test]
fn a_log_that_says_that_it_is_best_effort_is_named_so_without_its_app() {
    let folder = app();
    let said = "best_effort: what cannot be recorded happens all the same";
    let checkpoint =
        |mode: &str| json!({"kind": "checkpoint", "detail": {"reason": "start", "log_mode": mode}});
    let denial = denial("acme/user/ada", "process.send", ("Process", "p1"));
    for (mode, is_told) in [("best_effort", true), ("strict", false)] {
        write_log(&folder, 1, &[checkpoint(mode), denial.clone()]);
        for (verb, arguments) in [("query", &[][..]), ("report", &[]), ("tail", &[]), ("show", &["last"])] {
            let (code, stdout, stderr) = audit(&folder, verb, arguments);
            assert_eq!((code, (stdout + &stderr).contains(said)), (0, is_told), "{verb} {stderr}");
        }
        assert_eq!(envelope(&folder, &[])["best_effort"], is_told);
        assert_eq!(envelope(&folder, &["--since", "2026-11-27 13:00:02"])["best_effort"], false);
    }
}

#[test]
fn a_name_that_no_record_has_is_told_with_what_was_probably_meant() {
    let folder = flooded();
    for verb in ["query", "tail", "report", "export"] {
        for (flag, name, meant) in [
            ("--tenant", "acmee", "no record names the tenant `acmee`; did you mean `acme`?"),
            (
                "--actor",
                "acme/user/adda",
                "no record names the actor `acme/user/adda`; did you mean `acme/user/ada`?",
            ),
            ("--policy", "quite", "no record names the policy `quite`; did you mean `quiet`?"),
        ] {
            let (code, _, stderr) = audit(&folder, verb, &[flag, name]);
            assert!(code == 0 && stderr.contains(meant), "{verb} {flag} {stderr}");
        }
        let (_, _, stderr) = audit(&folder, verb, &["--actor", "acme/user/ada"]);
        assert!(!stderr.contains("no record names"), "{verb} {stderr}");
    }
}

#[test]
fn a_log_that_is_not_there_is_1_for_every_verb() {
    let folder = app();
    for verb in ["tail", "query", "report", "export", "reindex", "verify"] {
        let (code, stdout, stderr) = audit(&folder, verb, &[]);
        assert_eq!((code, stdout.as_str()), (1, ""), "{verb} {stderr}");
        assert!(stderr.contains("there is no audit log in `"), "{verb} {stderr}");
    }
    assert_eq!(audit(&folder, "show", &["last"]).0, 1);
}

#[test]
fn a_recorded_decision_is_named_alike_wherever_it_is_asked_for_and_it_is_said_by_which_policies_it_is_decided()
 {
    let folder = app();
    folder.value("acme:clerk", &[]);
    let id = folder.denials().last().unwrap()["id"].as_str().unwrap().to_owned();
    for name in ["last", &id, &id[..24]] {
        for (then, said) in
            [(false, "again by the policies of now; `--then` takes set "), (true, "again by set ")]
        {
            let mut command = moonward();
            command.args(["policy", "simulate"]).arg(folder.path()).arg("--log").arg(folder.log());
            command.args(["--from", name]).args(then.then_some("--then"));
            let output = command.output().unwrap();
            let (stdout, stderr) = texts(&output);
            assert_eq!(output.status.code(), Some(2), "{name} {stderr}");
            assert!(stdout.starts_with(&format!("recorded: deny_default\n{said}")), "{stdout}");
            assert!(stdout.contains("`yak`: no policy permits it (deny_default)"), "{stdout}");
        }
    }
    for (name, code, said) in
        [("0000", 64, "is no id of a record"), ("00000000", 1, "no record begins with `00000000`")]
    {
        let output = moonward()
            .args(["policy", "simulate"])
            .arg(folder.path())
            .arg("--log")
            .arg(folder.log())
            .args(["--from", name])
            .output();
        let output = output.unwrap();
        assert!(
            output.status.code() == Some(code) && texts(&output).1.contains(said),
            "{}",
            texts(&output).1
        );
    }
    let (_, _, stderr) = audit(&folder, "show", &["last"]);
    assert!(stderr.contains("with `--then` by those that decided it"), "{stderr}");
}

#[test]
fn what_was_redacted_is_not_promised_to_be_decided_again() {
    let folder = app();
    let mut redacted = denial("acme/user/ada", "process.send", ("Process", "p1"));
    redacted["redacted"] = json!(["context.topic"]);
    redacted["context"] = json!({"topic": format!("redacted:hmac-sha256:0a1b2c3d:{}", "89abcdef".repeat(8))});
    write_log(&folder, 1, &[redacted]);
    let (code, stdout, stderr) = audit(&folder, "show", &["last"]);
    assert!(code == 0 && stdout.contains("topic: redacted:89abcdef\n"), "{stdout}");
    assert!(
        stderr.contains("says whether it can be decided again") && !stderr.contains("decides it again"),
        "{stderr}"
    );
}

#[test]
fn numbers_of_records_are_text_in_json_and_times_are_written_alike_for_people() {
    let folder = app();
    folder.value("acme:clerk", &[]);
    let json = |verb: &str, arguments: &[&str]| -> Json {
        let (_, stdout, stderr) = audit(&folder, verb, &[arguments, &["-o", "json"]].concat());
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}"))
    };
    let report = json("report", &[]);
    for place in ["/period/first/seq", "/period/last/seq", "/denied/actor/rows/0/last/seq"] {
        assert!(report.pointer(place).unwrap().is_string(), "{place} {report}");
    }
    assert!(json("show", &["last"])["near"]["before"][0]["seq"].is_string());
    assert_eq!(json("verify", &["."])["first"]["seq"], "1");
    let moment = review_moment(&folder);
    assert!(audit(&folder, "verify", &["."]).1.contains(&moment), "{moment}");
    let output =
        moonward().args(["policy", "history"]).arg(folder.path()).arg("--log").arg(folder.log()).output();
    let (stdout, stderr) = texts(&output.unwrap());
    assert!(stdout.starts_with(&moment[..moment.len() - 2]), "{stdout}{stderr}");
    // Records are the same in either name of the form.
    let exported = ["json", "jsonl"].map(|form| audit(&folder, "export", &["-o", form]));
    assert_eq!(exported[0].1, exported[1].1);
}

/// The minute of the first record, as people read it, up to its tens of seconds.
fn review_moment(folder: &Folder) -> String {
    let ts = records(&folder.log())[0]["ts"].as_str().unwrap().to_owned();
    format!("{} {}", &ts[..10], &ts[11..19])
}

#[test]
fn a_filter_that_cannot_come_to_true_or_false_is_3_with_what_was_expected() {
    let folder = flooded();
    for verb in ["query", "tail", "report", "export"] {
        let (code, stdout, stderr) = audit(&folder, verb, &["--where", "record.actor"]);
        assert_eq!((code, stdout.as_str()), (3, ""), "{verb} {stderr}");
        assert!(
            stderr.contains("not to true or false") && stderr.contains("help: compare it, such as"),
            "{stderr}"
        );
    }
}
