use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use tokio::sync::oneshot;
use yinxin::{
    clock::{ManualClock, SharedClock},
    config::Config,
    server::{self, Services},
};

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub exchange: SocketAddr,
    pub portal: SocketAddr,
    pub monitoring: SocketAddr,
}

/// A node in a thread of this process, wired as `yinxin serve` wires it, with a clock that a test moves.
pub struct Node {
    pub addresses: Addresses,
    pub services: Services,
    pub clock: Arc<ManualClock>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Node {
    /// Starts a node of this configuration; its clock begins now.
    pub fn start(config: &Config) -> Self {
        let clock = ManualClock::at(jiff::Timestamp::now());
        let shared: SharedClock = clock.clone();
        let config = config.clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, start) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let node = server::start(&config, shared).await.unwrap();
                let addresses = Addresses {
                    exchange: node.exchange,
                    portal: node.portal,
                    monitoring: node.monitoring,
                };
                started.send((addresses, node.services().clone())).unwrap();
                let _ = stopped.await;
                node.stop().await;
            });
        });
        let (addresses, services) = start.recv().expect("the node starts");
        Self {
            addresses,
            services,
            clock,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Begins an orderly stop without waiting for it.
    pub fn begin_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Stops in order and waits until it is done.
    pub fn stop(mut self) {
        self.stop_and_wait();
    }

    /// Likewise, of a node that others still hold.
    pub fn stop_and_wait(&mut self) {
        self.begin_stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the node panicked");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop_and_wait();
    }
}

/// A node as a process of its own: what `yinxin serve` is.
pub struct NodeProcess {
    pub addresses: Addresses,
    child: Child,
}

impl NodeProcess {
    /// Starts `yinxin serve` and waits until it says that it is ready.
    pub fn start(config: &Path) -> Self {
        Self::start_with_log(config, Stdio::inherit())
    }

    /// Likewise; its log, which is its standard error, goes there.
    pub fn start_with_log(config: &Path, log: Stdio) -> Self {
        Self::start_in(config, log, &[])
    }

    /// Likewise, with more in its environment.
    pub fn start_in(config: &Path, log: Stdio, environment: &[(String, String)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_yinxin"))
            .arg("serve")
            .arg("--config")
            .arg(config)
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut found = Vec::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "ready" {
                break;
            }
            found.extend(
                line.split_once("://")
                    .map(|(_, address)| address.parse::<SocketAddr>().unwrap()),
            );
        }
        let [exchange, portal, monitoring] = found[..] else {
            panic!("`yinxin serve` ended or said {found:?}");
        };
        Self {
            addresses: Addresses {
                exchange,
                portal,
                monitoring,
            },
            child,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: it gets no chance to finish anything.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, which asks for an orderly stop.
    pub fn terminate(&self) {
        let status = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(status.success());
    }

    pub fn wait(&mut self) -> std::process::ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for NodeProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
