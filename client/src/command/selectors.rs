/// What each pack lets an environment map, for `--help`. A test holds it against the packs.
pub(super) const HELP: &str = "\
What can be mapped (CREDENTIAL is the name of one in the vault):
  anthropic:workspace/CREDENTIAL
  aws:account/ID                     aws:bucket/NAME
  cloudflare:account/ID              cloudflare:zone/ID
  digitalocean:project/ID            digitalocean:team/CREDENTIAL
  fly:app/NAME
  gcp:project/ID                     gcp:bucket/NAME
  github:repository/OWNER/NAME       github:organization/NAME
  github:environment/OWNER/NAME/ENVIRONMENT
  gitlab:project/GROUP/NAME
  kubernetes:cluster/CREDENTIAL      kubernetes:namespace/CREDENTIAL/NAME
  openai:project/CREDENTIAL
  railway:environment/ID
  render:environment/ID              render:workspace/ID
  render:account/CREDENTIAL
  slack:workspace/CREDENTIAL
  stripe:account/CREDENTIAL
  supabase:project/REF
  vercel:project/ID                  vercel:account/CREDENTIAL

`stint environment discover --credential NAME` lists what there is. What is mapped nowhere, nobody reaches; where an environment
maps a part and another all that a credential reaches, the second is refused.";
