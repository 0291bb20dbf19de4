//! What the crate promises, from the outside: each check through a gate with a real log.

mod asking;
mod closed;
mod decided_again;
mod fails_closed;
mod forged;
mod guard;
mod loading;
mod permissions;
mod random;
mod rendered;
mod world;
