//! `crawldeck ctl`: one command to a running crawl, in words.

use super::{BAD_INPUT, complain, deck, jobs};
use crate::bus::{Answer, Origin, verb};
use crate::monitor::line::clean;
use crate::remote::RemoteError;
use crate::store::folder;
use clap::Args;
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The command was understood and refused.
const REFUSED: u8 = 1;

/// Arguments of `crawldeck ctl`.
#[derive(Debug, Args)]
pub struct CtlArgs {
    /// The job's folder, where there is more than one crawl, and the command;
    /// without any, or with `help`, lists all commands
    #[arg(value_name = "[DIR] COMMAND")]
    words: Vec<String>,
    /// The answer as a JSON object, for scripts
    #[arg(long)]
    json: bool,
}

/// Runs it.
///
/// # Errors
/// Where there is no such job, or nobody answers.
pub fn run(args: &CtlArgs) -> anyhow::Result<ExitCode> {
    let (dir, words) = match parts(&args.words) {
        Ok(parts) => parts,
        Err(message) => return Ok(bad(&message)),
    };
    if words.is_empty() || words == ["help"] {
        print(&help());
        return Ok(ExitCode::SUCCESS);
    }
    let dir = match dir {
        Some(dir) => dir,
        None => jobs::find(None)?,
    };
    deck::runtime()?.block_on(async {
        let mut link = jobs::connect(&dir, Origin::Ctl).await?;
        let command = match verb::read(words, &link.welcome().sites) {
            Ok(command) => command,
            Err(error) => return Ok(bad(&error.to_string())),
        };
        let line = verb::words(&command, &link.welcome().sites);
        let answer = match link.command(command).await {
            Ok(answer) => answer,
            // It was understood, and nothing came of it.
            Err(RemoteError::Refused(reason)) => Answer::Refused(reason),
            Err(error) => return Err(error.into()),
        };
        Ok(tell(&line, &answer, args.json))
    })
}

/// The job that is named, if one is, and the command's words.
fn parts(words: &[String]) -> Result<(Option<PathBuf>, &[String]), String> {
    let Some((first, rest)) = words.split_first() else {
        return Ok((None, words));
    };
    if first == "help" || verb::find(first).is_some() {
        return Ok((None, words));
    }
    match folder::find(Some(Path::new(first))) {
        Ok(dir) => Ok((Some(dir), rest)),
        // What looks like a path is one.
        Err(error) if first.contains(['/', '.']) => Err(error.to_string()),
        Err(_) => match verb::read::<_, &str>(words, &[]) {
            Err(error) => Err(format!("{error}; nor is there a job's folder {first}")),
            Ok(_) => Ok((None, words)),
        },
    }
}

/// Every command with its arguments and what it does.
fn help() -> String {
    let mut text = String::from("crawldeck ctl [DIR] COMMAND, where COMMAND is one of\n\n");
    for verb in verb::VERBS {
        text.push_str(&format!("  {}\n        {}\n", verb.usage(), verb.help));
    }
    text
}

fn tell(line: &str, answer: &Answer, json: bool) -> ExitCode {
    let done = matches!(answer, Answer::Done(_));
    if json {
        let object = json!({ "command": line, "done": done, "answer": answer.text() });
        print(&format!("{object}\n"));
    } else if done {
        print(&format!("{}\n", clean(answer.text())));
    } else {
        complain(format_args!("{}", clean(answer.text())));
    }
    ExitCode::from(if done { 0 } else { REFUSED })
}

fn bad(message: &str) -> ExitCode {
    complain(format_args!("{}", clean(message)));
    ExitCode::from(BAD_INPUT)
}

fn print(text: &str) {
    // A reader that has seen enough and gone is no fault.
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_first_word_is_a_job_or_a_command() {
        let dir = tempfile::tempdir().unwrap();
        let job = dir.path().to_string_lossy().into_owned();
        let words = split(&format!("{job} pause all"));
        let (found, command) = parts(&words).unwrap();
        assert_eq!(found.as_deref(), Some(dir.path()));
        assert_eq!(command, ["pause", "all"]);
        for line in ["pause all", "help", "stop"] {
            let words = split(line);
            assert_eq!(parts(&words).unwrap(), (None, &words[..]));
        }
        for (line, said) in [
            ("pauze all", "do you mean `pause`?"),
            ("books.crawl pause all", "no such folder"),
            ("nowhere", "nor is there a job's folder nowhere"),
        ] {
            let error = parts(&split(line)).unwrap_err();
            assert!(error.contains(said), "{line}: {error}");
        }
    }

    #[test]
    fn help_lists_every_command() {
        let help = help();
        for verb in verb::VERBS {
            assert!(help.contains(&format!("  {}", verb.usage())), "{help}");
        }
    }
}
