//! Protobuf as it lies in the file: fields, each with a number and a wire type.

/// How a field's value lies in the file. See protobuf.dev/programming-guides/encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireType {
    Varint = 0,
    Len = 2,
}
