//! Provisional: replaced by the source pass.
pub trait Host {
    fn env(&self, name: &str) -> Option<String>;
}
