"""Asks a server with the vendor's own client, mcl-platform-sdk.

Arguments: the URL of the API, and a key or nothing. Each line of input is a call and its argument, as JSON. Each line
of output is what the client made of the answer, or its exception.
"""

import json
import sys

from mcl_platform_sdk import ApiClient, Configuration
from mcl_platform_sdk.api.reputation_service_api import ReputationServiceApi
from mcl_platform_sdk.exceptions import ApiException
from mcl_platform_sdk.models.domain_bulk_lookup_request import DomainBulkLookupRequest
from mcl_platform_sdk.models.ip_bulk_lookup_request import IPBulkLookupRequest
from mcl_platform_sdk.models.url_bulk_lookup_request import URLBulkLookupRequest

url, key = sys.argv[1:]
# By itself it waits as long as `Retry-After` says, up to six hours, and then asks again. Here it raises at once.
configuration = Configuration(host=url, api_key={"apikey": key} if key else None, retries=0)
api = ReputationServiceApi(ApiClient(configuration))
calls = {
    "ip": api.lookup_ip,
    "domain": api.lookup_domain,
    "url": api.lookup_url,
    "ips": lambda texts: api.lookup_ips(IPBulkLookupRequest(address=texts)),
    "domains": lambda texts: api.lookup_domains(DomainBulkLookupRequest(fqdn=texts)),
    "urls": lambda texts: api.lookup_urls(URLBulkLookupRequest(url=texts)),
}

for line in sys.stdin:
    call, argument = json.loads(line)
    try:
        answer = calls[call](argument).to_dict()
    except ApiException as exception:
        answer = {
            "exception": type(exception).__name__,
            "status": exception.status,
            "code": json.loads(exception.body)["error"]["code"],
            "retry_after": exception.headers.get("retry-after"),
        }
    print(json.dumps(answer), flush=True)
