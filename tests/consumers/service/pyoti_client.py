"""Asks a server with PyOTI, whose answers are the JSON as it is.

Arguments and lines are those of vendor_client.py.
"""

import json
import sys

from pyoti.multis import MetaDefenderCloudV4

url, key = sys.argv[1:]
client = MetaDefenderCloudV4(key, url)


def single(attribute, check):
    def call(text):
        setattr(client, attribute, text)
        return check()

    return call


calls = {
    "ip": single("ip", client.check_ip),
    "domain": single("domain", client.check_domain),
    # This version asks for the URL of the API itself, whatever it was given.
    "url": single("url", client.check_url),
    "ips": client.bulk_check_ips,
    "domains": client.bulk_check_domains,
    "urls": client.bulk_check_urls,
    "key": lambda _: client.get_api_info(),
}

for line in sys.stdin:
    call, argument = json.loads(line)
    print(json.dumps(calls[call](argument)), flush=True)
