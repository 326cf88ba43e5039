// Asks a server as node-metadefender does: the key is in `Authorization`, after the word `apikey`.
// Arguments and lines are those of vendor_client.py.

const lines = require("node:readline").createInterface({ input: process.stdin });
const [base, key] = process.argv.slice(2);

(async () => {
  for await (const line of lines) {
    const [kind, text] = JSON.parse(line);
    const headers = { Authorization: `apikey ${key}` };
    const response = await fetch(`${base}/${kind}/${encodeURIComponent(text)}`, { headers });
    console.log(JSON.stringify({ status: response.status, answer: await response.json() }));
  }
})();
