const URL = "https://api.vercel.com/v9/projects/web";
const headers = { authorization: `Bearer ${process.env.VERCEL_TOKEN}` };
const answer = await fetch(URL, { headers, method: process.argv[2] === "read" ? "GET" : "DELETE" });
console.log(await answer.text());
process.exit(answer.ok ? 0 : 1);
