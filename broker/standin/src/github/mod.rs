//! skeleton
use crate::body::{Body, whole};
use crate::fault::Fault;
use crate::serve::{Inbound, Site};
use http::Response;
#[derive(Debug, Clone, Default)]
pub struct Github;
impl Site for Github {
    fn operations(&self, _request: &Inbound) -> Vec<String> {
        Vec::new()
    }
    async fn answer(&self, _request: Inbound, _faults: &[Fault]) -> Response<Body> {
        Response::new(whole(""))
    }
}
