import OpenAI from "openai";

const client = new OpenAI({ maxRetries: 0 });
try {
  if (process.argv[2] === "read") console.log((await client.files.list()).data.map((one) => one.id));
  else await client.files.delete("file-1");
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
