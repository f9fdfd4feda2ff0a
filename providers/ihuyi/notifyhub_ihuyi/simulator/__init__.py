"""A simulator of the ihuyi SMS gateway over real HTTP on loopback, written from the vendor's protocol alone.

    async with Simulator(push_to="http://127.0.0.1:8000/push") as gateway:
        gateway.base_url, gateway.submissions, gateway.script("13800138000", [Behaviour.code(4085)])

It shares no code with the provider that talks to it. A submission is checked in this order: the caller's
address 400; empty fields 401 402 403 404; account 405 (or 4053), 4050, 4052; password 405 or 40502; time
40501. Then comes what a script or the number asks for, or else: number 406, 4030; text 4070 4074 407 4073;
templates 4071 4072 40722; balance 4051; rates 4080 4083 4081 4084 4085 4082. The codes are those of the API
manual v3.3, which gives them no order; this one is ours.

Behaviour by number
===================

=============  ================================================================================
number         what happens
=============  ================================================================================
139000CCCCC    the answer is code CCCCC: 13900000406 → 406, 13900040722 → 40722, 13900000000 → 0
13900000002    accepted, as any ordinary number
13700000001    accepted, never answered
13700000002    accepted, then a TCP reset
13700000003    TCP reset, nothing accepted
13700000004    closed without an answer
13700000005    the answer drips, a byte every 0.2 s
13700000006    body cut in half, Content-Length agrees
13700000007    body cut in half, Content-Length lies
13700000011    HTML under status 200
13700000012    HTTP 500
13700000013    HTTP 502
13700000014    HTTP 429
13700000015    HTTP 302 to /elsewhere
13700000016    empty body
13700000017    HTTP 503
13700000018    HTTP 504
13700000021    XML that is not well-formed
13700000022    a JSON array
13700000023    code is true
13700000024    code is 2.0
13700000025    code is " 2 "
13700000026    code 2, smsid 0
13700000027    code 2, smsid missing
13700000028    code 2, smsid empty
13700000029    code 406 with a serial number
13700000030    gzip bomb (32 MiB)
13700000031    body above 64 KiB
13700000032    XML in GBK
13700000033    XML with a DTD and an entity
13700000034    XML under a wrong root
13700000035    401 as XML, whatever was asked for
13700000036    code is the string "2" (a good answer)
13700000041    receipt 3 s late
13700000042    receipt twice
13700000043    receipt before the answer
13700000044    receipts out of order: failed, then delivered
13700000045    receipt says failed (code 0)
13700000046    receipt names another number
13700000047    receipt names an unknown smsid
13700000048    no receipt
13700001SSS    accepted after SSS seconds, then answered
13700002SSS    accepted at once, answered after SSS seconds
1370001NNNN    the same on the wire as 1370000NNNN, but nothing was accepted:
               13700010012 answers HTTP 500 like 13700000012, and no phone will ring
=============  ================================================================================

Where the table does not say otherwise the message **was** accepted: it stands in `Simulator.submissions`, was
paid for, and gets its receipt. A connection reset before anything is read has no number; ask for it with
`Simulator.reset_connections`.
"""

from .accounts import DEMO_ACCOUNT, DEMO_API_KEY
from .behaviour import Behaviour, Receipt
from .numbers import FAULTS, NumberedFault
from .pushes import Push
from .rates import Limits
from .receiver import PushReceiver, ReceivedPush
from .records import Request, Submission
from .replies import MESSAGES, NAMESPACES
from .server import Simulator
from .templates import TEST_TEMPLATE, TEST_TEMPLATE_ID

__all__ = [
    "DEMO_ACCOUNT",
    "DEMO_API_KEY",
    "FAULTS",
    "MESSAGES",
    "NAMESPACES",
    "TEST_TEMPLATE",
    "TEST_TEMPLATE_ID",
    "Behaviour",
    "Limits",
    "NumberedFault",
    "Push",
    "PushReceiver",
    "Receipt",
    "ReceivedPush",
    "Request",
    "Simulator",
    "Submission",
]
