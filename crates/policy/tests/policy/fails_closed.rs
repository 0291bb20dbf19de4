//! When something fails, nothing is allowed.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit::{Disk, LocalDisk, SegmentFile};
use policy::{Actor, Caller, DenialKind, Gate, ProcessHost, Refusal, Resource};
use value::{Failure, Kind};

use crate::world::{PERMIT_ALL, World, actor, allowed, denial, host, kept, scopes, sources, tenant};

#[test]
fn a_policy_that_fails_denies_what_cedar_alone_would_allow() {
    // Strict validation does not find an overflow. A guard with one is refused; a permit denies when it comes to it.
    let overflow = "@id(\"test.overflow\") permit (principal, action, resource) \
                    when { principal has authTime && principal.authTime + 1 < 0 };";
    let world = World::permitting(&format!("{PERMIT_ALL}\n{overflow}"));
    let held = scopes();
    let request = || ProcessHost { host: host() };
    let early = Actor::parse("acme/user/bob").unwrap().with_auth_time(0);
    allowed(&world.gate, &Caller::outside(&Arc::new(early.clone()), &held), request());
    let latest = Arc::new(early.with_auth_time(i64::MAX));
    let caller = Caller::outside(&latest, &held);
    let denial = denial(world.gate.operation().check(&caller, request()));
    assert_eq!(denial.kind, DenialKind::Error);
    let records = world.decisions();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["decision_kind"], "deny_error");
    assert!(records[0]["errors"][0].as_str().unwrap().contains("test.overflow"), "{}", records[0]["errors"]);
    assert_eq!(world.gate.can(&caller, "process.host", Resource::Host(&host()), &[]), Ok(false));
}

/// A disk that takes no more bytes once it is full.
struct Filling(Arc<AtomicBool>);

struct FillingFile(Box<dyn SegmentFile>, Arc<AtomicBool>);

impl Filling {
    fn file(&self, opened: io::Result<Box<dyn SegmentFile>>) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(FillingFile(opened?, self.0.clone())))
    }
}

impl Disk for Filling {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.file(LocalDisk.create(path))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        self.file(LocalDisk.append(path))
    }

    fn cut(&self, path: &Path, bytes: u64) -> io::Result<()> {
        LocalDisk.cut(path, bytes)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn allocate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        LocalDisk.allocate(path, bytes)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.make_folder(path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove_folder(path)
    }
}

impl SegmentFile for FillingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.1.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn in_place(&self) -> io::Result<bool> {
        self.0.in_place()
    }

    fn bytes(&self) -> io::Result<u64> {
        self.0.bytes()
    }
}

#[test]
fn while_the_log_cannot_be_written_every_check_is_unavailable_whatever_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(false));
    let options = audit::Options {
        disk: Arc::new(Filling(full.clone())),
        ..audit::Options::new(folder.path().join("log"))
    };
    let log = audit::Log::open(options).unwrap();
    let gate = Gate::new(kept(sources(PERMIT_ALL), &log), log.clone(), None);
    let (bob, held) = (actor("acme/user/bob"), scopes());
    let caller = Caller::outside(&bob, &held);
    let permitted = ProcessHost { host: host() };
    let denied = crate::permissions::spawn(&tenant("beta"));
    allowed(&gate, &caller, permitted.clone());
    log.sync().unwrap();

    full.store(true, Ordering::SeqCst);
    // The first denial is still accepted: the log finds out when it writes it.
    assert!(matches!(gate.operation().check(&caller, denied.clone()), Err(Refusal::Denied(_))));
    log.sync().unwrap_err();
    for refusal in [
        gate.operation().check(&caller, permitted.clone()).unwrap_err(),
        gate.operation().check(&caller, denied).unwrap_err(),
    ] {
        assert_eq!(refusal, Refusal::Unavailable);
        let failure = Failure::from(refusal);
        assert_eq!((failure.kind, failure.retryable), (Kind::Unavailable, Some(true)));
        assert_eq!(failure.message, "permission checks are unavailable: the audit log cannot be written");
    }
    assert_eq!(gate.can(&caller, "process.host", Resource::Host(&host()), &[]), Ok(false));

    full.store(false, Ordering::SeqCst);
    while !log.writable() {
        std::thread::yield_now();
    }
    allowed(&gate, &caller, permitted);
}
