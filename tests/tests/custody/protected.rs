//! Backups are a class of their own in every pack: whatever destroys and speaks of them is marked, so that no approval of one
//! request takes a thing and what would bring it back.

use stint_api::Class;
use stint_broker::catalog::Catalog;

/// Parts of names that speak of what brings a thing back.
const WORDS: [&str; 8] = [
    "backup",
    "snapshot",
    "pitr",
    "recoverypoint",
    "restorepoint",
    "pointintime",
    "deletionprotection",
    "retention",
];

/// They speak of other things. Each with what it is.
const OTHERS: &[(&str, &str)] = &[
    ("aws:backup.CreateRestoreTestingPlan", "tries whether backups can be put back"),
    ("aws:backup.CreateRestoreTestingSelection", "tries whether backups can be put back"),
    ("aws:backup.DeleteRestoreTestingPlan", "tries whether backups can be put back"),
    ("aws:backup.DeleteRestoreTestingSelection", "tries whether backups can be put back"),
    ("aws:backup.PutRestoreValidationResult", "tries whether backups can be put back"),
    ("aws:backup.StartRestoreJob", "puts back what a backup holds"),
    ("aws:backup.UpdateRestoreTestingPlan", "tries whether backups can be put back"),
    ("aws:backup.UpdateRestoreTestingSelection", "tries whether backups can be put back"),
    ("aws:dynamodb.RestoreTableToPointInTime", "puts back what a backup holds"),
    ("aws:rds.RestoreDBClusterToPointInTime", "puts back what a backup holds"),
    ("aws:rds.RestoreDBInstanceToPointInTime", "puts back what a backup holds"),
    ("gcp:sql.instances.pointInTimeRestore", "puts back what a backup holds"),
    ("github:actions/set-actions-cache-retention-limit-for-enterprise", "how long caches of builds are kept"),
    (
        "github:actions/set-actions-cache-retention-limit-for-organization",
        "how long caches of builds are kept",
    ),
    ("github:actions/set-actions-cache-retention-limit-for-repository", "how long caches of builds are kept"),
];

#[test]
fn whatever_destroys_and_speaks_of_backups_is_marked_in_every_pack() {
    let catalog = Catalog::builtin().unwrap();
    let (mut marked, mut missing, mut others) = (0, Vec::new(), Vec::new());
    for pack in catalog.packs() {
        for one in pack.operations() {
            let plain: String = format!("{} {}", one.operation, one.request)
                .chars()
                .filter(|letter| letter.is_ascii_alphanumeric())
                .collect::<String>()
                .to_ascii_lowercase();
            let speaks = WORDS.iter().any(|word| plain.contains(word));
            if !speaks || one.class < Class::Destroy {
                continue;
            }
            if one.marks.contains(&"backup") || one.marks.contains(&"carries-backups") {
                marked += 1;
            } else if OTHERS.iter().any(|(name, _)| *name == one.operation) {
                others.push(one.operation);
            } else {
                missing.push(format!("{} ({})", one.operation, one.request));
            }
        }
    }
    assert!(missing.is_empty(), "not protected: {missing:#?}");
    assert_eq!(others.len(), OTHERS.len(), "what is excepted is no operation any more: {others:?}");
    assert!(marked >= 25, "{marked}");
}
