import { WebClient } from "@slack/web-api";

const client = new WebClient(process.env.SLACK_BOT_TOKEN, { retryConfig: { retries: 0 }, rejectRateLimitedCalls: true });
try {
  if (process.argv[2] === "read") console.log((await client.conversations.list()).channels.map((one) => one.id));
  else await client.conversations.archive({ channel: "C1" });
} catch (error) {
  console.log(error.message, JSON.stringify(error.data ?? error.original?.message));
  process.exit(1);
}
