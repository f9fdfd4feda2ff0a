"""The three methods over real sockets: formats, passwords, the clock, every check and its code."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from notifyhub_ihuyi.simulator import DEMO_ACCOUNT, DEMO_API_KEY, MESSAGES, NAMESPACES, TEST_TEMPLATE, Limits

TEXT = "您的验证码是：1234。请不要把验证码泄露给其他人。"
VECTORS = [
    (DEMO_ACCOUNT, DEMO_API_KEY, "13800138000", TEXT, "1700000000", "", "bd6e42ffbd72201ed6b668c25ce5f30c"),
    (
        "C12345678",
        "0123456789abcdef0123456789abcdef",
        "13900139000",
        "hello world",
        "1451544941",
        "",
        "a4d798f5627ef21ef49ee2c3decc1b25",
    ),
    (
        "C00000002",
        "deadbeefdeadbeefdeadbeefdeadbeef",
        "18800001111",
        "20180515006|张三|136xxxxxxxx|100元",
        "1716239022",
        "7",
        "50d6ef032a6917ee0e4bdb63fce955ee",
    ),
]


@pytest.mark.parametrize(("account", "key", "mobile", "content", "time", "template", "password"), VECTORS)
def test_vectors(
    talk: Any, account: str, key: str, mobile: str, content: str, time: str, template: str, password: str
) -> None:
    """A dynamic password from the facts is accepted, and the same one with another digit is 40502."""

    async def check(gateway: Any, client: Any) -> None:
        fields = {"account": account, "mobile": mobile, "content": content, "time": time}
        if template:
            fields["templateid"] = template
        assert await client.code(**fields, password=password) == 2
        assert await client.code(**fields, password=password.upper()) == 40502
        assert await client.code(**fields, password="0" + password[1:]) == 40502
        assert [one.content for one in gateway.submissions] == [content]

    talk(
        check,
        accounts={account: key},
        clock=lambda: float(time) + 59,
        templates={"7": "订单【变量】，【变量】，电话【变量】，金额【变量】。"},
    )


def test_balance_vector(talk: Any) -> None:
    """The balance vector of the facts is accepted and tells the messages left."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.balance[DEMO_ACCOUNT] = 321
        answer = await client.call("GetNum", password="127a3724170e4776e02697529c5de1be", time="1700000000")
        assert answer.json() == {"code": 2, "msg": "提交成功", "num": 321}

    talk(check, clock=lambda: 1700000000.0)


def test_xml_is_the_default(talk: Any, members_of: Any) -> None:
    """Without a format the answer is XML with root SubmitResult, a default namespace and a 20-digit smsid."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.submit(format="")
        root, members = members_of(answer.content)
        assert root == "SubmitResult"
        assert members == {"code": "2", "msg": "提交成功", "smsid": gateway.submissions[0].smsid}
        refused = members_of((await client.submit(format="xml", mobile="1380013800")).content)
        assert refused == ("SubmitResult", {"code": "406", "msg": MESSAGES[406], "smsid": "0"})

    talk(check)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_namespaces(talk: Any, namespace: str) -> None:
    """The default namespace of XML answers is the one that was chosen."""

    async def check(gateway: Any, client: Any) -> None:
        assert f'<SubmitResult xmlns="{namespace}">' in (await client.submit(format="xml")).text

    talk(check, namespace=namespace)


def test_serial_numbers(talk: Any) -> None:
    """Serial numbers are strings of 20 digits beyond int64, unique, and they grow."""

    async def check(gateway: Any, client: Any) -> None:
        for _ in range(30):
            assert await client.code() == 2
        ids = [one.smsid for one in gateway.submissions]
        assert all(len(one) == 20 and int(one) > 2**63 - 1 for one in ids)
        assert ids == sorted(set(ids))

    talk(check, clock=lambda: 0.0)


def test_get_and_post(talk: Any) -> None:
    """Submit takes its fields from the query of a GET, and from the body, never the query, of a POST."""

    async def check(gateway: Any, client: Any) -> None:
        query = (
            f"method=Submit&account={DEMO_ACCOUNT}&password={DEMO_API_KEY}"
            f"&mobile=13800138000&content={quote(TEXT)}&format=json"
        )
        assert (await client.http.get(f"/webservice/sms.php?{query}")).json()["code"] == 2
        posted = await client.http.post(f"/webservice/sms.php?{query}")
        assert "<code>401</code>" in posted.text
        as_json = await client.http.post("/webservice/sms.php?method=Submit", json={"account": DEMO_ACCOUNT})
        assert "<code>401</code>" in as_json.text
        assert gateway.submissions[0].content == TEXT
        assert [one.verb for one in gateway.requests] == ["GET", "POST", "POST"]

    talk(check)


def test_newer_paths(talk: Any) -> None:
    """The newer host's paths know the same fields and always answer JSON."""

    async def check(gateway: Any, client: Any) -> None:
        fields = {
            "account": DEMO_ACCOUNT,
            "password": DEMO_API_KEY,
            "mobile": "13800138000",
            "content": "您好",
        }
        assert (await client.http.post("/sms/Submit.json", data=fields)).json()["code"] == 2
        assert (await client.http.post("/sms/GetNum.json", data=fields)).json()["num"] == 999

    talk(check)


@pytest.mark.parametrize(
    ("verb", "target"),
    [
        ("GET", "/"),
        ("POST", "/webservice/sms.php"),
        ("POST", "/webservice/sms.php?method=submit"),
        ("POST", "/webservice/isms.php?method=Submit"),
        ("PUT", "/webservice/sms.php?method=Submit"),
        ("HEAD", "/webservice/sms.php?method=Submit"),
    ],
)
def test_unknown_is_404(talk: Any, verb: str, target: str) -> None:
    """A path, method or verb that does not exist is an HTML page under 404, and is recorded."""

    async def check(gateway: Any, client: Any) -> None:
        answer = await client.http.request(verb, target)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
        assert len(gateway.requests) == 1
        assert await client.code() == 2  # the connection is as good as before
        assert gateway.connections == 1

    talk(check)


def test_date_header(talk: Any) -> None:
    """Every answer carries the gateway's own time in its Date header, pages and refusals too."""

    async def check(gateway: Any, client: Any) -> None:
        answers = [await client.submit(), await client.submit(mobile="1"), await client.http.get("/nowhere")]
        assert {one.headers["date"] for one in answers} == {"Tue, 14 Nov 2023 22:13:20 GMT"}

    talk(check, clock=lambda: 1700000000.0)


@pytest.mark.parametrize(
    ("field", "code"), [("account", 401), ("password", 402), ("mobile", 403), ("content", 404)]
)
def test_empty_fields(talk: Any, field: str, code: int) -> None:
    """Each of the four fields has its own code when it is empty."""

    async def check(gateway: Any, client: Any) -> None:
        assert await client.code(**{field: ""}) == code

    talk(check)


def test_static_key(talk: Any) -> None:
    """Without a time the password is the key itself: anything else is 405, a dynamic password too."""

    async def check(gateway: Any, client: Any) -> None:
        assert await client.code(password="wrong") == 405
        assert await client.code(password="bd6e42ffbd72201ed6b668c25ce5f30c") == 405
        assert await client.code(password=DEMO_API_KEY, time="1700000000") == 40502

    talk(check)


@pytest.mark.parametrize(("offset", "code"), [(-61, 40501), (-60, 2), (0, 2), (60, 2), (61, 40501)])
def test_clock_window(talk: Any, md5_of: Any, offset: int, code: int) -> None:
    """A rightly signed time more than the window away from the gateway's clock is 40501."""

    async def check(gateway: Any, client: Any) -> None:
        time = str(1700000000 + offset)
        password = md5_of(f"{DEMO_ACCOUNT}{DEMO_API_KEY}13800138000hi{time}")
        assert await client.code(content="hi", time=time, password=password) == code

    talk(check, clock=lambda: 1700000000.0)


def test_malformed_time(talk: Any, md5_of: Any) -> None:
    """A time that is not 10 digits is out of every window, even when it is rightly signed."""

    async def check(gateway: Any, client: Any) -> None:
        password = md5_of(f"{DEMO_ACCOUNT}{DEMO_API_KEY}13800138000hi1700000000000")
        assert await client.code(content="hi", time="1700000000000", password=password) == 40501

    talk(check, clock=lambda: 1700000000.0)


@pytest.mark.parametrize(
    ("options", "fields", "code"),
    [
        ({}, {"account": "C99999999"}, 405),
        ({"unknown_account_code": 4053}, {"account": "C99999999"}, 4053),
        ({"blocked_ips": ["127.0.0.1"]}, {"account": ""}, 400),
        ({"frozen_accounts": [DEMO_ACCOUNT]}, {}, 4050),
        ({"bound_ips": {DEMO_ACCOUNT: ["192.0.2.1"]}}, {}, 4052),
        ({"bound_ips": {DEMO_ACCOUNT: ["127.0.0.1"]}}, {}, 2),
        ({}, {"mobile": "+8613800138000"}, 406),
        ({}, {"mobile": "1380013800１"}, 406),
        ({}, {"mobile": "12800138000"}, 406),
        ({"blocked_numbers": ["13800138000"]}, {}, 4030),
        ({}, {"content": "【某某】您好"}, 4070),
        ({}, {"content": "您好😀"}, 4074),
        ({}, {"content": "您好❤\ufe0f"}, 4074),
        ({}, {"content": "★ 订单 ☎"}, 2),
        ({"sensitive_words": ["发票"]}, {"content": "代开发票"}, 407),
        ({}, {"content": "长" * 500}, 2),
        ({}, {"content": "长" * 501}, 4073),
        ({"max_length": 300}, {"content": "长" * 301}, 4073),
        ({"balance": 0}, {}, 4051),
        ({"balance": 1}, {"content": "长" * 64}, 2),
        ({"balance": 1}, {"content": "长" * 65}, 4051),
        ({}, {"templateid": "1", "content": "1234"}, 2),
        ({}, {"templateid": "2", "content": "1234"}, 4071),
        ({}, {"templateid": "1", "content": "1234|5"}, 4072),
        ({}, {"templateid": "1", "content": "1" * 51}, 40722),
        ({"variable_limit": 4}, {"templateid": "1", "content": "12345"}, 40722),
        ({"variable_limit": None}, {"templateid": "1", "content": "1" * 51}, 2),
        ({"match_templates": True}, {}, 2),
        ({"match_templates": True}, {"content": "您的验证码是:1234。请不要把验证码泄露给其他人。"}, 4072),
        ({"match_templates": True}, {"content": "您的验证码是：。请不要把验证码泄露给其他人。"}, 4072),
    ],
)
def test_checks(talk: Any, options: dict[str, Any], fields: dict[str, str], code: int) -> None:
    """Each check of the gateway answers its own code, and a refused message is not recorded."""

    async def check(gateway: Any, client: Any) -> None:
        assert await client.code(**fields) == code
        assert len(gateway.submissions) == (code == 2)

    talk(check, **options)


def test_no_template_at_all(talk: Any) -> None:
    """With matching on and no template approved, a text is 4071."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.templates.review("1", approved=False)
        assert await client.code() == 4071

    talk(check, match_templates=True)


@pytest.mark.parametrize(
    ("limits", "apart", "codes"),
    [
        (Limits(per_second=1), 0.5, [2, 4080, 2, 4080, 2]),
        (Limits(per_minute=1), 30.0, [2, 4081, 2, 4081]),
        (Limits(per_day=2), 8 * 3600.0, [2, 2, 4082, 2, 2]),
        (Limits(same_text_per_minute=1), 30.0, [2, 4083, 2]),
        (Limits(same_text_per_day=2), 600.0, [2, 2, 4084]),
        (Limits(codes_per_day=3), 600.0, [2, 2, 2, 4085]),
        (Limits(), 0.0, [2] * 8),
    ],
)
def test_limits(talk: Any, limits: Limits, apart: float, codes: list[int]) -> None:
    """A number that is written to too often gets the code of the limit, until the window has passed."""
    now = [1700000000.0]

    async def check(gateway: Any, client: Any) -> None:
        seen = []
        for _ in codes:
            seen.append(await client.code())
            now[0] += apart
        assert seen == codes
        assert await client.code(mobile="13800138001") == 2

    talk(check, limits=limits, clock=lambda: now[0])


def test_codes_are_told_from_texts(talk: Any) -> None:
    """The daily limit of codes does not count, and does not stop, other texts."""

    async def check(gateway: Any, client: Any) -> None:
        assert [await client.code(content="订单已发货") for _ in range(2)] == [2, 2]
        assert [await client.code(), await client.code()] == [2, 4085]
        assert await client.code(content="订单已发货") == 2

    talk(check, limits=Limits(codes_per_day=1))


def test_balance_is_charged(talk: Any) -> None:
    """A message costs one, longer ones a message per 67 characters with the signature, and 0 left is 4051."""

    async def check(gateway: Any, client: Any) -> None:
        gateway.balance[DEMO_ACCOUNT] = 4
        assert await client.code() == 2
        assert await client.code(content="长" * (134 - 6)) == 2
        assert [one.parts for one in gateway.submissions] == [1, 2]
        assert (await client.call("GetNum")).json()["num"] == 1
        assert await client.code() == 2
        assert await client.code() == 4051
        assert (await client.call("GetNum")).json() == {"code": 2, "msg": "提交成功", "num": 0}

    talk(check)


def test_balance_errors(talk: Any, members_of: Any) -> None:
    """A balance that may not be told has num 0 and the code that says why, in either format and root."""

    async def check(gateway: Any, client: Any) -> None:
        assert (await client.call("GetNum", password="wrong")).json() == {
            "code": 405,
            "msg": MESSAGES[405],
            "num": "0",
        }
        assert (await client.call("GetNum", account="")).json()["code"] == 401
        wrong = await client.call("GetNum", password="wrong", time="1700000000", format="xml")
        assert members_of(wrong.content) == (
            "SubmitResult",
            {"code": "40502", "msg": MESSAGES[40502], "num": "0"},
        )
        right = await client.call("GetNum", format="xml")
        assert members_of(right.content)[0] == "GetNumResult"
        assert (await client.call("GetNum")).json()["num"] == "1000"

    talk(check, num_as_text=True, errors_under_submit_root=True)


def test_template_mode_text(talk: Any) -> None:
    """In template mode the content is recorded as sent, beside the text that the phone would show."""

    async def check(gateway: Any, client: Any) -> None:
        assert await client.code(templateid="1", content="1234") == 2
        one = gateway.submissions[0]
        assert (one.content, one.text, one.template_id, one.account) == ("1234", TEXT, "1", DEMO_ACCOUNT)
        assert one.request is gateway.requests[0]

    talk(check)


def test_add_template(talk: Any, md5_of: Any, members_of: Any) -> None:
    """A registered template gets an id with the key or its MD5, and serves once it has been approved."""

    async def check(gateway: Any, client: Any) -> None:
        added = (await client.call("AddTemplate", content="您的订单【变量】已由【变量】发出。")).json()
        assert added["code"] == 2
        one = added["templateid"]
        assert await client.code(templateid=one, content="A1|顺丰") == 4071
        gateway.templates.review(one, approved=True)
        assert await client.code(templateid=one, content="A1|顺丰") == 2
        assert gateway.submissions[0].text == "您的订单A1已由顺丰发出。"
        gateway.templates.review(one, approved=False)
        assert await client.code(templateid=one, content="A1|顺丰") == 4071

        hashed = await client.call(
            "AddTemplate", content=TEST_TEMPLATE, password=md5_of(DEMO_API_KEY), format="xml"
        )
        root, members = members_of(hashed.content)
        assert (root, members["code"]) == ("AddTemplateResult", "2")
        assert members["templateid"] not in {one, "0"}
        for fields, code in [
            ({"content": ""}, 404),
            ({"content": "x", "password": "wrong"}, 405),
            ({"content": "【某某】您好"}, 4070),
        ]:
            refused = (await client.call("AddTemplate", **fields)).json()
            assert (refused["code"], refused["templateid"]) == (code, "0")

    talk(check)


def test_every_code_has_words() -> None:
    """Every code of the facts has the vendor's Chinese words."""
    listed = (
        "0 2 400 401 402 403 404 4030 405 4050 40501 40502 4051 4052 4053 406 407 4070 4071 4072 40722 4073"
        " 4074 4075 408 4080 4081 4082 4083 4084 4085 4086 1 4077 40505"
    )
    assert {int(code) for code in listed.split()} == set(MESSAGES)
    assert all(json.dumps(words) and words.strip() for words in MESSAGES.values())
