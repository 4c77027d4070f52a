//! Which devices an account knows.

use std::net::IpAddr;

use plaza_core::{AccountId, Secret};

/// How long a device is known after its last sign-in: 90 days, in milliseconds.
pub(crate) const KNOWN_MS: i64 = 90 * 24 * 60 * 60 * 1_000;
/// How many devices of an account are known; a further one takes the place of that unused for longest.
pub(crate) const MAX_DEVICES: usize = 50;

/// A device as it is stored: a keyed hash, which tells neither name nor address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Device(pub(crate) [u8; 16]);

/// Makes devices.
#[derive(Clone, Debug)]
pub(crate) struct Devices(Secret);

impl Devices {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.derive("known-devices"))
    }

    /// The device of this name on this network: a name alone can be made up by anybody.
    pub(crate) fn of(&self, account: AccountId, name: &str, network: Option<IpAddr>) -> Device {
        let network = network.map(|network| network.to_string()).unwrap_or_default();
        let mac = self.0.mac(&[&account.get().to_be_bytes(), name.as_bytes(), network.as_bytes()]);
        let mut device = [0; 16];
        device.copy_from_slice(&mac[..16]);
        Device(device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_its_account_its_name_and_its_network() {
        let devices = Devices::new(&Secret::new([1; 32]));
        let of = |account, name, network: &str| devices.of(AccountId(account), name, network.parse().ok());
        let phone = of(7, "phone", "192.0.2.1");
        assert_eq!(of(7, "phone", "192.0.2.1"), phone);
        for other in [of(8, "phone", "192.0.2.1"), of(7, "laptop", "192.0.2.1"), of(7, "phone", "192.0.2.2")] {
            assert_ne!(other, phone);
        }
    }
}
