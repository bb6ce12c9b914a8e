import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const credentials = { accessKeyId: "none", secretAccessKey: "none" };
const client = new STSClient({ region: "eu-west-1", credentials, maxAttempts: 1 });
try {
  console.log((await client.send(new GetCallerIdentityCommand({}))).Account);
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
