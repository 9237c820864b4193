"""A policy server that says whatever a file says, over mutual TLS: internal-api.py PORT STATE CERTS. Prints "listening".

STATE is JSON: "policies" is the text of the whole answer, "tag" the router's tag or null for a failure, "last_updated" a number or null for a server that has none.
"""
import http.server
import json
import ssl
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        state = json.load(open(sys.argv[2]))
        path = self.path.split("?")[0]
        if path == "/networking/v1/internal/policies":
            self.answer(200, state["policies"])
        elif path == "/networking/v1/internal/policies_last_updated" and state["last_updated"] is not None:
            self.answer(200, str(state["last_updated"]))
        else:
            self.answer(404, "")

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        tag = json.load(open(sys.argv[2]))["tag"]
        if tag is None:
            self.answer(500, '{"error": "database create failed"}')
        else:
            self.answer(200, json.dumps({"id": "INGRESS_ROUTER", "type": "router", "tag": tag}))

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.daemon_threads = True
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(f"{sys.argv[3]}/server.crt", f"{sys.argv[3]}/server.key")
tls.load_verify_locations(f"{sys.argv[3]}/ca.crt")
tls.verify_mode = ssl.CERT_REQUIRED
server.socket = tls.wrap_socket(server.socket, server_side=True)
print("listening", flush=True)
server.serve_forever()
