//! Every example of `docs/lua-api.md` runs as the documentation says: as the main function of a process.

use crate::scripts;

#[test]
fn every_example_of_the_documentation_runs() {
    let examples = sandbox::reference::examples();
    let cases: Vec<(&str, &str)> = examples.iter().map(|example| (example.name, example.source)).collect();
    scripts::run(&cases);
}
