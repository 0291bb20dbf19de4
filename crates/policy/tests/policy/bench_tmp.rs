//! x
use crate::world::*;
use policy::*;
#[test]
fn bench() {
    let w = World::permitting(include_str!("../../../../policies/own-tenant.cedar"));
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let (me, other) = (process("p1", &bob), process("p2", &bob));
    let caller = inside(&bob, &held, &me);
    let n = 5000;
    let t = std::time::Instant::now();
    for _ in 0..n {
        drop(
            w.gate
                .operation()
                .check(&caller, ProcessSend { to: other.clone(), topic: "x".into(), bytes: 1 })
                .unwrap(),
        );
    }
    println!("check send {:?}", t.elapsed() / n);
    let t = std::time::Instant::now();
    for _ in 0..n {
        drop(
            w.gate
                .operation()
                .check(&caller, (crate::permissions::spawn(bob.tenant()), ProcessHost { host: host() }))
                .unwrap(),
        );
    }
    println!("check spawn+host {:?}", t.elapsed() / n);
    let eve = process("p9", &actor("beta/user/eve"));
    let t = std::time::Instant::now();
    for _ in 0..n {
        let _ = w
            .gate
            .operation()
            .check(&caller, ProcessSend { to: eve.clone(), topic: "x".into(), bytes: 1 })
            .unwrap_err();
    }
    println!("denied send {:?}", t.elapsed() / n);
    let text: String = (0..1000).map(|i| format!("@id(\"p.{i}\") permit (principal in Moonward::Role::\"acme/r{i}\", action in Moonward::Action::\"message\", resource is Moonward::Process) when {{ resource.tenant == principal.tenant && context.topic == \"t{i}\" }};\n")).collect();
    let t = std::time::Instant::now();
    let b = bundle(sources(&text));
    println!("load 1000 policies {:?} {}", t.elapsed(), b.policy_count());
}
