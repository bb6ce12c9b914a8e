import sys
import cloudflare

ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
client = cloudflare.Cloudflare(max_retries=0)
try:
    if sys.argv[1] == "read":
        print(client.zones.get(zone_id=ZONE).id)
    else:
        client.zones.delete(zone_id=ZONE)
except cloudflare.APIError as error:
    print(error, getattr(error, "body", ""))
    sys.exit(1)
