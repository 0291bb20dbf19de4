//! Tests of policies: a matrix of principals, actions and resources, and which of its cells are allowed.
//!
//! A cell is put together when its file is read, so that whatever is misspelt is an error with a place, before
//! anything is decided. What a policy says is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diagnostic::{Diagnostic, Source, Span, did_you_mean};
use policy::study::{Assumed, InvalidCase, Posed, Sitting, Study, Verdict};
use policy::{Actor, DecisionKind, InvalidQuestion, ScopeSet, permission};
use serde_json::{Map, Value as Json};

use super::vocabulary::{FILE, FIXTURES};
use super::{Premises, files, fixtures, run_tests};
use crate::findings::Findings;
use crate::limits::TEST_CELLS_MAX;
use crate::manifest::check::check_file;
use crate::manifest::document::{Content, Document, Node, Place};
use crate::manifest::scan::scan;

/// Tests of one run, with the policies that they are about.
#[derive(Debug)]
pub struct Suites {
    tests: Vec<Test>,
    studies: Vec<(Key, Study)>,
}

/// What tells two sets of policies apart: the files that are given, and the tenants.
type Key = (Vec<PathBuf>, Vec<policy::Tenant>);

/// One test.
#[derive(Debug)]
pub struct Test {
    /// File that it is in.
    pub file: String,
    /// What it claims.
    pub name: String,
    /// Where it is written.
    pub span: Span,
    /// Its cells, principals first, then actions, then resources.
    pub cells: Vec<Cell>,
    study: usize,
}

/// One case of a test.
#[derive(Debug)]
pub struct Cell {
    /// Who asks, as the test names it.
    pub principal: String,
    /// The permission.
    pub action: &'static str,
    /// What it is asked on, as the test names it.
    pub resource: String,
    /// What must come of it.
    pub expected: Expected,
    posed: Posed,
}

/// What must come of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Whether it is allowed.
    pub allows: bool,
    /// The sort of the denial, where it matters.
    pub kind: Option<DecisionKind>,
    /// Policies that must be among those that determine it.
    pub reasons: Vec<String>,
    /// How many policies fail.
    pub errors: usize,
}

impl Cell {
    /// Decides the case, and says what came of it otherwise than it must: nothing when all is well.
    ///
    /// # Errors
    /// None that reading the test has not found.
    pub fn decide(&self, sitting: &mut Sitting<'_>) -> Result<(Verdict, Vec<String>), InvalidQuestion> {
        let verdict = self.posed.with(|case| sitting.decide(case))?;
        let wrong = self.expected.wrong(&verdict);
        Ok((verdict, wrong))
    }
}

impl Expected {
    fn wrong(&self, verdict: &Verdict) -> Vec<String> {
        let mut wrong = Vec::new();
        let expected = match (self.allows, self.kind) {
            (true, _) => "allow",
            (false, None) => "deny",
            (false, Some(kind)) => kind.text(),
        };
        if self.allows != verdict.allows() || self.kind.is_some_and(|kind| kind != verdict.kind) {
            wrong.push(format!("expected {expected}, got {}", verdict.kind.text()));
        }
        let missing =
            self.reasons.iter().filter(|id| !verdict.policies.iter().any(|policy| *policy.id == ***id));
        wrong.extend(missing.map(|id| format!("expected `{id}` among the policies that determined it")));
        if self.errors != verdict.errors.len() {
            wrong.push(format!("expected {} policies to fail, got {}", self.errors, verdict.errors.len()));
        }
        wrong
    }
}

impl Suites {
    /// Reads the tests of these files: YAML of ours, or JSON of Cedar's own `run-tests`. Where a file names no
    /// policies, they are the ones given, or else those of the app.
    ///
    /// # Errors
    /// Everything that is wrong with any file, and with any policy that one is about.
    pub fn read(
        tests: &[PathBuf],
        app: Option<&Path>,
        policies: &[PathBuf],
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut reading =
            Reading { app, policies, base: None, suites: Self { tests: Vec::new(), studies: Vec::new() } };
        let mut found = Vec::new();
        for path in tests {
            found.extend(reading.file(path).err().into_iter().flatten());
        }
        if found.is_empty() { Ok(reading.suites) } else { Err(found) }
    }

    /// The test files in and below a folder, in order; a file itself.
    ///
    /// # Errors
    /// It cannot be read, or there is none.
    pub fn find(path: &Path) -> Result<Vec<PathBuf>, Vec<Diagnostic>> {
        let is_test = |name: &str| name.ends_with("_test.yaml") || name.ends_with("_test.json");
        let found = files::find(path, is_test)?;
        if found.is_empty() {
            let message = format!("there is no test in `{}`", path.display());
            let error = Diagnostic::error("policy.no-tests", message);
            return Err(vec![error.help(
                "a file of tests ends in `_test.yaml` or `_test.json`, by habit in `policies/tests`",
            )]);
        }
        Ok(found)
    }

    /// Keeps the tests whose file or name holds this text; how many there are.
    pub fn keep(&mut self, text: &str) -> usize {
        self.tests.retain(|test| test.name.contains(text) || test.file.contains(text));
        self.tests.len()
    }

    /// The tests, by file, then in their order.
    pub fn tests(&self) -> &[Test] {
        &self.tests
    }

    /// Whether the policies that a test is about are an app's, and not files that were named.
    pub fn is_of_app(&self, test: &Test) -> bool {
        self.studies.get(test.study).is_some_and(|((files, _), _)| files.is_empty())
    }

    /// The policies that a test is about.
    pub fn study(&self, test: &Test) -> Option<&Study> {
        self.studies.get(test.study).map(|(_, study)| study)
    }
}

/// Files of tests being read.
struct Reading<'a> {
    app: Option<&'a Path>,
    policies: &'a [PathBuf],
    /// What files are about that name no policies, once one does.
    base: Option<Premises>,
    suites: Suites,
}

impl Reading<'_> {
    fn file(&mut self, path: &Path) -> Result<(), Vec<Diagnostic>> {
        let source = files::read(path)?;
        if path.extension().is_some_and(|extension| extension == "json") {
            let base = self.base(&source)?;
            let policies = self.policies.to_vec();
            for (number, mut test) in run_tests::read(&source, &base)?.into_iter().enumerate() {
                let premises = test.premises.take().unwrap_or_else(|| base.clone());
                let study = self.study(policies.clone(), &premises)?;
                self.suites.tests.push(test.finish(&source, number, study));
            }
            return Ok(());
        }
        let mut findings = Findings::default();
        let Some(document) = scan(&source, &mut findings) else { return findings.finish().map(drop) };
        if !check_file(&document, &[FILE, FIXTURES], &mut findings) {
            return findings.finish().map(drop);
        }
        let root = &document.root;
        let own: Vec<PathBuf> = texts(root, "policies").map(|written| files::beside(path, written)).collect();
        let mut premises = if own.is_empty() { self.base(&source)? } else { Premises::of_policies(&own)? };
        let folder = root.get("fixtures").and_then(Node::text);
        let folder = files::beside(path, folder.unwrap_or("testdata"));
        if root.get("fixtures").is_some() || folder.is_dir() {
            premises.add_fixtures(&fixtures::sources(&folder)?)?;
        }
        let held = fixtures::add(&[&document], &mut premises.facts, &mut findings);
        premises.hold(held);
        let study = self.study(if own.is_empty() { self.policies.to_vec() } else { own }, &premises)?;
        let mut suite = Suite {
            document: &document,
            premises: &premises,
            findings: &mut findings,
            seen: BTreeSet::new(),
        };
        let tests: Vec<Test> = root
            .get("tests")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .map(|node| suite.test(node, study))
            .collect();
        let cells: usize = tests.iter().map(|test| test.cells.len()).sum();
        if cells > TEST_CELLS_MAX {
            let message = format!(
                "the tests of `{}` have {cells} cells, at most {TEST_CELLS_MAX} allowed",
                source.path
            );
            findings.push(Diagnostic::error("policy.test", message));
        }
        findings.finish()?;
        self.suites.tests.extend(tests);
        Ok(())
    }

    /// What a file is about that names no policies.
    fn base(&mut self, source: &Arc<Source>) -> Result<Premises, Vec<Diagnostic>> {
        if let Some(base) = &self.base {
            return Ok(base.clone());
        }
        let base = match (self.policies, self.app) {
            ([], Some(app)) => Premises::of_app(app)?,
            ([], None) => {
                let message = "there is no app for these tests, and they name no policies";
                let span = Span { source: source.clone(), start: 0, end: 0 };
                let error = Diagnostic::error("policy.no-app", message).at(span);
                return Err(vec![
                    error.help("name the app with `--app DIR`, or policies with `--policies PATH`"),
                ]);
            }
            (policies, _) => Premises::of_policies(policies)?,
        };
        Ok(self.base.insert(base).clone())
    }

    /// The policies of these files, loaded once.
    fn study(&mut self, policies: Vec<PathBuf>, premises: &Premises) -> Result<usize, Vec<Diagnostic>> {
        let key = (policies, premises.facts.tenants().cloned().collect::<Vec<_>>());
        if let Some(known) = self.suites.studies.iter().position(|(known, _)| *known == key) {
            return Ok(known);
        }
        self.suites.studies.push((key, premises.study()?));
        Ok(self.suites.studies.len() - 1)
    }
}

/// One file, whose tests are read.
struct Suite<'a> {
    document: &'a Document,
    premises: &'a Premises,
    findings: &'a mut Findings,
    /// What was found, so that it is said once, though many cells have it.
    seen: BTreeSet<(usize, String)>,
}

impl Suite<'_> {
    fn test(&mut self, node: &Node, study: usize) -> Test {
        let name = node.get("name").and_then(Node::text).unwrap_or_default().to_owned();
        let span = self.document.span(node.place_of("name"));
        let actors = self.principals(node);
        let context = match node.get("context").map(json) {
            None | Some(Json::Null) => Map::new(),
            Some(Json::Object(context)) => context,
            Some(_) => {
                self.refuse(node, "context", "`context` must be keys with a value each".to_owned(), None);
                Map::new()
            }
        };
        let specs: Vec<_> =
            list(node, "actions").filter_map(|(path, action)| self.action(node, &path, action)).collect();
        self.fields(node, &specs, &context);
        let mut cells = Vec::new();
        let mut fitting: BTreeSet<String> = BTreeSet::new();
        for (principal, actor, scopes) in &actors {
            for spec in &specs {
                let declared =
                    |name: &String| name == "pid" || spec.context.iter().any(|field| field.name == name);
                let context = context.iter().filter(|(name, _)| declared(name));
                let context = context.map(|(name, value)| (name.clone(), value.clone())).collect();
                for (path, resource) in list(node, "resources") {
                    let facts = &self.premises.facts;
                    let posed =
                        Posed::new(facts, Assumed::Nothing, (actor, scopes), spec.action, resource, &context);
                    match posed {
                        Ok(posed) => {
                            fitting
                                .extend([format!("resource {resource}"), format!("action {}", spec.action)]);
                            let expected =
                                Expected { allows: false, kind: None, reasons: Vec::new(), errors: 0 };
                            let (principal, resource) = (principal.clone(), resource.to_owned());
                            cells.push(Cell { principal, action: spec.action, resource, expected, posed });
                        }
                        // Another type than the action's: no cell.
                        Err(InvalidCase::Question(InvalidQuestion::ResourceType { .. })) => {}
                        Err(error) => {
                            fitting
                                .extend([format!("resource {resource}"), format!("action {}", spec.action)]);
                            let place =
                                error.field().map_or(path.clone(), |field| format!("context.{field}"));
                            self.refuse(node, &place, error.to_string(), error.help().map(str::to_owned));
                        }
                    }
                }
            }
        }
        self.fit(node, &fitting, !actors.is_empty() && !specs.is_empty());
        self.expect(node, &mut cells);
        Test { file: self.document.source.path.clone(), name, span, cells, study }
    }

    fn principals(&mut self, node: &Node) -> Vec<(String, Arc<Actor>, ScopeSet)> {
        let root = &self.document.root;
        let mut actors = Vec::new();
        for (path, name) in list(node, "principals") {
            let actor = match self.premises.facts.actor(name) {
                Ok(actor) => actor,
                Err(unknown) => {
                    let help = "declare it under `principals` of a file of fixtures, or of this one";
                    self.refuse(node, &path, unknown.to_string(), Some(help.to_owned()));
                    continue;
                }
            };
            let of_test = node.get("scopes").map(|_| node);
            let of_file =
                root.get("scopes").filter(|scopes| matches!(scopes.content, Content::List(_))).map(|_| root);
            let scopes = match of_test.or(of_file) {
                Some(place) if !self.premises.facts.is_open() => {
                    self.premises.scopes(texts(place, "scopes")).map_err(|unknown| unknown.to_string())
                }
                Some(_) => Err("the policies are files on their own: there are no other scopes".to_owned()),
                None => self.premises.usual_scopes(name, &actor),
            };
            match scopes {
                Ok(scopes) => actors.push((name.to_owned(), actor, scopes)),
                Err(why) => {
                    let from = if of_test.is_none() && of_file.is_some() { root } else { node };
                    self.refuse(from, "scopes", why, None);
                }
            }
        }
        actors
    }

    fn action(&mut self, node: &Node, path: &str, action: &str) -> Option<&'static permission::Spec> {
        let found = permission::find(action);
        if found.is_none() {
            let error = InvalidQuestion::UnknownAction { action: action.to_owned() };
            self.refuse(node, path, error.to_string(), None);
        }
        found
    }

    /// A field is one of some action of the test.
    fn fields(&mut self, node: &Node, specs: &[&'static permission::Spec], context: &Map<String, Json>) {
        let known = || specs.iter().flat_map(|spec| spec.context).map(|field| field.name).chain(["pid"]);
        for name in context.keys().filter(|name| !known().any(|known| known == name.as_str())) {
            let near = did_you_mean(name, known()).map(|near| format!("did you mean `{near}`?"));
            let message = format!("no action of this test has a field `{name}`");
            self.refuse(node, &format!("context.{name}"), message, near);
        }
    }

    /// Each action and resource is in a cell.
    fn fit(&mut self, node: &Node, fitting: &BTreeSet<String>, asked: bool) {
        for key in ["actions", "resources"].into_iter().filter(|_| asked) {
            let word = key.trim_end_matches('s');
            for (path, text) in list(node, key).collect::<Vec<_>>() {
                if !fitting.contains(&format!("{word} {text}"))
                    && (key == "resources" || permission::find(text).is_some())
                {
                    let message = format!(
                        "`{text}` is in no cell: no {} of this test goes with it",
                        if word == "action" { "resource" } else { "action" }
                    );
                    self.refuse(node, &path, message, None);
                }
            }
        }
    }

    /// What must come of the cells.
    fn expect(&mut self, node: &Node, cells: &mut [Cell]) {
        let rows = node.get("allow").map(Node::items).unwrap_or_default();
        if let Some((_, allow)) = node.find("allow")
            && !matches!(allow.content, Content::List(_))
            && !allow.is_null()
        {
            self.refuse(
                node,
                "allow",
                "`allow` must be a list of `[principal, action, resource]`".to_owned(),
                None,
            );
        }
        let mut at: BTreeMap<(String, &str, String), usize> = BTreeMap::new();
        for (index, cell) in cells.iter().enumerate() {
            at.insert((cell.principal.clone(), cell.action, cell.resource.clone()), index);
        }
        for (index, row) in rows.iter().enumerate() {
            let words: Vec<&str> = row.items().iter().filter_map(Node::text).collect();
            let found = match words.as_slice() {
                [principal, action, resource] => {
                    at.get(&((*principal).to_owned(), action, (*resource).to_owned()))
                }
                _ => None,
            };
            match found.and_then(|index| cells.get_mut(*index)) {
                Some(cell) => cell.expected.allows = true,
                None => {
                    let message = format!("`{}` is no cell of this test", words.join(", "));
                    let help = "write `[principal, action, resource]`, each as the test lists it";
                    self.refuse(node, &format!("allow.{index}"), message, Some(help.to_owned()));
                }
            }
        }
        for (word, value) in keys(node, "kind") {
            // The vocabulary lets nothing else through.
            let kind = value.text().and_then(DecisionKind::from_text).unwrap_or(DecisionKind::DenyError);
            let mut denied = false;
            let named = self.named(node, "kind", word, cells, |cell| {
                if !cell.expected.allows {
                    denied = true;
                    cell.expected.kind = Some(kind);
                }
            });
            if named && !denied {
                let message = format!("`{word}` names only cells that are allowed: no denial has that kind");
                let help = "take it away, or take the cell from `allow`";
                self.refuse_entry(node, "kind", word, message, help);
            }
        }
        for (word, value) in keys(node, "reason") {
            let ids: Vec<String> = value.items().iter().filter_map(Node::text).map(str::to_owned).collect();
            self.named(node, "reason", word, cells, |cell| cell.expected.reasons.extend(ids.iter().cloned()));
        }
        if let Some(errors) = node.get("num_errors").and_then(Node::text).and_then(|text| text.parse().ok()) {
            cells.iter_mut().for_each(|cell| cell.expected.errors = errors);
        }
    }

    /// Does something to the cells of a principal, an action or a resource, or to one cell; whether there is any.
    fn named(
        &mut self,
        node: &Node,
        key: &str,
        word: &str,
        cells: &mut [Cell],
        mut change: impl FnMut(&mut Cell),
    ) -> bool {
        let mut found = false;
        for cell in cells.iter_mut() {
            let names = [&*cell.principal, cell.action, &*cell.resource];
            if names.contains(&word) || names.join(" ") == word {
                found = true;
                change(cell);
            }
        }
        if !found && !cells.is_empty() {
            let message = format!("`{word}` is in no cell of this test");
            let help =
                "name a principal, an action or a resource of it, or a cell: `principal action resource`";
            self.refuse_entry(node, key, word, message, help);
        }
        found
    }

    /// Refuses what stands under a word of `kind` or `reason`; the word may have dots in it.
    fn refuse_entry(&mut self, node: &Node, key: &str, word: &str, message: String, help: &str) {
        let entry = node.get(key).and_then(|entries| entries.find(word));
        let place = entry.map_or_else(|| node.place_of(key), |(word, _)| word.place);
        self.refuse_at(node, place, message, Some(help.to_owned()));
    }

    fn refuse(&mut self, node: &Node, path: &str, message: String, help: Option<String>) {
        self.refuse_at(node, node.place_of(path), message, help);
    }

    fn refuse_at(&mut self, node: &Node, place: Place, message: String, help: Option<String>) {
        if !self.seen.insert((place.start, message.clone())) {
            return;
        }
        let name = node.get("name").and_then(Node::text).unwrap_or_default();
        let error = Diagnostic::error("policy.test", message).at(self.document.span(place));
        let error = if name.is_empty() { error } else { error.about(name) };
        self.findings.push(Diagnostic { help, ..error });
    }
}

impl run_tests::RunTest {
    /// The test of one case.
    fn finish(self, source: &Arc<Source>, number: usize, study: usize) -> Test {
        let name = self.name.unwrap_or_else(|| format!("test {}", number + 1));
        let cell = Cell {
            principal: self.posed.actor.id().to_string(),
            action: self.posed.spec.action,
            resource: self.posed.subject.resource().text().to_owned(),
            expected: self.expected,
            posed: self.posed,
        };
        Test { file: source.path.clone(), name, span: self.span, cells: vec![cell], study }
    }
}

fn texts<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = &'a str> {
    node.get(key).map(Node::items).unwrap_or_default().iter().filter_map(Node::text)
}

/// The texts of a list, each with its path.
fn list<'a>(node: &'a Node, key: &'a str) -> impl Iterator<Item = (String, &'a str)> {
    texts(node, key).enumerate().map(move |(index, text)| (format!("{key}.{index}"), text))
}

fn keys<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a str, &'a Node)> {
    let keys = match node.get(key).map(|node| &node.content) {
        Some(Content::Keys(keys)) => keys.as_slice(),
        _ => &[],
    };
    keys.iter().map(|(word, value)| (word.text.as_str(), value))
}

/// Data as JSON has it. The scan bounds how deep it is.
fn json(node: &Node) -> Json {
    match &node.content {
        Content::List(items) => items.iter().map(json).collect(),
        Content::Keys(keys) => keys.iter().map(|(word, value)| (word.text.clone(), json(value))).collect(),
        Content::Scalar { .. } if node.is_null() => Json::Null,
        Content::Scalar { text, plain } => match (plain, text.as_str()) {
            (true, "true") => Json::Bool(true),
            (true, "false") => Json::Bool(false),
            (true, text) => text.parse::<i64>().map_or_else(|_| Json::from(text), Json::from),
            (false, text) => Json::from(text),
        },
    }
}
