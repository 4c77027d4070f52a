//! Figures that a part reports about itself; whoever runs it exports them.

/// One figure at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// Name in snake_case with its unit at the end, such as `outbox_age_ms`; without the platform's prefix.
    pub name: &'static str,
    /// Labels, few and of few values.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

impl Gauge {
    /// A figure with one label.
    #[must_use]
    pub fn new(name: &'static str, label: &'static str, of: &str, value: f64) -> Self {
        Self { name, labels: vec![(label, of.to_owned())], value }
    }
}
