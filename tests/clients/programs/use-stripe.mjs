import Stripe from "stripe";

const stripe = new Stripe(process.env.STRIPE_API_KEY, { maxNetworkRetries: 0 });
try {
  if (process.argv[2] === "read") console.log((await stripe.customers.list()).data.map((one) => one.id));
  else await stripe.customers.del("cus_1");
} catch (error) {
  console.log(error.message);
  process.exit(1);
}
