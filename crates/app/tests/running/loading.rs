//! What is wrong with an app is said before anything runs.

use std::sync::Arc;

use app::App;
use audit::{AssertedBy, Mode};
use serde_json::json;

use crate::support::{Folder, rendered};

#[test]
fn everything_wrong_in_scripts_and_policies_is_said_at_once() {
    let folder = Folder::new(
        "  - {name: one, kind: process.lua, source: file://one.lua}
  - {name: two, kind: process.lua, source: 'return function( end', imports: {lib: 'app:lib'}}
  - {name: lib, kind: library.lua, source: file://lib.lua}
  - {name: more, kind: security.scope, policies: [file://more.cedar]}
",
        &[
            ("one.lua", "local a = 1\nlocal b = = 2\n"),
            ("lib.lua", "return {\n"),
            (
                "more.cedar",
                "@id(\"more\")\npermit (principal, action == Moonward::Action::\"process.fly\", resource);",
            ),
        ],
    );
    let errors = folder.errors();
    for expected in [
        "(app:one)\n  --> one.lua:2:1",
        "(app:two)\n  --> app:two:1:1",
        "(app:lib)\n  --> lib.lua:",
        "more.cedar:2:",
    ] {
        assert!(errors.contains(expected), "`{expected}` is not in\n{errors}");
    }
}

#[test]
fn libraries_that_import_each_other_too_deeply_are_refused() {
    let chain = |length: usize| {
        let library = |level: usize| {
            let imports =
                if level == 0 { String::new() } else { format!("imports: {{next: l{}}}, ", level - 1) };
            format!("  - {{name: l{level}, kind: library.lua, {imports}source: 'return 1'}}\n")
        };
        (0..length).map(library).collect::<String>()
    };
    let deepest = app::limits::IMPORTS_NESTED_MAX;
    assert!(App::load(&Folder::new(&chain(deepest), &[]).path()).is_ok());
    let errors = Folder::new(&chain(deepest + 1), &[]).errors();
    assert!(errors.contains(&format!("more than {deepest} deep (app:l{deepest})")), "{errors}");
}

#[test]
fn warnings_of_manifest_and_policies_come_with_the_app() {
    let folder = Folder::new(
        "  - {name: idle, kind: process.service, process: one}
  - {name: one, kind: process.lua, source: 'return function() end'}
  - {name: open, kind: security.scope, always: true, replace_shipped_guard: true, policies: [file://guard.cedar]}
",
        &[("guard.cedar", "@id(\"guard\") forbid (principal, action, resource) when { principal.tenant.suspended };")],
    );
    let (app, warnings) = App::load(&folder.path()).unwrap_or_else(|found| panic!("{}", rendered(&found)));
    let warnings = rendered(&warnings);
    assert!(
        warnings.contains("never started") && warnings.contains("shipped guard is replaced"),
        "{warnings}"
    );
    assert_eq!((app.folder(), app.policy_count()), (&*folder.path(), 2));
}

#[test]
fn the_log_is_where_the_manifest_or_the_command_line_says() {
    let folder =
        Folder::new("  - {name: log, kind: audit.log, path: data/elsewhere, mode: best_effort}\n", &[]);
    let app = folder.load();
    let declared = app.log_options(None);
    assert_eq!((declared.folder, declared.mode), (folder.path().join("data/elsewhere"), Mode::BestEffort));
    let given = app.log_options(Some(&folder.log_path()));
    assert_eq!((given.folder, given.mode), (folder.log_path(), Mode::BestEffort));
    let default = Folder::new("", &[]);
    let options = default.load().log_options(None);
    assert_eq!((options.folder, options.mode), (default.path().join("data/audit"), Mode::Strict));
}

#[test]
fn a_manifest_may_list_exactly_the_modules_that_there_are() {
    let mut there: Vec<&str> = sandbox::module_names().collect();
    there.extend(sandbox::global_module_names());
    there.retain(|name| !name.is_empty());
    there.sort_unstable();
    there.dedup();
    assert_eq!(there, app::manifest::MODULES);
}

#[test]
fn a_new_version_of_an_app_goes_on_with_what_was_revoked_and_the_keys_that_it_had() {
    let key = token::DevelopmentKey::generate().unwrap();
    let keys = json!({"keys": [key.public_jwk()]}).to_string();
    let folder = Folder::new(
        "  - name: idp
    kind: security.issuer
    issuer: https://idp.example.org/
    audience: shop
    algorithms: [EdDSA]
    jwks: file://keys.json
    tenant: default
    actor: {id: 'user/{sub}'}
",
        &[("keys.json", &keys)],
    );
    let now = 1_800_000_000;
    let jwt = |subject: &str| {
        let claims = json!({"iss": "https://idp.example.org/", "aud": "shop", "sub": subject, "iat": now, "exp": now + 60});
        key.sign(claims.as_object().unwrap())
    };
    let issuers = folder.load().issuers(now).unwrap();
    assert!(issuers.authenticate(jwt("ada").as_bytes(), None, now).is_err(), "no key was asked for yet");
    issuers.refresh_now(now);
    let session = issuers.authenticate(jwt("ada").as_bytes(), None, now).unwrap().session;
    let by = AssertedBy { uid: 0, login: "root".into(), host: "here".into() };
    let (issuer, subject) = (Some(session.issuer.clone()), Some("eve".into()));
    let revocation = token::Revocation { at: now, issuer, subject, jti: None, recorded: false, by };
    let record = app::revocation_event(&issuers, &revocation);
    assert_eq!((record.tenant.as_deref(), record.detail["sub"].as_str()), (Some("default"), Some("eve")));
    issuers.revocations().append(revocation).unwrap();
    let next = folder.load().issuers_after(&issuers).unwrap();
    assert!(Arc::ptr_eq(issuers.revocations(), next.revocations()));
    assert_eq!(next.still_good(&session, now), Ok(()));
    assert!(next.authenticate(jwt("ada").as_bytes(), None, now).is_ok());
    let refused = next.authenticate(jwt("eve").as_bytes(), None, now).unwrap_err();
    assert_eq!(refused.cause(), &token::Cause::Revoked);
    // Whoever starts anew knows it from the disk.
    let anew = folder.load().issuers(now).unwrap();
    anew.refresh_now(now);
    assert_eq!(
        anew.authenticate(jwt("eve").as_bytes(), None, now).unwrap_err().cause(),
        &token::Cause::Revoked
    );
}
