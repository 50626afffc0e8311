//! The `crawldeck` program; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    crawldeck::cli::main()
}
