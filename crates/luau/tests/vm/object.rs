//! Objects of the host in the hands of scripts.

use std::sync::atomic::Ordering;

use luau::{Step, now_ns};

use super::bench::{Room, check, shown};

#[test]
fn methods_and_metamethods_reach_the_host() {
    check(
        "local a, b = host.box(1), host.box(2)
         a:set(3) b:set(4)
         return {a:value(), tostring(b), a < b, b < a, a + b, a .. b, #a, a == b, a .. 'x', 5 + b, `{a}`}",
        r#"[3,"box of 4",true,false,7,"3..4",3,false,"3..0",9,"box of 3"]"#,
    );
}

#[test]
fn an_identity_is_one_handle_while_it_lives() {
    check(
        "local a = host.box(7) a:set(5) local b = host.box(7)
         return {rawequal(a, b), b:value(), rawequal(a, host.box(8)), ({[a] = 'found'})[b]}",
        r#"[true,5,false,"found"]"#,
    );
}

#[test]
fn a_handle_cannot_be_changed_forged_or_taken_apart() {
    for body in [
        "host.box(1).x = 1",
        "host.box(1).value = 1",
        "getmetatable(host.box(1)).__index = {}",
        "setmetatable(host.box(1), {})",
        "rawset(host.box(1), 'x', 1)",
        "rawget(host.box(1), 'value')",
        "for k in host.box(1) do end",
        "next(host.box(1))",
        "table.freeze(host.box(1))",
    ] {
        check(&format!("return (pcall(function() {body} end))"), "false");
    }
    check(
        "return {getmetatable(host.box(1)), host.box(1).nothing == nil, type(host.box(1).value)}",
        r#"["locked",true,"function"]"#,
    );
}

#[test]
fn a_method_checks_its_self() {
    let expected = "\"test:2: `box:value` is a method: call it on its object, with `:`\"";
    for call in
        ["box.value()", "box.value({})", "box.value(1)", "box.value('x')", "box.value(host.weight(1))"]
    {
        check(
            &format!("local box = host.box(1) return select(2, pcall(function() return {call} end))"),
            expected,
        );
    }
}

#[test]
fn collected_handles_free_their_objects() {
    let mut room = Room::new();
    let id = room.start("return function() for i = 1, 1000 do host.weight(100) end host.wait() end");
    assert!(matches!(room.run(id), Step::Parked));
    while !room.pod.collect(now_ns() + 1_000_000_000) {}
    while !room.pod.collect(now_ns() + 1_000_000_000) {}
    assert_eq!(room.host.drops.load(Ordering::Relaxed), 1000);
    let objects = room.pod.objects(id).expect("it lives");
    assert_eq!((objects.len(), objects.bytes()), (0, 0));
}

#[test]
fn objects_of_an_ended_body_are_handed_over() {
    let mut room = Room::new();
    let id = room.start("return function() kept = {host.weight(1), host.weight(2)} host.wait() end");
    assert!(matches!(room.run(id), Step::Parked));
    let objects = room.pod.end(id);
    assert_eq!(objects.len(), 2);
    drop(objects);
    assert_eq!(room.host.drops.load(Ordering::Relaxed), 2);
    assert!(room.pod.end(id).is_empty());
    drop(room);
}

#[test]
fn objects_count_into_the_memory_of_their_body() {
    let mut room = Room::new();
    let id = room.start("return function() kept = host.weight(1000000) host.wait() end");
    assert!(matches!(room.run(id), Step::Parked));
    assert!(room.pod.memory_bytes(id) > 1_000_000);

    let greedy = room
        .start("return function() kept = {} while true do table.insert(kept, host.weight(100000)) end end");
    assert!(matches!(room.run(greedy), Step::OverMemory { used_bytes } if used_bytes > 4_000_000));
    // What is not kept does not count.
    let fleeting =
        room.start("return function() for i = 1, 1000 do host.weight(100000) end return 'fine' end");
    assert_eq!(shown(&room.run(fleeting)), "\"fine\"");
}
