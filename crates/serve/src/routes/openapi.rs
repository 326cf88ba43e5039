//! The description of the API, written by hand.

use super::{Access, Handler, Route};
use crate::reply::{Payload, Reply};

pub(super) static ROUTES: &[Route] = &[Route {
    pattern: "/openapi.json",
    access: Access::Open,
    handler: Handler::Get(|_| Ok(Reply::json(Payload::whole(include_str!("openapi.json"))))),
}];

#[cfg(test)]
mod tests {
    use super::super::all;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn describes_the_table_of_routes() {
        let document: Value = serde_json::from_str(include_str!("openapi.json")).expect("JSON");
        let described: BTreeSet<(String, String)> = document["paths"]
            .as_object()
            .expect("paths")
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().expect("methods");
                methods.keys().map(|method| (method.to_ascii_uppercase(), path.clone()))
            })
            .collect();
        let served: BTreeSet<(String, String)> =
            all().map(|route| (route.handler.method().to_owned(), route.pattern.to_owned())).collect();
        assert_eq!(described, served);
    }
}
