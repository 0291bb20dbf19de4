//! `require`: what a script may load, and how often it runs.

use luau::{Modules, Step};

use super::bench::{MEMORY, Room, modules, shown};

fn check_in(modules: Modules, body: &str, expected: &str) {
    let mut room = Room::new();
    let id = room.start_with(&format!("return function()\n{body}\nend"), MEMORY, modules, Vec::new());
    assert_eq!(shown(&room.finish(id)), expected, "{body}");
}

#[test]
fn libraries_are_required_by_the_list_and_global_ones_always() {
    check_in(modules(&["extra"], &[]), "return require('extra').two()", "2");
    check_in(Modules::default(), "return require('host') == host", "true");
    check_in(
        modules(&["extra"], &[]),
        "return {extra == nil, rawequal(require('extra'), require('extra'))}",
        "[true,true]",
    );
    check_in(modules(&["extra"], &[]), "return (pcall(function() require('extra').two = 1 end))", "false");
}

#[test]
fn what_is_not_listed_is_refused_by_name() {
    for (body, expected) in [
        ("require('other')", "failed: test:2: module `other` is not listed in `modules:` of `test`"),
        (
            "require('none')",
            "failed: test:2: `none` is listed neither in `modules:` nor in `imports:` of `test`",
        ),
        (
            "require('../etc/passwd')",
            "failed: test:2: `../etc/passwd` is listed neither in `modules:` nor in `imports:` of `test`",
        ),
        (
            "require('a\\n')",
            "failed: test:2: `a\\n` is listed neither in `modules:` nor in `imports:` of `test`",
        ),
        ("require()", "failed: test:2: invalid argument #1 to 'require' (string expected)"),
        ("require({})", "failed: test:2: invalid argument #1 to 'require' (string expected)"),
    ] {
        check_in(modules(&["extra"], &[]), body, expected);
    }
}

#[test]
fn an_import_runs_once_for_each_body() {
    let counted =
        modules(&[], &[("lib", "count = (count or 0) + 1 return {count = count}", Modules::default())]);
    let mut room = Room::new();
    for _ in 0..2 {
        let source = "return function() local a, b = require('lib'), require('lib') return {a == b, a.count, count} end";
        let id = room.start_with(source, MEMORY, counted.clone(), Vec::new());
        assert_eq!(shown(&room.run(id)), "[true,1,1]");
    }
    check_in(modules(&[], &[("lib", "", Modules::default())]), "return require('lib')", "true");
    check_in(modules(&[], &[("lib", "return false", Modules::default())]), "return require('lib')", "false");
}

#[test]
fn each_piece_of_code_has_its_own_list() {
    let inner = modules(&["other"], &[]);
    let listed = modules(
        &["extra"],
        &[(
            "lib",
            "return {own = require('other').three, foreign = function() return pcall(require, 'extra') end}",
            inner,
        )],
    );
    check_in(
        listed,
        "local lib = require('lib')
         return {lib.own(), select(2, lib.foreign()), (pcall(require, 'other'))}",
        r#"[3,"lib:lib:1: module `extra` is not listed in `modules:` of `lib:lib`",false]"#
            .replace("lib:lib:1: ", "").as_str(),
    );
}

#[test]
fn a_circle_is_an_error_and_not_a_hang() {
    // `a` requires `b`, whose own list leads back to `a` by the same code name.
    let a_again = modules(&[], &[("a", "return require('b')", Modules::default())]);
    let b = modules(&[], &[("b", "return require('a')", a_again)]);
    let listed = modules(&[], &[("a", "return require('b')", b)]);
    check_in(
        listed,
        "return require('a')",
        "failed: lib:b:1: `lib:a` requires itself, directly or through another",
    );
}

#[test]
fn an_error_at_the_top_level_of_an_import_is_the_requirers() {
    let listed = modules(&[], &[("lib", "\nerror('broken')", Modules::default())]);
    check_in(listed.clone(), "require('lib')", "failed: lib:lib:2: broken");
    // It is not remembered: the next one tries again.
    check_in(
        listed,
        "local _, first = pcall(require, 'lib') local _, second = pcall(require, 'lib') return {first, second}",
        r#"["lib:lib:2: broken","lib:lib:2: broken"]"#,
    );
}

#[test]
fn the_top_level_of_an_import_may_wait_and_others_wait_for_it() {
    let listed = modules(
        &[],
        &[("lib", "loads = (loads or 0) + 1 host.wait() return {loads = loads}", Modules::default())],
    );
    check_in(
        listed.clone(),
        "local seen = {}
         coroutine.spawn(function() table.insert(seen, require('lib').loads) end)
         table.insert(seen, require('lib').loads)
         host.wait()
         return seen",
        "[1,1]",
    );
    // One whose loading fails lets the others try.
    let failing = modules(&[], &[("lib", "host.wait() error('x', 0)", Modules::default())]);
    check_in(
        failing,
        "local seen = {}
         coroutine.spawn(function() table.insert(seen, select(2, pcall(require, 'lib'))) end)
         table.insert(seen, select(2, pcall(require, 'lib')))
         host.wait() host.wait()
         return seen",
        r#"["x","x"]"#,
    );
}

#[test]
fn an_import_at_top_level_counts_as_loading() {
    let listed = modules(&[], &[("lib", "error('broken', 0)", Modules::default())]);
    let mut room = Room::new();
    let id = room.start_with("local lib = require('lib') return function() end", MEMORY, listed, Vec::new());
    assert!(matches!(room.run(id), Step::Failed { loading: true, .. }));
}
