-- ClickHouse: dictionaries of what `rapsheet export --output csv --file rapsheet.csv` writes.
-- The answer is a status: 1 blocklisted, 0 allowlisted, 5 not listed.
CREATE DATABASE IF NOT EXISTS rapsheet;

CREATE OR REPLACE TABLE rapsheet.entries ENGINE = MergeTree ORDER BY indicator AS
SELECT indicator, type, scope, status = 'blocklisted' AS blocked
FROM file('rapsheet.csv', CSVWithNames,
          'indicator String, type String, scope String, status String, providers UInt32, assessments String,
           feeds String, first_seen String, detect_time String, expires String');

-- Addresses and networks: the longest prefix that covers an address.
CREATE OR REPLACE DICTIONARY rapsheet.networks (prefix String, blocked UInt8)
PRIMARY KEY prefix
SOURCE(CLICKHOUSE(QUERY 'SELECT indicator AS prefix, blocked FROM rapsheet.entries WHERE type IN (''ipv4'', ''ipv6'')'))
LAYOUT(IP_TRIE) LIFETIME(3600);

-- 1 where any entry blocks, 0 where any allows, else 5.
CREATE OR REPLACE FUNCTION rapsheet_join AS (found) ->
    multiIf(has(found, 1), 1, has(found, 0), 0, 5);

-- Names and URLs. A name is listed alone, with all names below it, or only those are.
CREATE OR REPLACE VIEW rapsheet.listed_texts AS
SELECT indicator AS text,
       rapsheet_join(groupArray(if(scope = 'subdomains', 5, blocked))) AS own,
       rapsheet_join(groupArray(if(scope IN ('tree', 'subdomains'), blocked, 5))) AS below
FROM rapsheet.entries WHERE type IN ('domain', 'url') GROUP BY indicator;

CREATE OR REPLACE DICTIONARY rapsheet.texts (text String, own UInt8, below UInt8)
PRIMARY KEY text
SOURCE(CLICKHOUSE(QUERY 'SELECT text, own, below FROM rapsheet.listed_texts'))
LAYOUT(COMPLEX_KEY_HASHED) LIFETIME(3600);

CREATE OR REPLACE FUNCTION rapsheet_address AS (address) ->
    dictGetOrDefault('rapsheet.networks', 'blocked', ifNull(toIPv6OrNull(address), toIPv6('::')), 5);

-- A name, and the names above it.
CREATE OR REPLACE FUNCTION rapsheet_name AS (name) ->
    rapsheet_join(arrayPushFront(
        arrayMap(nth -> dictGetOrDefault('rapsheet.texts', 'below',
                 arrayStringConcat(arraySlice(splitByChar('.', name), nth), '.'), 5),
                 range(2, length(splitByChar('.', name)) + 1)),
        dictGetOrDefault('rapsheet.texts', 'own', name, 5)));

CREATE OR REPLACE FUNCTION rapsheet_host AS (host) ->
    if(isIPv4String(host) OR isIPv6String(host), rapsheet_address(host), rapsheet_name(host));

-- An address, a name in small letters, or a URL with a path. A URL that is listed without a scheme begins with `//`.
CREATE OR REPLACE FUNCTION rapsheet_status AS (indicator) ->
    if(position(indicator, '://') > 0,
       rapsheet_join([dictGetOrDefault('rapsheet.texts', 'own', cutFragment(indicator), 5),
                      dictGetOrDefault('rapsheet.texts', 'own', substring(cutFragment(indicator), position(indicator, '//')), 5),
                      rapsheet_host(domain(indicator))]),
       rapsheet_host(indicator));
