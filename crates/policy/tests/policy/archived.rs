//! Policy sets beside the log: read back, they are what they were.

use std::fs;
use std::sync::Arc;

use policy::{Archived, BundleSources, Declared, Kept, NotArchived, Scope, ScopeSources, Tenant};
use serde_json::json;

use crate::world::{PERMIT_ALL, World, bundle, file, sources, tenant};

/// Everything that a set can be of: guards, a tenant's scope, a policy in shadow, plans, and what is declared.
fn all_sorts() -> BundleSources {
    let acme = tenant("acme");
    let shared = Arc::new(Scope::new("acme.security:worker", &acme, true).unwrap());
    let of_acme = "// gr\u{fc}n \u{1f600}\n@id(\"acme.own\") permit (principal in Moonward::Tenant::\"acme\", action, resource);";
    let guard = "@id(\"guard.nights\") @mode(\"shadow\") forbid (principal, action == Moonward::Action::\"process.send\", resource) \
         when { context.topic == \"night\" };";
    let mut sources = sources(PERMIT_ALL);
    sources.scopes.insert(
        0,
        ScopeSources {
            scope: shared,
            files: vec![file("acme/own.cedar", of_acme), file("acme/none.cedar", "")],
        },
    );
    sources.tenants.push(Tenant { suspended: true, plan: "gold".to_owned(), ..Tenant::new(tenant("old")) });
    let ids = |ids: &[&str]| ids.iter().map(|id| Arc::from(*id)).collect();
    BundleSources {
        guards: vec![file("guards/nights.cedar", guard)],
        declared: Some(Declared {
            definitions: ids(&["acme.workers:handler"]),
            hosts: ids(&["app:processes"]),
            namespaces: ids(&["acme", "acme.workers"]),
        }),
        ..sources
    }
}

fn load_record(world: &World, at: usize) -> serde_json::Value {
    let loads = world.records().into_iter().filter(|record| record["kind"] == "policy_load");
    loads.collect::<Vec<_>>().remove(at)
}

#[test]
fn a_set_that_was_in_force_is_read_back_from_the_log_and_loads_as_what_it_was() {
    let world = World::of(all_sorts());
    let record = load_record(&world, 0);
    let set = Archived::read(&world.log_folder(), record["detail"]["archive"].as_str().unwrap()).unwrap();
    let bundle = set.bundle().unwrap();
    assert_eq!(
        json!([set.digest(), &**bundle.digest()]),
        json!([record["policy_set"], record["policy_set"]])
    );
    let (read, written) = (set.sources(), all_sorts());
    let texts = |sources: &BundleSources| {
        let own = sources
            .scopes
            .iter()
            .flat_map(|scope| scope.files.iter().map(|file| (scope.scope.id().to_string(), file.clone())));
        let mut files: Vec<_> =
            sources.guards.iter().map(|file| (String::new(), file.clone())).chain(own).collect();
        files.sort_by(|one, other| one.0.cmp(&other.0));
        files
            .into_iter()
            .map(|(scope, file)| (scope, file.path.clone(), file.text.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(read), texts(&written));
    assert!(read.scopes.iter().any(|scope| scope.scope.shared() && *scope.scope.tenant() == tenant("acme")));
    assert_eq!(read.tenants.iter().map(|tenant| tenant.plan.as_str()).collect::<String>(), "gold");
    assert_eq!(read.declared.as_ref().unwrap().namespaces.len(), 2);
}

#[test]
fn each_set_is_there_once_whatever_order_its_parts_came_in() {
    let world = World::of(all_sorts());
    let mut turned = all_sorts();
    turned.scopes.reverse();
    turned.tenants.reverse();
    world.replace(turned);
    let mut other = all_sorts();
    other.tenants.pop();
    world.replace(other);
    let archives: Vec<_> = (0..3).map(|at| load_record(&world, at)["detail"]["archive"].clone()).collect();
    assert_eq!(archives[0], archives[1]);
    assert_ne!(archives[0], archives[2]);
    assert_eq!(fs::read_dir(world.log_folder().join("policies")).unwrap().count(), 2);
}

#[test]
fn a_guard_of_another_version_of_the_product_is_loaded_and_another_schema_is_not() {
    let world = World::permitting(PERMIT_ALL);
    let record = load_record(&world, 0);
    let archive = record["detail"]["archive"].as_str().unwrap();
    let mut document = audit::archived(&world.log_folder(), archive).unwrap();
    // As a version would have written it that forbids nothing beside.
    let guard =
        "@id(\"guard.all\") forbid (principal, action, resource) when { principal.tenant.suspended };";
    document["shipped_guard"]["text"] = json!(guard);
    let read = |document: &serde_json::Value| {
        let archive = world.log.archive(document).unwrap();
        Archived::read(&world.log_folder(), &archive).unwrap().bundle()
    };
    let Err(NotArchived::Other { said, is }) = read(&document) else { panic!("it says another digest") };
    assert_eq!((record["policy_set"].as_str(), is == said), (Some(&*said), false));
    document["policy_set"] = json!(is);
    let bundle = read(&document).unwrap();
    assert_eq!((&**bundle.digest(), bundle.policy_count()), (&*is, 2));
    document["cedar_schema"] = json!("entity Other;");
    assert!(matches!(read(&document), Err(NotArchived::OtherSchema(_))));
}

#[test]
fn what_is_not_in_the_archive_or_was_changed_there_is_said_and_not_used() {
    let world = World::permitting(PERMIT_ALL);
    let record = load_record(&world, 0);
    let archive = record["detail"]["archive"].as_str().unwrap();
    let said = |archive: &str| Archived::read(&world.log_folder(), archive).unwrap_err().to_string();
    assert!(said(&"0".repeat(64)).contains("cannot be read"), "{}", said(&"0".repeat(64)));
    assert!(said("../lock").contains("is not the SHA-256"), "{}", said("../lock"));
    let other = world.log.archive(&json!({"form": "moonward.policies/2"})).unwrap();
    assert!(said(&other).contains("not of the form `moonward.policies/1`"), "{}", said(&other));
    let path = world.log_folder().join("policies").join(archive);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("permit", "forbid")).unwrap();
    assert!(said(archive).contains("was changed"), "{}", said(archive));
}

#[test]
fn a_set_that_cannot_be_kept_does_not_come_into_force() {
    let world = World::permitting(PERMIT_ALL);
    let place = world.log_folder().join("policies");
    fs::remove_dir_all(&place).unwrap();
    fs::write(&place, "in the way").unwrap();
    let narrower =
        "@id(\"test.none\") permit (principal, action == Moonward::Action::\"process.call\", resource);";
    let error = Kept::new(bundle(sources(narrower)), &world.log).unwrap_err();
    assert!(error.to_string().contains("cannot be written beside the audit log"), "{error}");
    assert_eq!(world.gate.generation(), 1);
}
