//! What the tests share: the traces of testdata with the text that Go's tool prints of them, and a parser of that text.

pub mod corpus;
pub mod parsed;
