//! A permit made outside the gate.

use policy::{Permit, ProcessHost};

fn forge(request: ProcessHost) -> Permit<ProcessHost> {
    Permit { request }
}

fn main() {
    let _ = forge;
}
