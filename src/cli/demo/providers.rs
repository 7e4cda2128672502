//! The departments' own services, as processes of their own. They end with this one, however it ends: their standard
//! input is a pipe of ours.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use super::{
    county,
    setup::{Place, Ports},
};
use crate::cli::CommandError;

/// Processes that are killed when this is dropped.
#[derive(Default)]
pub struct Providers {
    children: Vec<Child>,
}

impl Drop for Providers {
    fn drop(&mut self) {
        for child in &mut self.children {
            // One that has ended already cannot be killed, and need not be.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Says which port of the demo somebody else has.
pub fn check_ports(ports: Ports) -> Result<(), CommandError> {
    for port in ports.all() {
        if let Err(error) = TcpListener::bind(("127.0.0.1", port)) {
            return Err(format!(
                "port {port} cannot be had ({error}): name another range of five, such as --port-base {}",
                if port < 19_000 { 19_443 } else { 29_443 }
            )
            .into());
        }
    }
    Ok(())
}

/// Starts every service of the county; they listen when this returns.
pub fn start(place: &Place) -> Result<Providers, CommandError> {
    let program = std::env::current_exe()?;
    let mut providers = Providers::default();
    for ((name, ..), port) in county::SERVICES.iter().zip(place.ports.services) {
        let mut child = Command::new(&program)
            .arg("demo-provider")
            .arg("--until-stdin-ends")
            .args(["--port", &port.to_string(), "--workers", "1"])
            .arg("--data")
            .arg(place.dir.join(format!("providers/{name}.csv")))
            .arg("--certificate")
            .arg(place.pki("provider.pem"))
            .arg("--key")
            .arg(place.pki("provider.key"))
            .arg("--client-root")
            .arg(place.pki("root.pem"))
            .arg("--client")
            .arg(place.pki("node-client.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("a provider has no output")?;
        providers.children.push(child);
        let mut line = String::new();
        if BufReader::new(output).read_line(&mut line)? == 0 {
            return Err(format!("the provider `{name}` does not start").into());
        }
    }
    Ok(providers)
}
