import { Octokit } from "@octokit/rest";

const octokit = new Octokit({ auth: process.env.GITHUB_TOKEN });
const repository = { owner: "atlas", repo: "sandbox" };
try {
  if (process.argv[2] === "read") console.log((await octokit.rest.repos.get(repository)).data.full_name);
  else await octokit.rest.repos.delete(repository);
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
