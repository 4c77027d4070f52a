//! The descriptors and what was generated from them say the same.

use std::collections::BTreeSet;

use plaza_rpc::{Auth, Method};
use prost_reflect::DescriptorPool;

use crate::sample;

fn agree(pool: &DescriptorPool, tables: &[&[Method]]) {
    let auth = pool.get_extension_by_name("plaza.options.v1.auth").unwrap();
    let mutation = pool.get_extension_by_name("plaza.options.v1.mutation").unwrap();
    let mut described = BTreeSet::new();
    for method in pool.services().flat_map(|s| s.methods().collect::<Vec<_>>()) {
        let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
        let options = method.options();
        assert!(options.has_extension(&auth), "{path} does not say who may call it");
        let generated = tables.iter().flat_map(|table| table.iter()).find(|m| m.path == path).expect(&path);
        let number = options.get_extension(&auth).as_enum_number();
        let expected = [Auth::Public, Auth::User, Auth::Owner, Auth::Service, Auth::Admin];
        assert_eq!(number.and_then(|n| expected.get(usize::try_from(n).ok()? - 1)), Some(&generated.auth), "{path}");
        let mutates = options.has_extension(&mutation) && options.get_extension(&mutation).as_bool() == Some(true);
        assert_eq!(mutates, generated.mutation, "{path}");
        assert_eq!(method.is_server_streaming(), generated.server_streaming, "{path}");
        described.insert(path);
    }
    let generated: BTreeSet<String> = tables.iter().flat_map(|table| table.iter()).map(|m| m.path.to_owned()).collect();
    assert_eq!(described, generated);
}

#[test]
fn of_the_platform() {
    agree(plaza_proto::pool(), plaza_proto::METHODS);
    assert!(!plaza_proto::METHODS.is_empty());
}

#[test]
fn of_the_sample() {
    agree(&DescriptorPool::decode(sample::DESCRIPTORS).unwrap(), sample::METHODS);
}
