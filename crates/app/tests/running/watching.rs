//! A folder that is followed while services run.

use std::os::unix::fs::symlink;

use app::{Reload, ServeOptions, ServiceState, StartedBy};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use value::Value;

use crate::support::{Folder, call, load, records, rendered};

const ENTRIES: &str = "  - {name: parked, kind: process.service, process: waits, lifecycle: {auto_start: true, stop_timeout: 20ms}}
  - {name: waits, kind: process.lua, source: 'return function() process.inbox():receive() end'}
  - {name: one, kind: process.lua, source: file://one.lua}
";

fn followed() -> (ServeOptions, UnboundedReceiver<Reload>) {
    let (reloads, told) = unbounded_channel();
    let on_reload = Box::new(move |reload: &Reload| reloads.send(reload.clone()).unwrap());
    (ServeOptions { watch: true, on_reload: Some(on_reload) }, told)
}

async fn applied(told: &mut UnboundedReceiver<Reload>) {
    match told.recv().await.unwrap() {
        Reload::Applied(_) => {}
        Reload::Refused(found) => panic!("{}", rendered(&found)),
        Reload::Restored => panic!("it is what runs"),
    }
}

async fn refused(told: &mut UnboundedReceiver<Reload>) -> String {
    match told.recv().await.unwrap() {
        Reload::Refused(found) => rendered(&found),
        Reload::Applied(_) | Reload::Restored => panic!("it is not refused"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_changed_file_is_loaded_and_a_broken_one_changes_nothing() {
    let folder = Folder::new(ENTRIES, &[("one.lua", "return function() return 1 end")]);
    let mut running = folder.start();
    let (options, mut told) = followed();
    let gate = running.gate().clone();
    let steps = async {
        folder.write("one.lua", "return function() return 2 end");
        applied(&mut told).await;
        assert_eq!(gate.generation(), 2);

        folder.write("one.lua", "return function(");
        assert!(refused(&mut told).await.contains("one.lua:1:1"));
        folder.write("all.cedar", "permit");
        // What was refused is not refused again, and what is written as it was is no change.
        let both = refused(&mut told).await;
        assert!(both.contains("one.lua:1:1") && both.contains("all.cedar"), "{both}");
        folder.write("one.lua", "return function() return 3 end");
        assert!(!refused(&mut told).await.contains("one.lua"));
        assert_eq!(gate.generation(), 2);

        folder.write("all.cedar", crate::support::PERMIT_ALL);
        applied(&mut told).await;

        folder.write("all.cedar", "permit");
        refused(&mut told).await;
        folder.write("all.cedar", crate::support::PERMIT_ALL);
        assert_eq!(told.recv().await, Some(Reload::Restored));
        assert_eq!(gate.generation(), 3);
    };
    running.serve(options, steps).await;
    assert_eq!(call(&running, "app:one"), Ok(Value::Number(3.0)));
    assert_eq!(records(&running, "policy_refused").len(), 4);
    assert_eq!(running.services().borrow()[0].state, ServiceState::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_turned_to_another_folder_is_followed() {
    let old = Folder::new(ENTRIES, &[("one.lua", "return function() return 1 end")]);
    let new = Folder::new(ENTRIES, &[("one.lua", "return function() return 2 end")]);
    let place = tempfile::tempdir().unwrap();
    let (current, next) = (place.path().join("current"), place.path().join("next"));
    symlink(old.path(), &current).unwrap();
    let app = load(&current);
    let log = audit::Log::open(app.log_options(Some(&old.log_path()))).unwrap();
    let mut running = app.start(log, &StartedBy::Host).unwrap();
    let (options, mut told) = followed();
    let steps = async {
        symlink(new.path(), &next).unwrap();
        std::fs::rename(&next, &current).unwrap();
        applied(&mut told).await;
        // The new folder is watched from here on.
        new.write("one.lua", "return function() return 3 end");
        applied(&mut told).await;
    };
    running.serve(options, steps).await;
    assert_eq!(call(&running, "app:one"), Ok(Value::Number(3.0)));
}
