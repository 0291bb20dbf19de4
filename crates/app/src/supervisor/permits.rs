//! What a service whose start is denied lacks: the two permits of a start, as a scope would hold them.

use crate::assembly::Supervised;

/// The next step for whoever wrote the service, on several lines: which scope, and what to write into it.
pub(crate) fn help(service: &Supervised) -> String {
    let scopes: Vec<&str> = service.scopes.ids().collect();
    let place = match scopes.as_slice() {
        [] => "the service has no scope: list one under `security.scopes`, and write into its policies"
            .to_owned(),
        scopes => {
            format!("unless a guard forbids it, write into the policies of `{}`", scopes.join("` or `"))
        }
    };
    format!("{place}\n{}", permits(service.id.name(), service.definition.as_str(), service.host.as_str()))
}

/// Permits for exactly this start.
fn permits(name: &str, definition: &str, host: &str) -> String {
    format!(
        "@id(\"{name}.start\")\n\
         permit (principal, action == Moonward::Action::\"process.spawn\", \
         resource == Moonward::Definition::\"{definition}\");\n\
         @id(\"{name}.host\")\n\
         permit (principal, action == Moonward::Action::\"process.host\", \
         resource == Moonward::Host::\"{host}\");"
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use diagnostic::Source;
    use policy::{Bundle, BundleSources, Scope, ScopeSources, TenantId};

    #[test]
    fn the_permits_that_are_suggested_load() {
        let text = super::permits("worker", "acme.workers:handler", "app:processes");
        let scope = Scope::new("acme.security:worker", &TenantId::system(), false).unwrap();
        let file = Source { path: "worker.cedar".to_owned(), text };
        let sources = BundleSources {
            scopes: vec![ScopeSources { scope: Arc::new(scope), files: vec![Arc::new(file)] }],
            ..BundleSources::default()
        };
        assert!(Bundle::load(sources).unwrap().warnings().is_empty());
    }
}
