//! crawldeck: a terminal crawl monitor on an async crawl engine.
//!
//! ```text
//! sites.yaml ─ config ─▶ engine ──Event──▶ monitor ──Snapshot──▶ tui, headless
//!                         ▲  (bounded mpsc)         (watch)
//!                         └────────────Command, Query──────────────┘
//! ```
//!
//! Rooms import only downwards: `cli` → `tui`, `remote`, `metrics`, `record` →
//! `engine`, `monitor` → `discover`, `fetch`, `extract`, `store` → `config`,
//! `bus`, `page`.

pub mod archive;
pub mod bus;
pub mod cli;
pub mod config;
pub mod demo;
pub mod discover;
pub mod engine;
pub mod extract;
pub mod fetch;
pub mod metrics;
pub mod monitor;
pub mod page;
pub mod record;
pub mod remote;
pub mod rework;
pub mod store;
pub mod tui;
