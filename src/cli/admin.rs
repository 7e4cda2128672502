//! `yinxin admin`: departments, systems, credentials, resources, grants and accounts of a node. A node that is running
//! notices a change within 0.2 s.

mod apply;
mod check;
pub mod credential;
mod folder;
mod password;
mod plan;

use std::{
    fmt,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Subcommand};

pub use self::apply::{Done, Summary};
use self::{
    apply::Administrator,
    folder::{AccountFile, Fault, Folder},
    plan::{Known, Plan, PlannedAccount},
};
use super::CommandError;
use crate::{
    audit::Entry,
    clock::SystemClock,
    config::Config,
    department::Role,
    ids::{DepartmentId, GrantId, OperatorId, SpkiThumbprint, SystemId},
    server::Services,
};

#[derive(Args)]
pub struct Arguments {
    /// The node's configuration
    #[arg(long, value_name = "FILE", default_value = "node.toml", global = true)]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Set up departments, systems, resources, items, grants and accounts from a folder (see config/demo)
    Import {
        dir: PathBuf,
        /// Set the passwords of accounts that are there already
        #[arg(long)]
        reset_passwords: bool,
    },
    /// Client certificates of systems
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// Accounts of the portal
    #[command(subcommand)]
    Account(AccountCommand),
    /// Grants
    #[command(subcommand)]
    Grant(GrantCommand),
}

#[derive(Subcommand)]
enum CredentialCommand {
    /// Bind a client certificate to a system
    Add {
        #[arg(long)]
        system: SystemId,
        /// PEM
        #[arg(long, value_name = "FILE")]
        cert: PathBuf,
    },
    /// Revoke one: at once, on open connections too
    Revoke {
        /// SHA-256 of its SubjectPublicKeyInfo, 64 hexadecimal digits
        #[arg(required_unless_present = "cert", value_parser = SpkiThumbprint::parse)]
        thumbprint: Option<SpkiThumbprint>,
        /// PEM
        #[arg(long, value_name = "FILE", conflicts_with = "thumbprint")]
        cert: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Open an account, or set its role and password
    Add {
        /// A staff number, not a name
        #[arg(long)]
        id: OperatorId,
        /// clerk, notary, auditor, publisher, approver or admin
        #[arg(long, value_parser = parse_role)]
        role: Role,
        #[arg(long)]
        department: Option<DepartmentId>,
        /// A file that holds the password; without one it is asked for
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Disable an account: its sessions end with their next request
    Disable { id: OperatorId },
}

#[derive(Subcommand)]
enum GrantCommand {
    /// List grants, as JSON lines
    List,
    /// Withdraw one: at once
    Withdraw { id: GrantId },
}

/// Why an import does not begin: everything that is wrong, a line each.
#[derive(Debug)]
pub struct Faults(Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nothing was changed:")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let config = Config::load(&arguments.config)?;
    actix_web::rt::System::new().block_on(async {
        let services = Services::open(&config, Arc::new(SystemClock)).await?;
        let done = arguments.command.run(&services).await;
        services.close().await;
        done
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Reads a folder, looks at everything in it, then writes what differs from what is there.
pub async fn import(dir: &Path, services: &Services, reset_passwords: bool) -> Result<Summary, CommandError> {
    let folder = Folder::read(dir).map_err(Faults)?;
    let known = Known::of(services);
    let mut plan = Plan::make(folder, known, services.clock.now()).map_err(Faults)?;
    plan.prepare_rows(&services.datasets).await.map_err(Faults)?;
    Administrator::new(services)?.apply(plan, reset_passwords).await
}

impl Command {
    async fn run(self, services: &Services) -> Result<(), CommandError> {
        match self {
            Self::Import { dir, reset_passwords } => {
                let summary = import(&dir, services, reset_passwords).await?;
                for (name, done) in &summary.0 {
                    match done {
                        Done::Added => println!("added      {name}"),
                        Done::Changed => println!("changed    {name}"),
                        Done::LeftOut => println!("left out   {name}: revoked, withdrawn or disabled before"),
                        Done::Unchanged => {}
                    }
                }
                println!("unchanged  {}", summary.count(Done::Unchanged));
                Ok(())
            }
            Self::Credential(command) => command.run(services).await,
            Self::Account(command) => command.run(services).await,
            Self::Grant(command) => command.run(services).await,
        }
    }
}

impl CredentialCommand {
    async fn run(self, services: &Services) -> Result<(), CommandError> {
        let administrator = Administrator::new(services)?;
        match self {
            Self::Add { system, cert } => {
                let credential = credential::read(&cert, &system)?;
                let done = administrator.credential(&credential).await?;
                println!("{}", credential.thumbprint);
                match done {
                    Done::LeftOut => Err("this certificate was revoked and stays so: make one with a new key".into()),
                    _ => Ok(()),
                }
            }
            Self::Revoke { thumbprint, cert } => {
                let thumbprint = match (thumbprint, cert) {
                    (Some(thumbprint), _) => thumbprint,
                    (None, Some(cert)) => credential::thumbprint(&cert)?,
                    (None, None) => return Err("name a thumbprint or a certificate".into()),
                };
                let entry = Entry {
                    digest: Some(thumbprint.to_string()),
                    ..administrator.entry()
                };
                administrator.record(entry).await?;
                services.directory.revoke(&thumbprint).await?;
                println!("revoked {thumbprint}");
                Ok(())
            }
        }
    }
}

impl AccountCommand {
    async fn run(self, services: &Services) -> Result<(), CommandError> {
        let administrator = Administrator::new(services)?;
        match self {
            Self::Add {
                id,
                role,
                department,
                password_file,
            } => {
                if let Some(department) = &department {
                    services
                        .directory
                        .department(department)
                        .ok_or_else(|| format!("no department has the id `{department}`"))?;
                }
                let password = password_file.as_deref().map(password::read).transpose()?;
                let account = AccountFile {
                    id,
                    department,
                    role,
                    password_file: None,
                };
                administrator
                    .account(PlannedAccount { account, password }, true)
                    .await?;
                Ok(())
            }
            Self::Disable { id } => {
                let entry = Entry {
                    account: Some(id.clone()),
                    ..administrator.entry()
                };
                administrator.record(entry).await?;
                match services.accounts.disable(&id).await? {
                    true => Ok(()),
                    false => Err(format!("no account has the id `{id}`").into()),
                }
            }
        }
    }
}

impl GrantCommand {
    async fn run(self, services: &Services) -> Result<(), CommandError> {
        let administrator = Administrator::new(services)?;
        let snapshot = services.catalogue.snapshot();
        match self {
            Self::List => {
                let mut grants: Vec<_> = snapshot.grants.values().collect();
                grants.sort_by(|a, b| a.id.cmp(&b.id));
                for grant in grants {
                    println!("{}", serde_json::to_string(&**grant)?);
                }
            }
            Self::Withdraw { id } => {
                let grant = snapshot
                    .grants
                    .get(&id)
                    .ok_or_else(|| format!("no grant has the id `{id}`"))?;
                let resource = snapshot
                    .resources
                    .get(&grant.resource)
                    .ok_or_else(|| format!("no resource has the code `{}`", grant.resource))?;
                let entry = Entry {
                    department: Some(grant.grantee.clone()),
                    resource: Some(grant.resource.clone()),
                    grants: vec![id.clone()],
                    ..administrator.entry()
                };
                administrator.record(entry).await?;
                services.catalogue.withdraw_grant(&resource.provider, &id).await?;
                println!("withdrawn {id}");
            }
        }
        Ok(())
    }
}

fn parse_role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| format!("one of {}", Role::ALL.map(Role::as_str).join(", ")))
}
