import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ maxRetries: 0 });
try {
  if (process.argv[2] === "read") console.log((await client.messages.batches.list()).data.map((one) => one.id));
  else await client.messages.batches.delete("msgbatch_1");
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
