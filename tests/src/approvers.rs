use stint_broker::identity::Password;
use stint_broker::secret::Secret;

use crate::broker::TestBroker;
use crate::lab::Lab;
use crate::wire;

/// Everybody's.
const PASSWORD: &str = "two heads are better than one";

impl TestBroker {
    /// Two approvers, neither of them the one whom the session works for, say yes at the console and type `name`: what a
    /// thing with its backups takes.
    #[track_caller]
    pub fn two_say_yes(&self, approval: &str, name: &str) {
        for person in ["grace", "heidi"] {
            let answer = self.says_yes(person, approval, name);
            assert_eq!(answer.status, 303, "{person}: {}", answer.text());
        }
    }

    /// An approver says yes at the console; they are added, with a password, where they are not there yet.
    pub fn says_yes(&self, person: &str, approval: &str, name: &str) -> wire::Answer {
        let hash = Password::hash(&Secret::from(PASSWORD.to_owned()), &[7; 16]).expect("a password");
        Lab::sql_on(
            self,
            &format!(
                "INSERT INTO people (name, role, created_at) VALUES ('{person}', 'approver', 0) ON CONFLICT DO NOTHING;
                 INSERT INTO passwords (person, hash, changed_at) VALUES ('{person}', '{}', 0) ON CONFLICT DO NOTHING",
                hash.as_str()
            ),
        );
        let signed_in = self.submit("", "/console/sign-in", &[("person", person), ("password", PASSWORD)]);
        let cookie = signed_in.header("set-cookie").unwrap_or_else(|| panic!("{}", signed_in.text()));
        let cookie = cookie.split(';').next().unwrap_or_default();
        let path = format!("/console/approvals/{approval}/approve");
        self.submit(cookie, &path, &[("confirm", name), ("password", PASSWORD)])
    }

    fn submit(&self, cookie: &str, path: &str, fields: &[(&str, &str)]) -> wire::Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let lines = [
            format!("origin: {}", self.url),
            format!("cookie: {cookie}"),
            "content-type: application/x-www-form-urlencoded".to_owned(),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wire::request(self.addr, "POST", path, &lines, body.as_bytes()).expect("the console answers")
    }
}
