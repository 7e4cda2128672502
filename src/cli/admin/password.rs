//! Passwords from the terminal, which does not show them.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::{Command, Stdio},
};

use zeroize::Zeroizing;

use crate::ids::OperatorId;

/// Asks for the password of an account; from a pipe, takes its next line.
pub fn ask(account: &OperatorId) -> io::Result<Zeroizing<String>> {
    let stdin = io::stdin();
    let is_terminal = stdin.is_terminal();
    if is_terminal {
        eprint!("password of `{account}`: ");
        io::stderr().flush()?;
    }
    let hidden = is_terminal && echo(false);
    let mut line = Zeroizing::new(String::new());
    let read = stdin.lock().read_line(&mut line);
    if hidden {
        echo(true);
        eprintln!();
    }
    read?;
    Ok(Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Reads a file that holds a password and nothing else.
pub fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let text = Zeroizing::new(fs::read_to_string(path)?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn echo(on: bool) -> bool {
    Command::new("stty")
        .arg(if on { "echo" } else { "-echo" })
        .stdin(Stdio::inherit())
        .status()
        .is_ok_and(|status| status.success())
}
