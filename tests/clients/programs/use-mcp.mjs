import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const headers = { authorization: `Bearer ${process.env.CLUSTER_TOKEN}` };
const transport = new StreamableHTTPClientTransport(new URL("https://mcp.example.com/mcp"), { requestInit: { headers } });
const client = new Client({ name: "matrix", version: "1.0.0" });
try {
  await client.connect(transport);
  console.log((await client.listTools()).tools.map((tool) => tool.name));
  const read = process.argv[2] === "read";
  const call = read ? { name: "list_volumes", arguments: {} } : { name: "remove_volume", arguments: { volume_id: "v1" } };
  console.log(JSON.stringify((await client.callTool(call)).content));
  await client.close();
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
