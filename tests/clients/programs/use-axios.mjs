import axios from "axios";

const URL = "https://api.vercel.com/v9/projects/web";
const headers = { authorization: `Bearer ${process.env.VERCEL_TOKEN}` };
try {
  const answer = await axios({ url: URL, headers, method: process.argv[2] === "read" ? "get" : "delete" });
  console.log(answer.data.id);
} catch (error) {
  console.log(error.message, JSON.stringify(error.response?.data));
  process.exit(1);
}
