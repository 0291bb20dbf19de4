//! `moonward policy suggest`: what it prints allows the chosen denials of a log, and nothing else that the log has.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::{Folder, moonward, records, repository, texts};

const ACT: &str = r#"
local function main(steps)
    local kid = process.spawn("TENANT:idle", "app:processes")
    for _, step in steps do
        local what, on = step[1], step[2]
        if what == "self" then process.send(process.pid(), on, step[3])
        elseif what == "kid" then process.send(kid, on, step[3])
        elseif what == "name" then process.registry.register(on)
        elseif what == "spawn" then process.spawn(on, "app:processes")
        elseif what == "monitor" then process.monitor(kid)
        elseif what == "cancel" then process.cancel(kid, on)
        elseif what == "keys" then pcall(process.with_context, {[on] = 1})
        end
    end
    return #steps
end
return { main = main }
"#;

const START: &str = r#"
@id("TENANT.start") permit (principal, action in Moonward::Action::"spawn", resource is Moonward::Definition)
when { [Moonward::Definition::"TENANT:act", Moonward::Definition::"TENANT:idle"].contains(resource) };
@id("TENANT.host") permit (principal, action, resource == Moonward::Host::"app:processes");
"#;

/// Two tenants whose scripts do what they are told, and may do nothing but start.
fn app() -> Folder {
    let folder = Folder::new(&[(
        "_index.yaml",
        r#"
version: "1.0"
namespace: app
entries:
  - {name: processes, kind: process.host, host: {max_processes: 100}}
  - {name: acme, kind: tenant, namespaces: [acme], default_scopes: [acme:staff]}
  - {name: beta, kind: tenant, namespaces: [beta], default_scopes: [beta:staff]}
"#,
    )]);
    for tenant in ["acme", "beta"] {
        let of = |text: &str| text.replace("TENANT", tenant);
        let manifest = r#"
namespace: TENANT
entries:
  - {name: staff, kind: security.scope, policies: [file://TENANT.cedar]}
  - {name: act, kind: process.lua, source: file://TENANT.lua}
  - {name: other, kind: process.lua, source: "return function() end"}
  - {name: idle, kind: process.lua, source: "return function() process.inbox():receive() end"}
"#;
        folder.write(&format!("{tenant}.yaml"), &of(manifest));
        folder.write(&format!("{tenant}.lua"), &of(ACT));
        folder.write(&format!("{tenant}.cedar"), &of(START));
    }
    folder
}

/// Has a tenant's script do something.
fn act(folder: &Folder, tenant: &str, steps: &Json) {
    folder.value(&format!("{tenant}:act"), &[&steps.to_string()]);
}

/// `moonward policy suggest APP ARGS`: exit code, stdout, stderr.
fn suggest(folder: &Folder, arguments: &[&str]) -> (i32, String, String) {
    let mut command = moonward();
    command.args(["policy", "suggest"]).arg(folder.path()).args(arguments).arg("--log").arg(folder.log());
    let output = command.output().unwrap();
    let (stdout, stderr) = texts(&output);
    (output.status.code().unwrap_or(-1), stdout, stderr)
}

/// The same for programs, done.
fn suggested(folder: &Folder, arguments: &[&str]) -> Json {
    let (code, stdout, stderr) = suggest(folder, &[arguments, &["-o", "json"]].concat());
    assert_eq!(code, 0, "{arguments:?}\n{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn id(record: &Json) -> String {
    record["id"].as_str().unwrap().to_owned()
}

/// The denials of the log that `simulate` allows with what is suggested for their tenant.
fn allowed_with(folder: &Folder, suggestion: &Json) -> BTreeSet<String> {
    let files = folder.path().with_file_name("suggested");
    std::fs::create_dir_all(&files).unwrap();
    for tenant in ["acme", "beta"] {
        let scopes = suggestion["scopes"].as_array().unwrap().iter();
        let text =
            scopes.filter(|scope| scope["tenant"] == tenant).map(|scope| scope["text"].as_str().unwrap());
        std::fs::write(files.join(format!("{tenant}.cedar")), text.collect::<String>()).unwrap();
    }
    let is_allowed = |record: &&Json| {
        let file = files.join(format!("{}.cedar", record["tenant"].as_str().unwrap()));
        let mut command = moonward();
        command.args(["policy", "simulate"]).arg(folder.path()).args(["--from", &id(record), "--with"]);
        let output = command.arg(file).arg("--log").arg(folder.log()).output().unwrap();
        match output.status.code() {
            Some(0) => true,
            Some(2) => false,
            code => panic!("{code:?}: {:?}", texts(&output)),
        }
    };
    folder.denials().iter().filter(is_allowed).map(id).collect()
}

/// The text of the only scope that something is suggested for.
fn text(suggestion: &Json) -> &str {
    assert_eq!(suggestion["scopes"].as_array().unwrap().len(), 1, "{suggestion}");
    suggestion["scopes"][0]["text"].as_str().unwrap()
}

/// Every reason that something is left out.
fn reasons(suggestion: &Json) -> String {
    suggestion["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| format!("{}\n", left["why"].as_str().unwrap()))
        .collect()
}

#[test]
fn what_is_like_the_chosen_in_all_but_one_thing_stays_denied() {
    let folder = app();
    act(
        &folder,
        "acme",
        &json!([
            ["self", "a"],
            ["self", "b"],
            ["kid", "a"],
            ["kid", "b"],
            ["monitor"],
            ["name", "x"],
            ["name", "y"],
            ["kid", "size", "1"],
            ["kid", "size", "x".repeat(200)],
            ["cancel"],
            ["cancel", "5s"],
            ["cancel", "9s"],
            ["spawn", "acme:other"],
            ["spawn", "beta:idle"],
            ["keys", "k"],
            ["keys", "l"],
        ]),
    );
    for (expression, count, said) in [
        (r#"record.action == "process.send" && record.context.topic == "a""#, 2, "context.topic == \"a\""),
        (r#"record.action == "process.send" && record.context.topic == "b""#, 2, "context.topic == \"b\""),
        (
            r#"record.action == "process.monitor""#,
            1,
            "resource.definition == Moonward::Definition::\"acme:idle\"",
        ),
        (r#"record.resource.id == "acme/x""#, 1, "resource == Moonward::Name::\"acme/x\""),
        (
            r#"record.action == "process.cancel" && record.context has deadline_ms && record.context.deadline_ms < 6000"#,
            1,
            "context.deadline_ms <= 5000",
        ),
        (
            r#"record.action == "process.cancel" && !(record.context has deadline_ms)"#,
            1,
            "!(context has deadline_ms)",
        ),
        (
            r#"record.action == "process.send" && record.context.topic == "size" && record.context.bytes < 100"#,
            1,
            "context.bytes <=",
        ),
        (
            r#"record.action == "process.context" && record.context.keys.contains("k")"#,
            1,
            "context.keys == [\"k\"]",
        ),
    ] {
        let suggestion = suggested(&folder, &["--where", expression]);
        let text = text(&suggestion);
        assert!(text.contains(said), "{expression}\n{text}");
        let chosen: BTreeSet<String> =
            folder.denials().iter().map(id).filter(|id| text.contains(id.as_str())).collect();
        assert_eq!(
            (suggestion["newly_allowed"].as_u64(), chosen.len()),
            (Some(count), count as usize),
            "{text}"
        );
        assert_eq!(allowed_with(&folder, &suggestion), chosen, "{expression}\n{text}");
        assert_eq!(suggestion["complete"], true);
    }
}

#[test]
fn each_record_behind_a_permit_is_named_and_what_ends_processes_has_a_permit_of_its_own() {
    let folder = app();
    let sent: Vec<Json> =
        (0..6).map(|_| json!(["kid", "a"])).chain([json!(["monitor"]), json!(["cancel"])]).collect();
    act(&folder, "acme", &json!(sent));
    let suggestion = suggested(&folder, &["--decision", "deny", "--tenant", "acme"]);
    let permits = suggestion["scopes"][0]["permits"].as_array().unwrap();
    let named: BTreeSet<String> = permits
        .iter()
        .flat_map(|permit| permit["records"].as_array().unwrap())
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(named, folder.denials().iter().map(id).collect(), "{suggestion:#}");
    let text = text(&suggestion);
    for permit in permits {
        let actions: Vec<&str> =
            permit["actions"].as_array().unwrap().iter().filter_map(Json::as_str).collect();
        assert!(!actions.contains(&"process.cancel") || actions.len() == 1, "{actions:?}");
        for action in actions {
            let of_it = folder.denials().into_iter().filter(|record| record["action"] == action);
            assert!(of_it.map(|record| id(&record)).any(|id| text.contains(&id)), "{action}\n{text}");
        }
    }
}

#[test]
fn the_same_denial_twice_is_chosen_whole_or_left_out() {
    let folder = app();
    act(&folder, "acme", &json!([["self", "a"]]));
    act(&folder, "acme", &json!([["self", "a"]]));
    let last = id(folder.denials().last().unwrap());
    let (code, stdout, stderr) = suggest(&folder, &["--record", &last]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    let first = id(&folder.denials()[0]);
    for said in
        [&format!("no policy can tell it from record {first}"), "help: `--alike`", "nothing is suggested"]
    {
        assert!(stderr.contains(said), "{said}\n{stderr}");
    }
    let suggestion = suggested(&folder, &["--record", "last", "--alike"]);
    assert_eq!(suggestion["newly_allowed"], 2);
    assert_eq!(allowed_with(&folder, &suggestion).len(), 2);
}

#[test]
fn each_tenant_has_a_file_of_its_own_and_what_is_forbidden_is_left_out() {
    let folder = app();
    for (tenant, other) in [("acme", "beta"), ("beta", "acme")] {
        act(&folder, tenant, &json!([["kid", "t"], ["spawn", format!("{other}:idle")], ["name", "n"]]));
    }
    let target = folder.path().with_file_name("out");
    let to = target.display().to_string();
    let (code, stdout, stderr) = suggest(&folder, &["--decision", "deny", "--write", &to]);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("it is forbidden by `guard.tenant.definition`"), "{stderr}");
    for (tenant, other) in [("acme", "beta"), ("beta", "acme")] {
        let text = std::fs::read_to_string(target.join(format!("{tenant}~staff.cedar"))).unwrap();
        assert!(
            text.contains(&format!("\"{tenant}/user/cli\"")) && !text.contains(&format!("{other}/")),
            "{text}"
        );
        assert!(text.starts_with(&format!("// For scope `{tenant}:staff` of tenant `{tenant}`")), "{text}");
        folder.write(&format!("{tenant}.suggested.cedar"), &text);
        let manifest = std::fs::read_to_string(folder.path().join(format!("{tenant}.yaml"))).unwrap();
        let list = format!("policies: [file://{tenant}.suggested.cedar, ");
        folder.write(&format!("{tenant}.yaml"), &manifest.replace("policies: [", &list));
    }
    let (code, _, stderr) = suggest(&folder, &["--decision", "deny", "--write", &to]);
    assert!(code == 1 && stderr.contains("`--force` replaces it"), "{stderr}");
    // What was suggested is in force now, and all of it is sound.
    let (code, _, stderr) = suggest(&folder, &["--decision", "deny"]);
    assert!(code == 2 && stderr.contains("the policies of now allow it already, by `suggested."), "{stderr}");
    let output = moonward().arg("check").arg(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", texts(&output));
    let output = moonward().args(["policy", "fmt", "--check"]).arg(&target).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", texts(&output));
}

#[test]
fn texts_of_guests_stay_texts() {
    let folder = app();
    let hostile = [
        "\"}; permit (principal, action, resource); //",
        "x\n@id(\"evil\") permit (principal, action, resource);",
        "*/ \u{202e}desrever\u{202c} \u{200b}\u{2066}",
        "back\\slash\\\" || true || \"",
        "\u{1b}[31mred\u{7}",
        "gr\u{fc}n",
    ];
    let steps: Vec<Json> =
        hostile.iter().flat_map(|text| [json!(["kid", text]), json!(["keys", text])]).collect();
    act(&folder, "acme", &json!(steps));
    for guest in hostile {
        let of_topic = |record: &&Json| record["context"]["topic"] == guest;
        let chosen: BTreeSet<String> = folder.denials().iter().filter(of_topic).map(id).collect();
        let record: &str = chosen.first().unwrap();
        if guest.contains('\u{202e}') {
            let (code, stdout, stderr) = suggest(&folder, &["--record", record]);
            assert!(
                (code, stdout.as_str()) == (2, "") && stderr.contains("contains BIDI control characters"),
                "{stderr}"
            );
            assert!(!stderr.contains('\u{202e}'), "{stderr}");
            continue;
        }
        let suggestion = suggested(&folder, &["--record", record]);
        let written = text(&suggestion);
        let own = written.matches("permit (").count() - guest.matches("permit (").count();
        assert_eq!((own, suggestion["scopes"][0]["permits"].as_array().unwrap().len()), (1, 1), "{written}");
        assert!(written.chars().all(|c| c == '\n' || c == 'ü' || (' '..='~').contains(&c)), "{written:?}");
        let file = folder.path().with_file_name("guest.cedar");
        std::fs::write(&file, written).unwrap();
        let output = moonward().args(["policy", "check"]).arg(&file).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{written}\n{:?}", texts(&output));
        assert_eq!(allowed_with(&folder, &suggestion), chosen, "{written}");
    }
}

#[test]
fn letters_that_look_like_others_are_left_to_a_person() {
    let folder = app();
    act(&folder, "acme", &json!([["kid", "p\u{430}y"], ["kid", "pay"]]));
    let (code, stdout, stderr) = suggest(&folder, &["--where", "record.context.topic != \"pay\""]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("a permit for it would be doubtful: "), "{stderr}");
}

#[test]
fn what_is_redacted_tells_nothing_apart() {
    let folder = app();
    folder.write(
        "log.yaml",
        "namespace: app.log\nentries:\n  - {name: audit, kind: audit.log, redact: [context.topic]}\n",
    );
    act(&folder, "acme", &json!([["kid", "a"], ["kid", "b"]]));
    let (code, stdout, stderr) = suggest(&folder, &["--record", "last"]);
    assert!(
        (code, stdout.as_str()) == (2, "") && stderr.contains("no policy can tell it from record "),
        "{stderr}"
    );
    let suggestion = suggested(&folder, &["--record", "last", "--alike"]);
    assert!(suggestion["newly_allowed"] == 2 && !text(&suggestion).contains("topic"), "{suggestion}");
    assert_eq!(allowed_with(&folder, &suggestion).len(), 2);
}

#[test]
fn denials_that_were_only_counted_are_named_and_not_guessed() {
    let folder = app();
    let steps: Vec<Json> = (0..600).map(|_| json!(["self", "flood"])).collect();
    act(&folder, "acme", &json!(steps));
    let own = folder.denials().len() as u64;
    assert!(own < 600, "none was counted");
    let suggestion = suggested(&folder, &["--action", "process.send"]);
    assert_eq!(suggestion["newly_allowed"], own);
    assert_eq!(suggestion["counted"].as_u64(), Some(600 - own), "{suggestion}");
    assert!(suggestion["scopes"][0]["text"].as_str().unwrap().contains("were only counted"), "{suggestion}");
}

#[test]
fn an_app_that_ran_once_under_learn_gets_what_it_needs_and_no_more() {
    let boss = r#"
local HOST = "app:processes"
local function main()
    local hello = process.listen("hello")
    assert(process.registry.register("boss"))
    local kids = {}
    for at = 1, 3 do
        kids[at] = assert(process.with_context({job = at}):spawn_monitored("shop:clerk", HOST, process.pid()))
        hello:receive()
    end
    assert(process.link(kids[3]) and process.unlink(kids[3]))
    assert(process.send(kids[1], "stop"))
    process.events():receive()
    assert(process.terminate(kids[2]))
    process.events():receive()
    assert(process.cancel(kids[3], "1s"))
    process.events():receive()
    assert(process.call("shop:sum", HOST, 2, 3) == 5)
    return process.spawn("shop:vault", HOST) == nil
end
return { main = main }
"#;
    let clerk = r#"
local function main(boss)
    assert(process.monitor(boss))
    assert(process.send("boss", "hello"))
    local inbox, events = process.inbox(), process.events()
    while true do
        local got = channel.select({ events:case_receive(), inbox:case_receive() })
        if got.channel == events or got.value:topic() == "stop" then return end
    end
end
return { main = main }
"#;
    let service =
        "local function main() assert(process.registry.register(\"till\")) end\nreturn { main = main }\n";
    let learn = std::fs::read_to_string(repository().join("policies/learn.cedar")).unwrap();
    let folder = Folder::new(&[
        (
            "_index.yaml",
            r#"
version: "1.0"
namespace: shop
entries:
  - {name: scope, kind: security.scope, policies: [file://policies.cedar]}
  - {name: boss, kind: process.lua, source: file://boss.lua}
  - {name: clerk, kind: process.lua, source: file://clerk.lua}
  - {name: sum, kind: process.lua, source: "return function(one, other) return one + other end"}
  - {name: vault, kind: process.lua, source: "return function() end"}
  - {name: till-code, kind: process.lua, source: file://till.lua}
  - {name: till, kind: process.service, process: shop:till-code, host: app:processes, lifecycle: {auto_start: true}}
  - {name: boss-service, kind: process.service, process: shop:boss, host: app:processes, lifecycle: {auto_start: true, requires: [shop:till]}}
"#,
        ),
        ("boss.lua", boss),
        ("clerk.lua", clerk),
        ("till.lua", service),
        ("policies.cedar", &learn),
    ]);
    let run = |folder: &Folder| {
        let output = folder.run("run", &[]);
        assert_eq!(output.status.code(), Some(0), "{:?}", texts(&output));
    };
    run(&folder);
    assert_eq!(folder.denials(), Vec::<Json>::new());
    let allows = records(&folder.log()).iter().filter(|record| record["decision"] == "allow").count();
    let file = folder.path().with_file_name("needs.cedar");
    let to = file.display().to_string();
    let (code, _, stderr) = suggest(&folder, &["--instead-of", "learn.all", "--write", &to]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains(&format!("newly allowed: exactly the {allows} chosen of {allows} decisions")),
        "{stderr}"
    );
    let needs = std::fs::read_to_string(&file).unwrap();
    for said in
        ["context.via == \"service\"", "Moonward::Name::\"default/till\"", "process.registry.register"]
    {
        assert!(needs.contains(said), "{said}\n{needs}");
    }
    assert!(!needs.contains("learn.all") && !needs.contains("p~"), "{needs}");
    // The same log gives the same permits.
    assert_eq!(suggest(&folder, &["--instead-of", "learn.all"]).1, needs);
    folder.write("policies.cedar", &needs);
    run(&folder);
    assert_eq!(folder.denials(), Vec::<Json>::new(), "{needs}");
    // It is no more than that: what the app did not do is denied.
    let output = folder.run("call", &["shop:sum", "1", "2"]);
    assert_eq!(output.status.code(), Some(2), "{:?}", texts(&output));
}

#[test]
fn every_exit_code_is_what_the_reference_says() {
    let folder = app();
    let (code, _, stderr) = suggest(&folder, &["--since", "1h"]);
    assert!(code == 1 && stderr.contains("there is no audit log in"), "{stderr}");
    act(&folder, "acme", &json!([["kid", "a"], ["spawn", "beta:idle"]]));
    for (arguments, code, said) in [
        (&["--since", "1h"][..], 0, "newly allowed: exactly the 1 chosen of"),
        (&["--action", "spawn"], 2, "it is forbidden by `guard.tenant.definition`"),
        (&["--action", "registry"], 2, "nothing is suggested"),
        (&["--actor", "acme/user/cly"], 2, "did you mean `acme/user/cli`?"),
        (&[], 64, "no denial is chosen"),
        (&["--decision", "allow"], 64, "what is allowed already needs no permit"),
        (&["--force", "--since", "1h"], 64, "--write"),
        (&["--instead-of", "acme.strat"], 64, "did you mean `acme.start`?"),
        (&["--instead-of", "guard.suspended"], 64, "is a policy of the guard, which stays on"),
        (&["--record", "01ARZ3NDEKTSV4RRFFQ69G5FAV"], 1, "no record begins with"),
        (&["--since", "1h", "--write", "/nowhere/file.cedar"], 1, "cannot be written"),
    ] {
        let (exit, stdout, stderr) = suggest(&folder, arguments);
        assert!(exit == code && stderr.contains(said), "{arguments:?} {exit}\n{stdout}{stderr}");
    }
    // A line that is no record may hide a decision.
    let segment = folder.log().join("00000001.jsonl");
    let text = std::fs::read_to_string(&segment).unwrap();
    let denied = text.lines().find(|line| line.contains("\"action\":\"process.send\"")).unwrap();
    std::fs::write(&segment, format!("{text}no record\n")).unwrap();
    let (code, stdout, stderr) = suggest(&folder, &["--action", "process.send"]);
    assert!(
        code == 4 && stdout.contains("NOT certain") && stderr.contains("not certain: a part of the log"),
        "{stdout}{stderr}"
    );
    // So may a decision that cannot be put together again, if a permit could be about it.
    let mut next: Json = serde_json::from_str(denied).unwrap();
    next["seq"] = (text.lines().count() + 1).to_string().into();
    let denied = next.to_string();
    for (line, exit) in [
        (denied.replace("\"entities\":[", "\"entities\":[{},"), 4),
        (denied.replace("\"entities\":[", "\"entities\":[{},").replace("acme/user/cli", "acme/user/ada"), 0),
    ] {
        std::fs::write(&segment, format!("{text}{line}\n")).unwrap();
        let (code, stdout, stderr) = suggest(&folder, &["--record", &id(&folder.denials()[0])]);
        assert_eq!(code, exit, "{stdout}{stderr}");
    }
    folder.write("acme.cedar", "permit (principal, action, resource");
    let (code, _, stderr) = suggest(&folder, &["--since", "1h"]);
    assert!(code == 3, "{stderr}");
}

#[test]
fn whatever_is_chosen_of_whatever_was_denied_is_newly_allowed_and_nothing_else() {
    let seed = std::env::var("MOONWARD_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().into()
    });
    println!("MOONWARD_SEED={seed}");
    let mut state: u64 = seed;
    let mut below = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let folder = app();
    for tenant in ["acme", "beta", "acme"] {
        let mut one_of = |texts: &[&'static str]| texts[below(texts.len() as u64) as usize];
        let steps: Vec<Json> = (0..6)
            .map(|_| match one_of(&["0", "1", "2", "3", "4", "5", "6"]) {
                "0" => {
                    json!(["self", one_of(&["a", "b", "c"]), "x".repeat(one_of(&["", "xxxxx"]).len() * 9)])
                }
                "1" => json!(["kid", one_of(&["a", "b", "c"]), "x".repeat(one_of(&["", "xxxxx"]).len() * 9)]),
                "2" => json!(["name", one_of(&["n", "m"])]),
                "3" => json!(["spawn", one_of(&["acme:other", "beta:other"])]),
                "4" => json!(["cancel", one_of(&["1s", "2s", "3s"])]),
                "5" => json!(["keys", one_of(&["k", "l"])]),
                _ => json!(["monitor"]),
            })
            .collect();
        act(&folder, tenant, &json!(steps));
    }
    let denials = folder.denials();
    for alike in [false, true] {
        let chosen: Vec<String> = denials.iter().filter(|_| below(2) == 0).map(id).collect();
        let mut arguments: Vec<&str> = chosen.iter().flat_map(|id| ["--record", id]).collect();
        arguments.extend(["-o", "json"].into_iter().chain(alike.then_some("--alike")));
        if chosen.is_empty() {
            continue;
        }
        let (code, stdout, stderr) = suggest(&folder, &arguments);
        assert!([0, 2].contains(&code), "{stdout}{stderr}");
        let suggestion: Json = serde_json::from_str(&stdout).unwrap();
        let allowed = allowed_with(&folder, &suggestion);
        assert_eq!(suggestion["newly_allowed"].as_u64(), Some(allowed.len() as u64), "{suggestion}");
        let chosen: BTreeSet<String> = chosen.into_iter().collect();
        if !alike {
            assert!(allowed.is_subset(&chosen), "{suggestion}");
        }
        let left: u64 = suggestion["left_out"]
            .as_array()
            .unwrap()
            .iter()
            .map(|left| left["count"].as_u64().unwrap())
            .sum();
        let given = chosen.intersection(&allowed).count() as u64;
        assert!(given + left == chosen.len() as u64 || alike, "{}\n{suggestion}", reasons(&suggestion));
    }
}
