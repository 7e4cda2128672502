use super::{Decision, PolicyError, Question};
use crate::catalogue::Catalogue;

/// Decides. One policy set a department, rebuilt when the catalogue changes.
pub struct Policy {}

impl Policy {
    pub fn decide(&self, _question: &Question<'_>, _catalogue: &Catalogue) -> Result<Decision, PolicyError> {
        Err(PolicyError::Policies("not built yet".to_owned()))
    }
}
