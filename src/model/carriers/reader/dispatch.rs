//! Hands each carrier of a context, and each among a subject's properties, to what reads it.
//!
//! INVARIANT: every carrier that the table puts there is read here or denies.

use super::CarrierReader;
use super::parts::name_of;
use crate::model::carriers::table::{Carrier, Site, holds_no_carrier};
use crate::model::carriers::{ChainRefusal, invalid, take_present};
use crate::model::{EntityRef, Record, Value};

impl CarrierReader<'_> {
    /// Reads the carriers in the context and removes them.
    pub(in crate::model::carriers) fn read_context(
        &mut self,
        context: &mut Record,
    ) -> Result<(), ChainRefusal> {
        if holds_no_carrier(context) {
            return Ok(());
        }
        for carrier in Carrier::read_in(Site::Context) {
            if self.settings.reads(carrier)
                && let Some(value) = take_present(context, carrier.name())
            {
                self.read_of_context(carrier, &value)?;
            }
        }
        Ok(())
    }

    fn read_of_context(&mut self, carrier: Carrier, value: &Value) -> Result<(), ChainRefusal> {
        match carrier {
            Carrier::Agent => {
                let actor = self.read_party(value, "agent", "context.agent")?;
                self.stated.propose_actor("context.agent", actor)
            }
            Carrier::ClientId => {
                let id = name_of(Some(value), "context.client_id")?;
                let kind = self.settings.client_id.clone().unwrap_or_default();
                let actor = self.resolve(kind, id);
                self.stated.propose_actor("context.client_id", actor)
            }
            // Credentials were taken before, with what they prove.
            Carrier::Credentials
            | Carrier::Act
            | Carrier::OnBehalfOf
            | Carrier::Delegation
            | Carrier::DelegationChain
            | Carrier::User
            | Carrier::Iss
            | Carrier::SubProfile
            | Carrier::Issuer => Err(unread(carrier, "context")),
        }
    }

    /// Reads the carriers among the subject's properties and removes them.
    pub(super) fn read_properties(
        &mut self,
        uid: &EntityRef,
        properties: &mut Record,
    ) -> Result<(), ChainRefusal> {
        if holds_no_carrier(properties) {
            return Ok(());
        }
        for carrier in Carrier::read_in(Site::Properties) {
            // It was compared with the type, and policies may read it.
            if carrier == Carrier::SubProfile {
                continue;
            }
            if let Some(value) = take_present(properties, carrier.name()) {
                self.read_of_properties(carrier, uid, &value)?;
            }
        }
        Ok(())
    }

    fn read_of_properties(
        &mut self,
        carrier: Carrier,
        uid: &EntityRef,
        value: &Value,
    ) -> Result<(), ChainRefusal> {
        let (path, chain) = match carrier {
            Carrier::Act => {
                let mut chain = vec![uid.clone()];
                chain.extend(self.read_act(value)?);
                ("subject.properties.act", chain)
            }
            Carrier::OnBehalfOf => {
                const PATH: &str = "subject.properties.on_behalf_of";
                let user = self.read_party(value, "user", PATH)?;
                (PATH, vec![user, uid.clone()])
            }
            Carrier::Delegation => {
                let user = self.read_delegation(value)?;
                ("subject.properties.delegation", vec![user, uid.clone()])
            }
            Carrier::DelegationChain
            | Carrier::User
            | Carrier::Agent
            | Carrier::Credentials
            | Carrier::Iss
            | Carrier::SubProfile
            | Carrier::Issuer
            | Carrier::ClientId => return Err(unread(carrier, "subject.properties")),
        };
        self.stated.propose(path, chain);
        Ok(())
    }
}

/// Refuses a carrier that the table puts where nothing reads it.
fn unread(carrier: Carrier, path: &str) -> ChainRefusal {
    invalid(format!("`{path}.{}` is not read", carrier.name()))
}
