//! The keys that departments seal with, as the configuration names them.

use std::{collections::HashMap, path::Path, sync::Arc};

use super::StartError;
use crate::{
    certificate::{ElectronicSeal, ElectronicSealError},
    config::{self, Config, PasswordError, PasswordSource},
    ids::DepartmentId,
    keys::{Identity, KeyError, Modules, load_chain},
};

/// Why a seal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Electronic(#[from] ElectronicSealError),
}

/// The seals of the departments that issue.
pub fn seals(config: &Config) -> Result<HashMap<DepartmentId, Arc<Identity>>, StartError> {
    let mut modules = Modules::default();
    config
        .certificates
        .seals
        .iter()
        .map(|seal| {
            let identity = seal_of(seal, &mut modules).map_err(|source| StartError::Seal {
                department: seal.department.clone(),
                source,
            })?;
            Ok((seal.department.clone(), Arc::new(identity)))
        })
        .collect()
}

fn seal_of(seal: &config::Seal, modules: &mut Modules) -> Result<Identity, SealError> {
    if let Some(token) = &seal.pkcs11 {
        let key = modules.key(&token.module, &token.token, &token.key, &token.pin.read()?)?;
        return Ok(Identity::new(Box::new(key), load_chain(&seal.certificate)?)?);
    }
    let password = seal.password.as_ref().map(PasswordSource::read).transpose()?;
    let key = seal.key.as_deref().unwrap_or(Path::new(""));
    let password = password.as_ref().map(|password| password.as_str());
    Ok(Identity::load(&seal.certificate, key, password)?)
}

/// The electronic seals of those that issue OFD.
pub fn electronic_seals(config: &Config) -> Result<HashMap<DepartmentId, Arc<ElectronicSeal>>, StartError> {
    let all = config.certificates.seals.iter();
    all.filter_map(|seal| Some((&seal.department, seal.ofd.as_ref()?)))
        .map(|(department, files)| {
            let seal = electronic_seal_of(files).map_err(|source| StartError::Seal {
                department: department.clone(),
                source,
            })?;
            Ok((department.clone(), Arc::new(seal)))
        })
        .collect()
}

fn electronic_seal_of(files: &config::ElectronicSeal) -> Result<ElectronicSeal, SealError> {
    let password = files.password.as_ref().map(PasswordSource::read).transpose()?;
    let password = password.as_ref().map(|password| password.as_str());
    let signer = Identity::load(&files.certificate, &files.key, password)?;
    Ok(ElectronicSeal::load(&files.seal, signer)?)
}
