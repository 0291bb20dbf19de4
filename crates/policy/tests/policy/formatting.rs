//! Formatting: the same policies and the same comments, written in one way only.

use policy::{BundleSources, ScopeSources};

use crate::random::Random;
use crate::world::{bundle, file, rendered, scope};

fn formatted(text: &str) -> String {
    policy::format(&file("a.cedar", text)).unwrap_or_else(|found| panic!("{}", rendered(&found)))
}

#[test]
fn a_file_is_written_in_one_way_and_keeps_its_comments() {
    let text = "// top\n@id(\"a\") permit(principal,action in Moonward::Action::\"all\",resource) // why\nwhen{ // first\n\
                principal.kind==\"user\"&&// second\ntrue};\n// end";
    let once = formatted(text);
    for comment in ["// top", "// why", "// first", "// second", "// end"] {
        assert!(once.contains(comment), "{comment}\n{once}");
    }
    assert_eq!(formatted(&once), once);
    for untouched in ["", "\n\n", "// nothing here\n   "] {
        assert_eq!(formatted(untouched), untouched);
    }
    // Templates never load, but a file that has one can be written neatly all the same.
    assert!(formatted("permit(principal==?principal,action,resource);").contains("principal == ?principal"));
}

#[test]
fn what_is_not_cedar_or_over_a_bound_is_refused_with_its_place() {
    let deep = format!("permit (principal, action, resource) when {{ {}true }};", "(".repeat(800));
    // What fits as it is written, and would not as it would be.
    let dense = "permit(principal,action,resource)when{[1,2,3].contains(2)};".repeat(4_000);
    for (text, code) in [
        (dense.as_str(), "policy.unformatted"),
        ("permit (principal, action resource);", "policy.syntax"),
        ("permit (principal, action, resource)", "policy.syntax"),
        (deep.as_str(), "policy.too-deep"),
    ] {
        let found = policy::format(&file("a.cedar", text)).unwrap_err();
        assert!(found[0].code == code && found[0].span.is_some(), "{text}\n{}", rendered(&found));
    }
}

/// An expression over what every check has.
fn expression(random: &mut Random, depth: usize) -> String {
    if depth == 0 {
        let leaves = [
            "principal.kind == \"user\"",
            "principal.tenant.suspended",
            "context has pid",
            "principal has authTime",
            "principal.hasTag(\"a b\")",
            "principal in Moonward::Role::\"acme/clerk\"",
            "[1, 2,3].contains(2)",
            "{a: 1, \"b c\": 2} has a",
            "principal.kind like \"us\\*er*\"",
            "true",
        ];
        return format!("({})", random.choose(&leaves));
    }
    let (one, other) = (expression(random, depth - 1), expression(random, depth - 1));
    match *random.choose(&[0, 1, 2, 3, 4]) {
        0 => format!("({one} && {other})"),
        1 => format!("({one}||{other})"),
        2 => format!("!({one})"),
        3 => format!("(if {one} then {other} else false)"),
        _ => format!("({one} == {other})"),
    }
}

#[test]
fn formatting_changes_no_policy_and_is_done_once() {
    let mut random = Random::seeded();
    let digest = |text: &str| {
        let files = vec![file("a.cedar", text)];
        let scopes = vec![ScopeSources { scope: scope(), files }];
        bundle(BundleSources { scopes, ..BundleSources::default() })
    };
    for _ in 0..100 {
        let spaces = ["", " ", "\n", "  \t", " // why\n"];
        let mut space = || *random.choose(&spaces);
        let (one, two, three) = (space(), space(), space());
        let condition = expression(&mut random, 3);
        let text = format!(
            "@id(\"a\"){one}permit{two}(principal,action in Moonward::Action::\"all\",{three}resource) when {{{condition}}};"
        );
        let once = formatted(&text);
        assert_eq!(formatted(&once), once, "{text}");
        // Both load, and are the same but for their layout.
        assert_eq!(digest(&text).policy_count(), digest(&once).policy_count(), "{text}\n{once}");
        let bare = |text: &str| text.replace("// why", "").split_whitespace().collect::<String>();
        assert!(bare(&text).len() >= bare(&once).len(), "{text}\n{once}");
    }
}

#[test]
fn text_within_the_bounds_never_ends_the_process() {
    let around =
        |open: &str, close: &str, count: usize| format!("{}true{}", open.repeat(count), close.repeat(count));
    // Four times 200 terms and 15 brackets: 990 levels.
    let deepest = (0..4).fold("true".to_owned(), |inner, _| {
        format!("{}{}", around("(", ")", 15).replace("true", &inner), " && true".repeat(200))
    });
    for shape in [
        around("(", ")", 63),
        around("[", "]", 63),
        around("{a: ", "}", 63),
        around("!(", ")", 63),
        around("if true then (", ") else false", 8),
        around("ip(", ")", 63),
        format!("principal{}", ".a".repeat(200)),
        format!("principal{}", "[\"a\"]".repeat(200)),
        format!("{} true", "if true then true else ".repeat(8)),
        format!("true{}", " == true || true && 1 + 2 * 3 < 4".repeat(200)),
        format!("[{}].contains(1)", "1, ".repeat(4_900)),
        around(&format!("({}", "1 + ".repeat(150)), ")", 6),
        deepest,
    ] {
        let _ = policy::format(&file(
            "a.cedar",
            &format!("permit (principal, action, resource) when {{ {shape} }};"),
        ));
    }
}
