use crate::model::{Operation, Request};

/// What a request was understood to do, and the request that does exactly that.
#[derive(Debug, Clone)]
pub struct Understood {
    /// Every operation, in the order of the request; never empty.
    pub operations: Vec<Operation>,
    /// What is to be sent: the request as judged, possibly written out again.
    pub request: Request,
}
