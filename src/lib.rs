//! crawldeck: a terminal crawl monitor on an async crawl engine.
//!
//! ```text
//! sites.yaml ─ config ─▶ engine ──Event──▶ monitor ──Snapshot──▶ tui, headless
//!                         ▲  (bounded mpsc)         (watch)
//!                         └────────────Command, Query──────────────┘
//! ```
//!
//! Rooms import only downwards: `cli` → `tui` → `engine`, `monitor` →
//! `discover`, `fetch`, `extract`, `store` → `config`, `bus`, `page`.

pub mod archive;
pub mod bus;
pub mod cli;
pub mod config;
pub mod demo;
pub mod discover;
pub mod engine;
pub mod extract;
pub mod fetch;
pub mod monitor;
pub mod page;
pub mod replay;
pub mod store;
pub mod tui;
