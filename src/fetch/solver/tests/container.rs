//! A solver to the letter of its protocol (FlareSolverr 3.3,
//! `src/flaresolverr_service.py` and `src/sessions.py`), without a browser.

use crate::fetch::tests::support::{Server, answer, whole_request};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;

/// What a solver does with a `request.get` or `request.post`.
#[derive(Clone)]
pub(super) enum Solves {
    /// With this solution.
    With(Value),
    /// HTTP 500 and this message.
    Not(&'static str),
    /// As this says of the session's proxy.
    By(fn(&Value) -> Solves),
    /// These bytes, whatever was asked.
    Raw(Vec<u8>),
    /// Never.
    Never,
}

/// A solver.
pub(super) struct Container {
    pub(super) server: Server,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Every command, in order.
    heard: Mutex<Vec<Value>>,
    /// Sessions that are open, and the proxy of each.
    sessions: Mutex<Vec<(String, Value)>>,
}

impl Container {
    pub(super) async fn new(solves: Solves) -> Self {
        let state = Arc::new(State::default());
        let shared = state.clone();
        let server = Server::new(move |mut stream, _| {
            let (solves, state) = (solves.clone(), shared.clone());
            async move {
                while let Some((head, body)) = whole_request(&mut stream).await {
                    let Some(bytes) = speak(&head, &body, &solves, &state) else {
                        return std::future::pending().await;
                    };
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        Self { server, state }
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// A session that somebody opened before.
    pub(super) fn leave(&self, session: &str) {
        let mut sessions = self.state.sessions.lock().unwrap();
        sessions.push((session.to_owned(), Value::Null));
    }

    /// The sessions that are open.
    pub(super) fn sessions(&self) -> Vec<String> {
        let sessions = self.state.sessions.lock().unwrap();
        sessions.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Everything that was heard but for the first question for sessions.
    pub(super) fn heard(&self) -> Vec<Value> {
        let heard = self.state.heard.lock().unwrap();
        let mut rest = heard.iter();
        if heard
            .first()
            .is_some_and(|body| body["cmd"] == "sessions.list")
        {
            rest.next();
        }
        rest.cloned().collect()
    }

    /// The same, as `cmd` alone.
    pub(super) fn commands(&self) -> Vec<String> {
        let name = |body: &Value| body["cmd"].as_str().unwrap().to_owned();
        self.heard().iter().map(name).collect()
    }

    /// All that was heard with this command.
    pub(super) fn all(&self, name: &str) -> Vec<Value> {
        let mut heard = self.heard();
        heard.retain(|body| body["cmd"] == name);
        heard
    }

    pub(super) fn command(&self, name: &str) -> Value {
        self.all(name)[0].clone()
    }
}

fn speak(head: &str, body: &[u8], solves: &Solves, state: &State) -> Option<Vec<u8>> {
    let tell = |status: &str, body: Value| {
        let headers = "Content-Type: application/json\r\n";
        Some(answer(status, headers, body.to_string().as_bytes()))
    };
    let refuse = |message: &str| {
        let body = json!({"status": "error", "message": message, "version": "3.3.21",
                          "startTimestamp": 1, "endTimestamp": 2});
        tell("500 Internal Server Error", body)
    };
    if let Solves::Raw(bytes) = solves {
        return Some(bytes.clone());
    }
    match head.split(' ').nth(1).unwrap() {
        "/" => {
            return tell(
                "200 OK",
                json!({"msg": "FlareSolverr is ready!", "version": "3.3.21", "userAgent": "Chrome"}),
            );
        }
        "/health" => return tell("200 OK", json!({"status": "ok"})),
        "/v1" => {}
        _ => {
            return tell(
                "404 Not Found",
                json!({"error": "Not found", "status_code": 404}),
            );
        }
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    state.heard.lock().unwrap().push(body.clone());
    let mut sessions = state.sessions.lock().unwrap();
    let session = body["session"].as_str().unwrap_or_default().to_owned();
    let known = sessions.iter().position(|(name, _)| *name == session);
    let done = |message: &str, more: Value| {
        let mut body = json!({"status": "ok", "message": message, "version": "3.3.21",
                              "startTimestamp": 1, "endTimestamp": 2});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        tell("200 OK", body)
    };
    let cmd = body["cmd"].as_str().unwrap_or_default();
    match cmd {
        "sessions.create" if known.is_some() => {
            done("Session already exists.", json!({"session": session}))
        }
        "sessions.create" => {
            sessions.push((session.clone(), body["proxy"].clone()));
            done("Session created successfully.", json!({"session": session}))
        }
        "sessions.list" => {
            let names: Vec<&str> = sessions.iter().map(|(name, _)| name.as_str()).collect();
            done("", json!({"sessions": names}))
        }
        "sessions.destroy" => match known {
            Some(place) => {
                sessions.remove(place);
                done("The session has been removed.", json!({}))
            }
            None => refuse("Error: The session doesn't exist."),
        },
        "request.get" if !body["postData"].is_null() => {
            refuse("Error: Cannot use 'postBody' when sending a GET request.")
        }
        "request.post" if body["postData"].is_null() => {
            refuse("Error: Request parameter 'postData' is mandatory in 'request.post' command.")
        }
        "request.get" | "request.post" => {
            // One that is not known is opened, without a proxy.
            let place = known.unwrap_or_else(|| {
                sessions.push((session, Value::Null));
                sessions.len() - 1
            });
            let solves = match solves {
                Solves::By(choose) => choose(&sessions[place].1),
                other => other.clone(),
            };
            match solves {
                Solves::With(solution) => done("Challenge solved!", json!({"solution": solution})),
                Solves::Not(message) => refuse(message),
                Solves::By(_) | Solves::Raw(_) | Solves::Never => None,
            }
        }
        "" => refuse("Error: Request parameter 'cmd' is mandatory."),
        other => refuse(&format!(
            "Error: Request parameter 'cmd' = '{other}' is invalid."
        )),
    }
}
