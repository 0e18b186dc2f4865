// SPDX-License-Identifier: MIT OR Apache-2.0
//! All instances of an engine.
//!
//! Copies of an engine share each instance until one of them changes it: the flight recorder takes a copy now and then,
//! and a thousand instances copied at once would make adverts wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::InstanceId;
use super::instance::Instance;

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Instances(BTreeMap<InstanceId, Arc<Instance>>);

impl Instances {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn contains_key(&self, id: &InstanceId) -> bool {
        self.0.contains_key(id)
    }

    pub(super) fn get(&self, id: &InstanceId) -> Option<&Instance> {
        self.0.get(id).map(Arc::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: &InstanceId) -> Option<&mut Instance> {
        self.0.get_mut(id).map(Arc::make_mut)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &InstanceId> {
        self.0.keys()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&InstanceId, &Instance)> {
        self.0.iter().map(|(id, instance)| (id, instance.as_ref()))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Instance> {
        self.0.values().map(Arc::as_ref)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.0.values_mut().map(Arc::make_mut)
    }

    pub(super) fn insert(&mut self, id: InstanceId, instance: Instance) {
        self.0.insert(id, Arc::new(instance));
    }

    pub(super) fn remove(&mut self, id: &InstanceId) -> Option<Arc<Instance>> {
        self.0.remove(id)
    }
}

#[cfg(feature = "daemon")]
impl serde::Serialize for Instances {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

#[cfg(feature = "daemon")]
impl<'de> serde::Deserialize<'de> for Instances {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Instances, D::Error> {
        let read = BTreeMap::<InstanceId, Instance>::deserialize(from)?;
        Ok(Instances(read.into_iter().map(|(id, instance)| (id, Arc::new(instance))).collect()))
    }
}
