//! The document security store (ISO 32000-2 12.8.4.3): what later validation may need, kept in the document itself.

use std::collections::HashSet;

use super::{
    ReadError, View,
    object::{Dictionary, Object, Reference},
};

/// The most items of one store that are looked at.
pub const MAX_STORE_ITEMS: usize = 1_000;

/// What a store holds. That the entries for one signature (`/VRI`) name an item says nothing that the item does not say
/// itself: they are read as more of the same.
#[derive(Clone, Debug, Default)]
pub struct SecurityStore {
    pub certificates: Vec<StoreItem>,
    pub crls: Vec<StoreItem>,
    pub responses: Vec<StoreItem>,
    /// How many entries are not what they should be.
    pub broken: usize,
}

/// A stream of the store.
#[derive(Clone, Debug)]
pub struct StoreItem {
    pub der: Vec<u8>,
    /// Where its bytes end in the file.
    pub end: usize,
}

/// The names of the arrays: in the store, and in an entry of `/VRI`.
const OF_STORE: [&[u8]; 3] = [b"Certs", b"CRLs", b"OCSPs"];
const OF_SIGNATURE: [&[u8]; 3] = [b"Cert", b"CRL", b"OCSP"];

impl View<'_, '_> {
    /// The document's security store; empty where there is none. Only a limit is an error.
    pub fn security_store(&self) -> Result<SecurityStore, ReadError> {
        let mut reading = Reading {
            view: self,
            store: SecurityStore::default(),
            seen: HashSet::new(),
        };
        let (_, catalog) = self.catalog()?;
        match self.dictionary(&catalog, b"DSS") {
            Ok(None) => {}
            Ok(Some(dss)) => reading.read(&dss)?,
            Err(error) => reading.broken(error)?,
        }
        Ok(reading.store)
    }
}

struct Reading<'v, 'd, 'a> {
    view: &'v View<'d, 'a>,
    store: SecurityStore,
    seen: HashSet<Reference>,
}

impl Reading<'_, '_, '_> {
    fn read(&mut self, dss: &Dictionary) -> Result<(), ReadError> {
        self.take(dss, OF_STORE)?;
        match self.view.dictionary(dss, b"VRI") {
            Ok(None) => {}
            Ok(Some(all)) => {
                for entry in all.entries().iter().filter(|entry| entry.key != b"Type") {
                    match self.view.resolve(&entry.value) {
                        Ok(Object::Dictionary(one)) => self.take(&one, OF_SIGNATURE)?,
                        Ok(_) => self.store.broken += 1,
                        Err(error) => self.broken(error)?,
                    }
                }
            }
            Err(error) => self.broken(error)?,
        }
        Ok(())
    }

    fn take(&mut self, dictionary: &Dictionary, keys: [&[u8]; 3]) -> Result<(), ReadError> {
        for (kind, key) in keys.into_iter().enumerate() {
            let items = match self.view.array(dictionary, key) {
                Ok(items) => items,
                Err(error) => {
                    self.broken(error)?;
                    continue;
                }
            };
            for item in items {
                let Some(reference) = item.as_reference() else {
                    self.store.broken += 1;
                    continue;
                };
                if !self.seen.insert(reference) {
                    continue;
                }
                if self.seen.len() > MAX_STORE_ITEMS {
                    return Err(ReadError::Limit("MAX_STORE_ITEMS"));
                }
                match self.item(reference) {
                    Ok(Some(item)) => match kind {
                        0 => self.store.certificates.push(item),
                        1 => self.store.crls.push(item),
                        _ => self.store.responses.push(item),
                    },
                    Ok(None) => self.store.broken += 1,
                    Err(error) => self.broken(error)?,
                }
            }
        }
        Ok(())
    }

    /// A stream with its filters taken off.
    fn item(&self, reference: Reference) -> Result<Option<StoreItem>, ReadError> {
        let object = self.view.object(reference)?;
        let Some(range) = &object.stream else {
            return Ok(None);
        };
        Ok(Some(StoreItem {
            der: self.view.decoded(&object)?,
            end: range.end,
        }))
    }

    fn broken(&mut self, error: ReadError) -> Result<(), ReadError> {
        match error {
            ReadError::Limit(_) => Err(error),
            _ => {
                self.store.broken += 1;
                Ok(())
            }
        }
    }
}
