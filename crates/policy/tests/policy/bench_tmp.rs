//! x
use crate::world::*;
use policy::*;
use cedar_policy as c;
fn cpu() -> u64 { std::fs::read_to_string("/proc/thread-self/schedstat").unwrap().split(' ').next().unwrap().parse().unwrap() }
fn time<T>(what: &str, mut f: impl FnMut() -> T) { let n = 2000; let t = cpu(); for _ in 0..n { std::hint::black_box(f()); } println!("{what}: {} ns", (cpu()-t)/n); }
#[test]
fn bench() {
    let own = include_str!("../../../../policies/own-tenant.cedar");
    let w = World::permitting(&own.replace("@id", "@audit(\"always\") @id"));
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let (me, other) = (process("p1", &bob), process("p2", &bob));
    let caller = inside(&bob, &held, &me);
    drop(w.gate.operation().check(&caller, ProcessSend { to: other.clone(), topic: "x".into(), bytes: 1 }).unwrap());
    let r = w.decisions().pop().unwrap();
    let schema = c::Schema::from_cedarschema_str(&policy::schema::render()).unwrap().0;
    let set: c::PolicySet = format!("{}{own}", include_str!("../../../../policies/guard.cedar")).parse().unwrap();
    let action: c::EntityUid = "Moonward::Action::\"process.send\"".parse().unwrap();
    let context = c::Context::from_json_value(r["context"].clone(), Some((&schema, &action))).unwrap();
    let all = c::Entities::from_json_value(r["entities"].clone(), Some(&schema)).unwrap();
    println!("{} entities, {} policies", all.len(), set.num_of_policies());
    let noact: Vec<c::Entity> = all.iter().filter(|e| e.uid().type_name().basename() != "Action").cloned().collect();
    let request = c::Request::new("Moonward::Actor::\"acme/user/bob\"".parse().unwrap(), action.clone(), "Moonward::Process::\"p2\"".parse().unwrap(), context.clone(), None).unwrap();
    let az = c::Authorizer::new();
    time("is_authorized", || az.is_authorized(&request, &set, &all));
    time("clone entities (vec)", || noact.clone());
    time("from_entities", || c::Entities::from_entities(noact.clone(), None).unwrap());
    let (few, rest): (Vec<_>, Vec<_>) = noact.iter().cloned().partition(|e| ["Process","Definition","Host","Namespace"].contains(&e.uid().type_name().basename()));
    let base = c::Entities::from_entities(rest, None).unwrap();
    time("base clone", || base.clone());
    time("add_entities", || base.clone().add_entities(few.clone(), None).unwrap());
    println!("few {}", few.len());
    time("uid", || c::EntityUid::from_type_name_and_id(action.type_name().clone(), c::EntityId::new("abcd")));
    time("entity", || c::Entity::new(action.clone(), [("a".to_owned(), c::RestrictedExpression::new_entity_uid(action.clone())),("b".to_owned(), c::RestrictedExpression::new_entity_uid(action.clone())),("c".to_owned(), c::RestrictedExpression::new_entity_uid(action.clone()))].into(), Default::default()).unwrap());
    time("context", || c::Context::from_pairs([("a".to_owned(), c::RestrictedExpression::new_entity_uid(action.clone())),("b".to_owned(), c::RestrictedExpression::new_entity_uid(action.clone()))]).unwrap());
    time("whole", || w.gate.operation().check(&caller, policy::ProcessMonitor { target: other.clone() }).unwrap());
}
