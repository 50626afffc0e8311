//! What alerts do outside crawldeck: a webhook, a command.

use crate::bus::{AlertAction, Level};
use crate::monitor::{Alert, AlertChanges, Snapshot, line};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// Longest wait for a webhook's answer.
const POST: Duration = Duration::from_secs(10);
/// Longest run of a command.
const RUN: Duration = Duration::from_secs(30);
/// Webhooks and commands at work at the same time.
const AT_ONCE: usize = 32;
/// How long the end of a run waits for them.
const PATIENCE: Duration = Duration::from_secs(3);

/// Does what the alerts that begin ask for, until no more pictures come. A
/// failure is logged, without the address or the arguments, which may hold
/// secrets; nothing is tried again.
pub async fn run(mut snapshots: watch::Receiver<Arc<Snapshot>>) {
    let mut changes = AlertChanges::default();
    let mut work = JoinSet::new();
    let mut commands: Vec<(Arc<AlertAction>, AbortHandle)> = Vec::new();
    let mut client: Option<reqwest::Client> = None;
    while snapshots.changed().await.is_ok() {
        let snapshot = snapshots.borrow_and_update().clone();
        let (began, _) = changes.update(&snapshot);
        while work.try_join_next().is_some() {}
        commands.retain(|(_, task)| !task.is_finished());
        for alert in began {
            let Some(action) = alert.action.clone() else {
                continue;
            };
            if work.len() + 2 > AT_ONCE {
                tracing::warn!("alert: too many webhooks and commands at work; one is left out");
                continue;
            }
            if let Some(url) = &action.webhook {
                if client.is_none() {
                    client = build();
                }
                if let Some(client) = &client {
                    let body = line::alert_json(&snapshot, &alert, true).to_string();
                    work.spawn(post(client.clone(), url.clone(), body));
                }
            }
            if action.command.is_empty() {
                continue;
            }
            if commands
                .iter()
                .any(|(known, _)| Arc::ptr_eq(known, &action))
            {
                tracing::warn!("alert: its last command is still at work; it is not run again");
                continue;
            }
            if let Some(command) = prepare(&action.command, &snapshot, &alert) {
                commands.push((action.clone(), work.spawn(execute(command))));
            }
        }
    }
    let all = async { while work.join_next().await.is_some() {} };
    // What is not done by then is dropped, and a command's process ended.
    let _ = timeout(PATIENCE, all).await;
}

fn build() -> Option<reqwest::Client> {
    // Fails where one is installed already, which will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .timeout(POST)
        .user_agent(concat!("crawldeck/", env!("CARGO_PKG_VERSION")))
        .build()
        .inspect_err(|error| tracing::warn!(%error, "alert: no webhook can be called"))
        .ok()
}

async fn post(client: reqwest::Client, url: String, body: String) {
    let sent = client
        .post(url)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await;
    match sent.and_then(reqwest::Response::error_for_status) {
        Ok(_) => tracing::info!("alert: the webhook was called"),
        Err(error) => {
            let error = error.without_url();
            tracing::warn!("alert: the webhook failed: {error}");
        }
    }
}

fn prepare(words: &[String], snapshot: &Snapshot, alert: &Alert) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let site = alert
        .site
        .and_then(|site| snapshot.sites.get(site.index()))
        .map_or("", |site| &*site.name);
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("CRAWLDECK_ALERT_SITE", site)
        .env("CRAWLDECK_ALERT_TEXT", &*alert.text)
        .env(
            "CRAWLDECK_ALERT_LEVEL",
            match alert.level {
                Level::Info => "info",
                Level::Warn => "warn",
                Level::Error => "error",
            },
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Some(command)
}

async fn execute(mut command: Command) {
    match timeout(RUN, command.status()).await {
        Ok(Ok(status)) if status.success() => tracing::info!("alert: the command was run"),
        Ok(Ok(status)) => tracing::warn!("alert: the command failed: {status}"),
        Ok(Err(error)) => tracing::warn!("alert: the command cannot be run: {error}"),
        Err(_) => tracing::warn!("alert: the command took longer than {RUN:?} and was ended"),
    }
}
