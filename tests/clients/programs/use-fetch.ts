// For Deno and Bun alike.
declare const process: { argv: string[]; env: Record<string, string>; exit(code: number): never };
const URL = "https://api.render.com/v1/services";
const read = process.argv[2] === "read";
const headers = { authorization: `Bearer ${process.env.RENDER_API_KEY}` };
const answer = await fetch(read ? URL : `${URL}/srv-1`, { headers, method: read ? "GET" : "DELETE" });
console.log(await answer.text());
process.exit(answer.ok ? 0 : 1);
