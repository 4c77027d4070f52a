//! The platform's protocol: messages, service traits with their entries, servers and clients, field checks, and the
//! descriptors, all generated from `proto/`.
//!
//! A package is a module of the same path: `plaza.posts.v1` is [`posts::v1`].

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated; the .proto files are linted by Buf's rules")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/plaza/mod.rs"));
    include!(concat!(env!("OUT_DIR"), "/plaza/services.rs"));
}

pub use generated::METHODS;
pub use generated::plaza::*;

/// Every method of every service.
pub fn methods() -> impl Iterator<Item = &'static plaza_rpc::Method> {
    METHODS.iter().copied().flatten()
}

/// The encoded `google.protobuf.FileDescriptorSet` of everything, comments and options included.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plaza/descriptors.bin"));

/// The descriptors of everything, decoded once.
#[must_use]
pub fn pool() -> &'static DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        // The generator wrote these very bytes; an empty pool is what a broken build would show in every test.
        DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap_or_default()
    });
    &POOL
}
