//! The audit log reviewed: found, counted, told and handed on, by people and their tools.
//!
//! Works from the log's files alone. The index beside them is made from them, can be thrown away at any time, and never decides
//! what is true. Knows no policy engine: what a filter means, whoever hands it in knows.
