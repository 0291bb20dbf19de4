//! Every example of `docs/lua-api.md` runs as the documentation says: as the main function of a process.

use std::fmt::Write as _;

use crate::support::Folder;

const DEFINITIONS: &str = r#"
version: "1.0"
namespace: app.workers
entries:
  - name: echo
    kind: process.lua
    source: |
      return function()
          local inbox = process.inbox()
          while true do
              local msg = inbox:receive()
              process.send(msg:from(), msg:topic(), msg:payload())
          end
      end
  - {name: double, kind: process.lua, source: "return function(n) return n * 2 end"}
  - name: counter
    kind: process.lua
    source: |
      return function(n)
          if n == 3 then return n end
          process.upgrade(nil, n + 1)
      end
"#;

#[test]
fn every_example_of_the_documentation_runs() {
    let modules: Vec<&str> = sandbox::module_names().collect();
    let mut manifest = String::from("version: \"1.0\"\nnamespace: app\nentries:\n");
    manifest.push_str("  - {name: processes, kind: process.host, host: {workers: 2, max_processes: 1000}}\n");
    manifest.push_str("  - {name: all, kind: security.scope, policies: [file://all.cedar]}\n");
    manifest.push_str("  - {name: root, kind: process.lua, source: file://root.lua}\n");
    let examples = sandbox::reference::examples();
    let mut files = vec![
        ("workers/_index.yaml".to_owned(), DEFINITIONS.to_owned()),
        (
            "all.cedar".to_owned(),
            "@id(\"all\")\npermit (principal, action in Moonward::Action::\"all\", resource);\n".to_owned(),
        ),
        (
            "root.lua".to_owned(),
            format!(
                "return function()\n  local failed = {{}}\n  for i = 1, {} do\n    local _, err = \
                 process.call(\"app:example\" .. i, \"app:processes\")\n    if err then table.insert(failed, {{i, \
                 tostring(err)}}) end\n  end\n  return failed\nend\n",
                examples.len()
            ),
        ),
    ];
    for (index, example) in examples.iter().enumerate() {
        let number = index + 1;
        writeln!(
            manifest,
            "  - {{name: example{number}, kind: process.lua, source: file://example{number}.lua, modules: [{}]}}",
            modules.join(", ")
        )
        .unwrap();
        files.push((format!("example{number}.lua"), format!("return function()\n{}\nend\n", example.source)));
    }
    files.push(("_index.yaml".to_owned(), manifest));
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let failed = Folder::new(&files).value("app:root", &[]);
    let failed: Vec<String> = failed
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| {
            let number = usize::try_from(failure[0].as_u64().unwrap()).unwrap();
            format!("{}: {}", examples[number - 1].name, failure[1].as_str().unwrap())
        })
        .collect();
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), examples.len(), failed.join("\n"));
}
