import got from "got";

const URL = "https://api.render.com/v1/services";
const headers = { authorization: `Bearer ${process.env.RENDER_API_KEY}` };
try {
  const read = process.argv[2] === "read";
  const answer = await got(read ? URL : `${URL}/srv-1`, { headers, method: read ? "GET" : "DELETE", http2: true, retry: { limit: 0 } });
  console.log(`spoke HTTP/${answer.httpVersion}`);
  console.log(answer.body);
} catch (error) {
  console.log(error.message, error.response?.body);
  process.exit(1);
}
