//! Apps in temporary folders, loaded, started, called, kept and reloaded.

mod calling;
mod loading;
mod reloading;
mod serving;
mod support;
mod watching;
