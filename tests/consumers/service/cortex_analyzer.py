"""Asks a server as the MetaDefender analyzer of Cortex does, and makes the reports that it makes.

A full report is the answer, and empty unless the status is 200 and `success` is true. A short report has a taxonomy:
how many sources of all detect it, and a level that follows from that. Arguments and lines are those of
vendor_client.py.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

base, key = sys.argv[1:]


def full_report(kind, text):
    address = f"{base.rstrip('/')}/{kind}/{urllib.parse.quote(text, safe='')}"
    request = urllib.request.Request(address, headers={"apikey": key})
    try:
        with urllib.request.urlopen(request) as response:
            answer = json.load(response)
    except urllib.error.HTTPError:
        return {}
    return answer if answer.get("success") else {}


def short_report(report):
    results = report.get("lookup_results", {})
    count = results.get("detected_by", 0)
    level = "safe" if count == 0 else "suspicious" if count < 3 else "malicious"
    value = f"{count}/{len(results.get('sources', []))}"
    return {"level": level, "namespace": "OPSWATMetadefender", "predicate": "Report", "value": value}


for line in sys.stdin:
    report = full_report(*json.loads(line))
    print(json.dumps({"full": report, "taxonomies": [short_report(report)]}), flush=True)
