import os, sys
import stripe

# It brings certificates of its own, and reads no variable for others.
stripe.ca_bundle_path = os.environ["SSL_CERT_FILE"]

client = stripe.StripeClient(os.environ["STRIPE_API_KEY"])
try:
    if sys.argv[1] == "read":
        print([customer.id for customer in client.v1.customers.list().data])
    else:
        client.v1.customers.delete("cus_1")
except stripe.StripeError as error:
    print(error)
    sys.exit(1)
