//! The command line of Yinxin.

use std::process::ExitCode;

fn main() -> ExitCode {
    yinxin::cli::run()
}
