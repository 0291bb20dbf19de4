//! Tests of the whole product, through the outside: Lua scripts, the command line's text, record lines.

mod limits;
mod lua_api;
mod permissions;
mod process_module;
mod scripts;
mod support;
