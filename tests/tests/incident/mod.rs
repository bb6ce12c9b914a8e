//! The published incident, replayed against a broker and a stand-in of the provider.

use stint_standin::railway::ids;
use stint_tests::Lab;

use crate::place::on_both;

on_both! {
    fn smoke(options) {
        let lab = Lab::start(options);
        let reply = lab.ask("{ me { name } }");
        reply.done();
        println!("{reply:?}");
        let reply = lab.ask(&Lab::delete(ids::VOLUME_PRODUCTION));
        println!("{reply:?}");
        for kind in ["request_refused", "request_decided", "request_closed", "lookup"] { println!("{:#?}", lab.records(kind)); }
    }
}
