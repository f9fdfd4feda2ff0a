"""What HTTP providers share: one client that submits once and says what that proves.

A provider makes one `HttpClient` per instance, and checks its `base_url` setting with `check_base_url`.
`HttpClient.post` returns an `HttpReply` of any status, or the `Outcome` that the fault amounts to.

What is decided here, and why:

- **Never twice.** No retries, no redirects, no cookies, connections kept idle for 4 s at most. A POST
  leaves this machine at most once per call, whatever the network does.
- **NOT_SENT needs proof.** Only what fails before a connection exists is NOT_SENT; all else is UNKNOWN.
- **A total deadline** for each call. Connecting may take three tenths of it at most (a name that does not
  resolve, a TCP or a TLS handshake that hangs), so that such a fault is told apart and is NOT_SENT; when
  the whole deadline has passed, bytes may have left, and it is UNKNOWN.
- **Raw bytes, capped.** `Accept-Encoding: identity` is asked for and any other Content-Encoding is
  UNKNOWN, so that no few kilobytes of gzip become megabytes here.
- **TLS is always verified**; plain http goes to a loopback host only (a vendor's simulator). Certificate
  authorities of one's own are given to the process by `SSL_CERT_FILE` or `SSL_CERT_DIR`.
- **Proxies are not taken from the environment** (`HTTP_PROXY`, `.netrc` and their like). They are set for
  other programs' sake, would see or carry every phone number, send loopback calls astray where NO_PROXY
  is incomplete, and their errors prove nothing about what was sent. Who wants one says so:
  `HttpClient(transport=httpx.AsyncHTTPTransport(proxy="http://…"))`.
- **httpx's client is not used**, only its transports: it logs whole URLs at INFO, and costs more than the
  rest of a send. Importing this package imports neither httpx nor aiohttp; the first post does.
"""

from notifyhub.http.client import HttpClient
from notifyhub.http.endpoint import check_base_url
from notifyhub.http.faults import classify
from notifyhub.http.reply import HttpReply
from notifyhub.http.transports import fast_transport, pooled_transport

__all__ = ["HttpClient", "HttpReply", "check_base_url", "classify", "fast_transport", "pooled_transport"]
