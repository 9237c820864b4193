"""UAA and the Cloud Controller as the policy server needs them: keys, tokens, apps, roles, security groups.

Answers come from the JSON file named on the command line, read anew for each request. Prints a line once it listens."""
import http.server
import json
import sys
import urllib.parse

OWN_TOKEN = "token-of-the-policy-server"


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, status, document):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        good = self.path == "/oauth/token" and form["grant_type"] == ["client_credentials"]
        # network-policy:secret
        good = good and self.headers["Authorization"] == "Basic bmV0d29yay1wb2xpY3k6c2VjcmV0"
        self.answer(200, {"access_token": OWN_TOKEN, "expires_in": 600}) if good else self.answer(401, {})

    def do_GET(self):
        with open(sys.argv[2]) as file:
            state = json.load(file)
        url = urllib.parse.urlparse(self.path)
        query = {key: values[0] for key, values in urllib.parse.parse_qs(url.query).items()}
        if url.path == "/token_keys":
            return self.answer(200, {"keys": state["keys"]})
        if self.headers["Authorization"] != f"Bearer {OWN_TOKEN}":
            return self.answer(401, {})
        if state.get("broken"):
            return self.answer(200, {"resources": "?"})
        if url.path == "/v3/apps":
            key, wanted = ("guids", query["guids"]) if "guids" in query else ("space_guids", query["space_guids"])
            found = [{"guid": app, "relationships": {"space": {"data": {"guid": space}}}} for app, space in state["apps"].items()
                     if (app if key == "guids" else space) in wanted.split(",")]
        elif url.path == "/v3/roles":
            assert query["types"] == "space_developer"
            found = [{"relationships": {"space": {"data": {"guid": space}}}} for space in state["developers"].get(query["user_guids"], [])]
        elif url.path == "/v3/security_groups":
            found = state["security_groups"]
        else:
            return self.answer(404, {})
        # One resource a page, and links under the name that the Cloud Controller has for itself, which is not reachable here.
        page = int(query.get("page", "1"))
        query["page"] = str(page + 1)
        more = page < len(found)
        self.answer(200, {
            "pagination": {"next": {"href": f"https://api.example.com{url.path}?{urllib.parse.urlencode(query)}"} if more else None},
            "resources": found[page - 1:page],
        })

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
server.serve_forever()
