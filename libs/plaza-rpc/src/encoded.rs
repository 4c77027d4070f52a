//! A client's codec: requests that are encoded already, so that one can be sent again, and answers to decode.

use std::marker::PhantomData;

use bytes::{BufMut as _, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

pub(crate) struct EncodedCodec<Res>(PhantomData<Res>);

impl<Res> Default for EncodedCodec<Res> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<Res: Message + Default + 'static> Codec for EncodedCodec<Res> {
    type Encode = Bytes;
    type Decode = Res;
    type Encoder = Encoded;
    type Decoder = <ProstCodec<(), Res> as Codec>::Decoder;

    fn encoder(&mut self) -> Encoded {
        Encoded
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<(), Res>::default().decoder()
    }
}

pub(crate) struct Encoded;

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}
