//! Reports over records made here: counts, periods, bursts, and texts that want to be more than text.

use std::time::Duration;

use diagnostic::visible;
use serde_json::{Value as Json, json};

use super::*;
use crate::limits::REPORT_BUCKETS_MAX;

/// 2026-11-27T13:00:00Z.
const START: u64 = 1_795_784_400;

fn ts(second: u64) -> String {
    trend::rfc3339(START + second).replace('Z', ".000000001Z")
}

/// Records numbered as they come.
#[derive(Default)]
struct Log(Vec<Json>);

impl Log {
    fn push(&mut self, second: u64, mut record: Json) {
        let seq = self.0.len() + 1;
        let head = json!({"schema": audit::SCHEMA, "seq": seq.to_string(), "id": format!("ID{seq}"), "ts": ts(second)});
        record.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
        self.0.push(record);
    }

    fn denial(&mut self, second: u64, actor: &str, action: &str, policy: Option<&str>) {
        let policies: Vec<Json> =
            policy.iter().map(|id| json!({"id": id, "file": "a.cedar", "line": 1})).collect();
        let kind = if policy.is_some() { "deny_forbid" } else { "deny_default" };
        self.push(second, json!({"kind": "decision", "decision": "deny", "decision_kind": kind, "tenant": "acme", "actor": actor,
            "action": action, "resource": {"type": "Process", "id": "p"}, "policies": policies}));
    }

    fn rollup(&mut self, second: u64, actor: &str, opening: u64, count: u64, closed: bool) {
        self.push(second, json!({"kind": "rollup", "tenant": "acme", "actor": actor, "detail": {"opening": format!("ID{opening}"),
            "action": "process.send", "resource_type": "Process", "decision_kind": "deny_forbid", "count": count.to_string(),
            "closed": closed}}));
    }

    fn load(&mut self, second: u64, set: &str) {
        self.push(second, json!({"kind": "policy_load", "policy_set": set, "detail": {"policies": 3}}));
    }

    fn report(&self, since: Option<u64>) -> Report {
        let time = |second| SystemTime::UNIX_EPOCH + Duration::from_secs(START + second);
        let mut gathering = Gathering::new("log", Period { since: since.map(time), until: None }, 10);
        self.0.iter().for_each(|record| gathering.add(record, |_, _| Fits::Yes));
        gathering.finish()
    }
}

fn rows(table: &tables::Table) -> Vec<(&str, u64, u64)> {
    table.rows.iter().map(|row| (row.name.as_str(), row.denied, row.counted)).collect()
}

#[test]
fn denials_and_what_was_only_counted_add_up_by_each_of_their_parts() {
    let mut log = Log::default();
    log.denial(0, "acme/user/a", "process.send", Some("quiet"));
    log.denial(1, "acme/user/b", "process.spawn", None);
    log.denial(2, "acme/user/a", "process.send", Some("quiet"));
    log.rollup(3, "acme/user/a", 3, 100, false);
    log.rollup(4, "acme/user/a", 3, 250, true);
    let report = log.report(None);
    assert_eq!((report.decisions.denied, report.decisions.denied_counted), (3, 250));
    assert_eq!(rows(&report.denied.actor), [("acme/user/a", 2, 250), ("acme/user/b", 1, 0)]);
    assert_eq!(rows(&report.denied.policy), [("quiet", 2, 250), ("(no policy permits it)", 1, 0)]);
    assert_eq!(rows(&report.denied.tenant), [("acme", 3, 250)]);
    assert!(report.is_complete() && report.missing.is_empty(), "{:?}", report.missing);
    // What a later period adds to a count that began before it, and only that.
    let later = log.report(Some(4));
    assert_eq!(rows(&later.denied.policy), [("quiet", 0, 150)]);
}

#[test]
fn no_count_is_too_large() {
    let mut log = Log::default();
    log.load(0, "aa");
    log.load(1, "bb");
    log.denial(2, "a", "process.send", Some("quiet"));
    (0..3).for_each(|opening| log.rollup(3, "a", opening, u64::MAX, false));
    let report = log.report(None);
    assert_eq!(report.decisions.denied_counted, u64::MAX);
    let shown = [report.to_text(), report.to_markdown(), report.to_html()];
    assert!(shown.iter().all(|text| text.contains("18 446 744 073 709 551 615")));
}

#[test]
fn only_what_the_log_did_not_have_before_the_period_is_first_seen() {
    let mut log = Log::default();
    log.denial(0, "acme/user/a", "process.send", Some("quiet"));
    log.denial(10, "acme/user/a", "process.send", Some("quiet"));
    log.denial(11, "acme/user/a", "process.link", None);
    log.denial(12, "acme/user/a", "process.link", None);
    let report = log.report(Some(5));
    let new: Vec<_> =
        report.new.rows.iter().map(|row| (row.action.as_str(), row.total, row.first.seq)).collect();
    assert_eq!(new, [("process.link", 2, 3)]);
    assert_eq!(log.report(None).new.rows.len(), 2);
}

#[test]
fn a_burst_of_denials_after_a_change_of_policies_is_named_and_after_the_same_set_it_is_not() {
    for (set, is_burst) in [("bb", true), ("aa", false)] {
        let mut log = Log::default();
        log.load(0, "aa");
        log.denial(100, "acme/user/a", "process.link", None);
        log.load(110, set);
        (0..40).for_each(|at| log.denial(111 + at, "acme/user/a", "process.send", Some("strict")));
        let report = log.report(None);
        let burst: Vec<String> = report.loads.rows.iter().filter_map(text::burst).collect();
        let expected = "a burst: 40 denied in the minute after it, 1 before; mostly process.send by strict";
        assert_eq!(burst, if is_burst { vec![expected.to_owned()] } else { Vec::new() });
    }
}

#[test]
fn steps_grow_with_the_period_and_lose_no_count() {
    for (apart, step) in [(1, 1), (60, 300), (3_600, 10_800), (86_400, 604_800)] {
        let mut log = Log::default();
        (0..200).for_each(|at| log.denial(at * apart, "a", "process.send", None));
        let report = log.report(None);
        let whole = report.trend.whole();
        assert!(whole.len() <= REPORT_BUCKETS_MAX && !whole.is_empty());
        let expected = if apart == 1 { 5 } else { step };
        assert_eq!(
            (report.trend.step_seconds, whole.iter().map(|step| step.counts.denied).sum::<u64>()),
            (expected, 200)
        );
        assert!(report.trend.coarser(24).whole().len() <= 24);
    }
}

#[test]
fn what_is_not_in_the_log_is_said_and_makes_it_incomplete() {
    let mut log = Log::default();
    (0..6).for_each(|at| log.denial(at, "a", "process.send", None));
    log.0.remove(3);
    let report = log.report(None);
    assert!(
        !report.is_complete() && report.missing.concat().contains("record 4 is not in the log"),
        "{:?}",
        report.missing
    );
    // The beginning is gone: that cuts a period only if it reaches there.
    log.0 = log.0.split_off(4);
    for since in [None, Some(0)] {
        let cut = log.report(since);
        let said = cut.missing.concat();
        assert!(
            !cut.is_complete() && said.contains("the records 1 to 5 are missing, and no retention"),
            "{said}"
        );
    }
    log.push(9, json!({"kind": "retention", "detail": {"through": "5"}}));
    log.0.last_mut().unwrap()["seq"] = "7".into();
    assert!(log.report(None).is_complete());
    let cut = log.report(Some(0));
    assert!(
        !cut.is_complete() && cut.missing.concat().contains("the records up to 5 were removed by retention"),
        "{:?}",
        cut.missing
    );
}

#[test]
fn trouble_of_the_log_is_told() {
    let mut log = Log::default();
    log.push(0, json!({"kind": "gap", "detail": {"state": "open", "why": "disk full"}}));
    assert!(log.report(None).to_text().contains("it does not take records now"));
    log.push(1, json!({"kind": "gap", "detail": {"state": "closed", "refused": "7", "dropped": "0", "why": "disk full"}}));
    log.push(2, json!({"kind": "recovered", "detail": {"file": "00000001.jsonl", "bytes_cut": "9"}}));
    let text = log.report(None).to_text();
    assert!(
        text.contains("1 gap with 7 checks refused and 0 records lost; 1 run that did not end in order"),
        "{text}"
    );
}

const HOSTILE: [&str; 5] = [
    "<script>alert(1)</script>",
    "\" onload=\"x'",
    "\u{1b}[31m\u{202e}gpj.exe\u{9b}",
    "`|a|` [x](http://evil) ![](http://evil/i.png)\n\n# heading",
    "</style></title></svg><img src=x onerror=y>&amp;",
];

#[test]
fn no_text_of_a_tenant_is_more_than_text_in_any_form() {
    let mut log = Log::default();
    log.load(0, "aa");
    for hostile in HOSTILE {
        log.push(1, json!({"kind": "decision", "decision": "deny", "decision_kind": hostile, "tenant": hostile, "actor": hostile,
            "action": hostile, "resource": {"type": hostile, "id": hostile}, "policies": [{"id": hostile, "file": hostile}],
            "shadow": {"decision_kind": hostile, "policies": [{"id": hostile}]}}));
        log.push(2, json!({"kind": "service", "detail": {"service": hostile, "error": hostile}}));
        log.push(3, json!({"kind": hostile, "detail": {"a": hostile}}));
    }
    log.push(4, json!({"kind": "policy_load", "policy_set": HOSTILE[0], "asserted_by": {"login": HOSTILE[1], "host": HOSTILE[4]}}));
    (0..20).for_each(|_| log.denial(5, HOSTILE[0], HOSTILE[1], Some(HOSTILE[4])));
    let mut report = log.report(None);
    report.log = HOSTILE[4].to_owned();
    report.filter = HOSTILE[2].to_owned();
    report.missing.push(HOSTILE[0].to_owned());
    let is_obeyed =
        |character: char| character != '\n' && visible(&character.to_string()).len() != character.len_utf8();

    let (plain, markdown, page) = (report.to_text(), report.to_markdown(), report.to_html());
    for shown in [&plain, &markdown, &page] {
        assert!(!shown.contains(is_obeyed), "{shown}");
    }
    assert!(plain.contains("\\u{1b}[31m\\u{202e}gpj.exe\\u{9b}"), "{plain}");
    for line in markdown.lines() {
        assert!(!line.starts_with("# ") || line == "# Audit report", "{line}");
    }

    // Every tag is one of the page's own, and no attribute runs anything or leads anywhere.
    let own = [
        "!doctype", "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "div",
        "span", "b", "section", "svg", "g", "rect", "line", "text", "table", "tr", "th", "td", "code", "bdi",
    ];
    let markup = page.replace(include_str!("page.css"), "");
    for tag in markup.split('<').skip(1) {
        let (inside, _) = tag.split_once('>').unwrap();
        let name: String = inside
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '!')
            .collect();
        assert!(own.contains(&name.as_str()), "<{tag}");
        let attributes: Vec<&str> = inside.split('"').step_by(2).collect();
        for attribute in attributes {
            assert!(
                !attribute.contains("on")
                    || attribute.trim() == "content="
                    || inside.starts_with("section")
                    || inside.starts_with("/section"),
                "<{tag}"
            );
            assert!(
                !attribute.contains("src=") && !attribute.contains("href=") && !attribute.contains("style="),
                "<{tag}"
            );
        }
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn an_empty_log_is_reported_in_every_form() {
    let report = Log::default().report(None);
    assert!(report.to_text().contains("no record is in that period"));
    assert!(report.to_html().contains("No decision is in this period"));
    assert!(report.to_markdown().starts_with("# Audit report"));
    assert_eq!(serde_json::to_value(&report).unwrap()["schema"], SCHEMA);
}

/// Records of which every member may be anything, as a later version, or nobody of ours, may have written them.
#[test]
fn whatever_a_line_says_is_told_and_not_obeyed() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
    });
    println!("SEED={seed}");
    let mut random = Random(seed | 1);
    let kinds = [
        "decision",
        "rollup",
        "policy_load",
        "gap",
        "recovered",
        "service",
        "checkpoint",
        "policy_refused",
        "x",
    ];
    let is_obeyed =
        |character: char| character != '\n' && visible(&character.to_string()).len() != character.len_utf8();
    for _ in 0..200 {
        let records: Vec<Json> = (1..=30)
            .map(|seq| {
                let mut record = json!({"schema": audit::SCHEMA, "seq": seq.to_string(), "id": format!("ID{seq}"), "ts": ts(seq),
                    "kind": random.of(&kinds), "decision": random.of(&["allow", "deny", "?"]), "policies": [{"id": "p"}],
                    "decision_kind": random.of(&["allow", "deny_forbid", "deny_default", "deny_error"]), "actor": "a", "chain": ["c"],
                    "detail": {"opening": format!("ID{}", random.below(30)), "count": random.below(1_000).to_string()}});
                for path in PATHS {
                    if random.below(12) == 0 {
                        put(&mut record, path, random.value(3));
                    }
                }
                record
            })
            .collect();
        let mut gathering = Gathering::new("log", Period::default(), 5);
        records.iter().for_each(|record| gathering.add(record, |_, _| Fits::Yes));
        let report = gathering.finish();
        let mut story = crate::Story::of(records[random.below(30) as usize].clone());
        records.iter().for_each(|record| story.add(record));
        for shown in [report.to_text(), report.to_markdown(), report.to_html(), story.to_text().text] {
            assert!(!shown.contains(is_obeyed), "SEED={seed}\n{shown}");
        }
        serde_json::to_string(&(&report, &story)).unwrap();
    }
}

const PATHS: [&str; 34] = [
    "schema",
    "seq",
    "id",
    "ts",
    "kind",
    "tenant",
    "actor",
    "pid",
    "definition",
    "place",
    "via",
    "action",
    "resource",
    "context",
    "scopes",
    "entities",
    "policy_set",
    "generation",
    "decision",
    "decision_kind",
    "policies",
    "errors",
    "shadow",
    "chain",
    "duration_ns",
    "memo",
    "because",
    "asserted_by",
    "not_replayable",
    "cut",
    "redacted",
    "detail",
    "resource/type",
    "detail/count",
];

/// Puts a value at a path of one or two members.
fn put(record: &mut Json, path: &str, value: Json) {
    let (first, second) = path.split_once('/').unwrap_or((path, ""));
    match second {
        "" => record[first] = value,
        second => record[first] = json!({ second: value }),
    }
}

struct Random(u64);

impl Random {
    /// Below a number; xorshift64 (Marsaglia 2003).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn of<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    fn value(&mut self, depth: u64) -> Json {
        let name = |random: &mut Self| {
            let names = [
                "type",
                "id",
                "file",
                "line",
                "policies",
                "decision_kind",
                "__entity",
                "$stored",
                "uid",
                "attrs",
                "opening",
            ];
            random.of(&names).to_owned()
        };
        match self.below(if depth == 0 { 6 } else { 8 }) {
            0 => Json::Null,
            1 => (self.below(2) == 0).into(),
            2 => self.of(&[0, 1, u64::MAX]).into(),
            3 => self
                .of(&["18446744073709551615", "-1", "0", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", ""])
                .into(),
            4 | 5 => self.of(&HOSTILE).into(),
            6 => (0..self.below(4)).map(|_| self.value(depth - 1)).collect(),
            _ => Json::Object((0..self.below(4)).map(|_| (name(self), self.value(depth - 1))).collect()),
        }
    }
}
