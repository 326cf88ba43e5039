// A hand-written sample of format pac
var blocked = [
  "evil-array.com", "45.9.78.1",
];
function FindProxyForURL(url, host) {
  if (dnsDomainIs(host, ".evil-suffixed.com")) return "PROXY 127.0.0.1:9";
  if (shExpMatch(host, "ads*.com")) return "PROXY 127.0.0.1:9";
  if (isInNet(host, "45.9.79.0", "255.255.255.0")) return "PROXY 127.0.0.1:9";
  return "DIRECT";
}
