use cedar_policy::ActionConstraint;

use super::PolicySet;
use crate::model::Class;

impl PolicySet {
    /// Ids of the policies that name an operation in their scope: itself, its class or its provider. Those that are
    /// about every operation are left out: they say nothing of this one.
    pub fn speaking_of(&self, operation: &str, provider: &str, class: Class) -> Vec<String> {
        let groups = [operation.to_owned(), format!("class:{class}"), format!("provider:{provider}")];
        let names = |uid: &cedar_policy::EntityUid| {
            let id: &str = uid.id().as_ref();
            groups.iter().any(|group| group == id)
        };
        let speaks = |constraint: &ActionConstraint| match constraint {
            ActionConstraint::Any => false,
            ActionConstraint::In(uids) => uids.iter().any(names),
            ActionConstraint::Eq(uid) => names(uid),
        };
        let speaking = self.all.policies().filter(|policy| speaks(&policy.action_constraint()));
        let mut ids: Vec<String> = speaking.map(|policy| policy.id().to_string()).collect();
        ids.sort();
        ids
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{PolicyFile, builtin_files};

    #[test]
    fn policies_speak_of_operations_by_name_by_class_and_by_provider() {
        let mut files = builtin_files();
        let text = "@id(\"own.volume\") forbid (principal, action == Action::\"railway:volumeDelete\", resource);\n\
            @id(\"own.github\") forbid (principal, action in [Action::\"provider:github\"], resource);\n\
            @id(\"own.all\") forbid (principal, action, resource) when { false };";
        files.push(PolicyFile { name: "own".to_owned(), text: text.to_owned(), tests: None });
        let set = PolicySet::load(&files).expect("they load");
        let volume = set.speaking_of("railway:volumeDelete", "railway", Class::Destroy);
        assert!(
            volume.contains(&"own.volume".to_owned()) && volume.contains(&"guardrail.destroy".to_owned())
        );
        assert!(!volume.iter().any(|id| id == "own.github" || id == "own.all"), "{volume:?}");
        let read = set.speaking_of("github:repos/get", "github", Class::Read);
        assert!(read.contains(&"own.github".to_owned()) && !read.contains(&"guardrail.destroy".to_owned()));
    }
}
