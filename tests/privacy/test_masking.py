"""Secrets are masked before the model sees them, even if they are cut; code that only handles secrets is not."""

import json

import pytest

from infill_completion.document.snapshot import SkipReason
from infill_completion.document.workspace import OpenDocument
from infill_completion.privacy.masking import mask_secrets
from infill_completion.settings import CompletionSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from tests.context.test_context import EditorDocuments
from tests.suggest.scripted import ScriptedEngine, at, says

AT_ONCE = Settings(completion=CompletionSettings(debounce_ms=0))

# Assembled here, so that no scanner takes them for real secrets.
SECRETS = {
    "AWS access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "GitLab token": "glpat-" + "a1B2" * 5,
    "Slack token": "xoxb-" + "1234567890-abcdef",
    "Google API key": "AIza" + "Sy0aB-c" * 5,
    "Stripe key": "sk_live_" + "a1B2" * 6,
    "Hugging Face token": "hf_" + "aB1" * 11,
    "JSON web token": "eyJ" + "hbGciOiJI" + ".eyJ" + "zdWIiOiIx" + ".c2lnbmF0dXJl",
}


@pytest.mark.parametrize(("kind", "secret"), SECRETS.items())
def test_well_known_secrets_are_masked_and_named(kind: str, secret: str) -> None:
    masked = mask_secrets(f'client = connect("{secret}")\nprint(1)\n')
    assert masked.kinds == (kind,)
    assert secret not in masked.text
    assert masked.text.endswith('")\nprint(1)\n')
    assert len(masked.text) == len(f'client = connect("{secret}")\nprint(1)\n')


# In each line the part between « and » must be masked, and nothing else.
WRITTEN_OUT = r'''
password = "«hunter2!»"
db: postgres://me:«s3cret»@host/db
"api_key": "«abc123def456ghi»"
SECRET_KEY = '«django-insecure-8f7g6h5j4k3l2m1n0bvcxz»'
SECRET_KEY = "«8f7g6h5j4k3l2m1n0b!@#$%^&*(-_=+vcxz»"
SECRET_KEY=«8f7g6h5j4k3l!@#$%^&*(-_=+vcxz»
client_secret: «abcdef1234567890abcd»
client_secret = "«3f2504e0-4f89-11d3-9a0c-0305e82c3301»"
DB_PASSWORD=«hunter2secret!»
export DB_PASS=«hunter2secret»
# DB_PASSWORD=«hunter2secret»
password: «s3cr3tPass!»
    - password: «s3cr3tPass»  # of the test server
password = «p@ssw0rd1»
aws_secret_access_key = «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»
AWS_SECRET_ACCESS_KEY='«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»'
Authorization: Bearer «abcdef1234567890abcdef»
'Authorization': 'Bearer «abcdef1234567890abcdef»'
curl -H "Authorization: Basic «dXNlcjpodW50ZXIyISEh»"
x-api-key: «abc123def456ghi789»
os.environ['API_TOKEN'] = '«abc123def456ghi789»'
os.environ.get("API_TOKEN", "«abc123def456ghi789»")
set_password('«hunter2!!aa»')
token: str = '«abc123def456ghi789»'
token: Optional[str] = '«abc123def456ghi789»'
token: str | None = "«abc123def456ghi789»"
let password: &str = "«hunter22»";
static SECRET: &'static str = "«abc123def456ghi789»";
var password string = "«hunter22»"
password := "«hunter22»"
const char password[] = "«hunter22»";
const accessToken = `«abc123def456ghi789»`;
const token = process.env.TOKEN || "«abc123def456ghi789»";
if password == "«hunter2!»":
token = b"«abc123def456ghi789»"
token = """«abc123def456ghi789»"""
"AccountName=me;AccountKey=«abcdefghijklmnopqrstuvwxyz0123456789==»;EndpointSuffix=x"
"Server=db;User Id=me;Password=«hunter2»;"
api_key='«abc123def456ghi789»
login(user="me", password="«hunter2!»", retry=True)
"İ", password = "«hunter2!»"
'''


@pytest.mark.parametrize("line", WRITTEN_OUT.strip().split("\n"))
def test_only_the_literal_secret_of_a_line_is_masked(line: str) -> None:
    head, _, rest = line.partition("«")
    secret, _, tail = rest.partition("»")
    before, behind = "import os\n\n", "\nprint(1)\n"
    masked = mask_secrets(before + head + secret + tail + behind)
    assert masked.text == before + head + "*" * len(secret) + tail + behind
    assert len(masked.kinds) == 1


HARMLESS = r"""
password = getpass("Password: ")
password = get_password()
password = get_password1(user2)
password = config.PASSWORD2
password = self.password1
password = password2
password: string;
password: string
password: str = ""
password: Password1
password: user.password!
password: "string"
password = "${DB_PASSWORD}"
password = "{password1}"
password = "<your-password-1>"
password = "%(password1)s"
password = "$PASSWORD1"
password = "^[A-Z0-9]+$"
password: "auth.errors.password_min_8"
password: !Ref Password1
password: *password1
DB_PASSWORD=$DB_PASSWORD1
DB_PASSWORD=$(pass show db1)
"type": "password", "id": "field1"
input[type="password"]#x1 { color: red }
"password="+pw1+"&user="+user1
{"password":p1,"user":u1}
if password == other.password2:
render_pass = "shadow1"
token = tokens[index + 1]
token = "identifier"
token = parser.next_token2()
token = lexer.token2
token = x1+y2
token = sha256_of_token1
token: Token1
token: "comment.block.documentation2"
token: "color-primary-500-hover"
token: str = ""
TOKENS=4096
"max_tokens": 128, "token_type_1": "bearer"
"token": "https://auth.example.com/v2/token"
secret = os.environ["SECRET"]
secret_key = settings.SECRET_KEY
secret_key = settings.OAUTH2_SECRET_KEY
SECRET_KEY = env("DJANGO_SECRET_KEY_1")
API_KEY = "YOUR_API_KEY_123"
api_key: "<paste 1 key here>"
private_key = "/etc/ssl/private/server2.key"
private_key: ./certs/server2.key
credentials: "same-origin"
def access_key(self): return self._access_key
Authorization: Bearer ${TOKEN1}
"Authorization": f"Bearer {token_of(user1)}"
headers = bearer authentication of this server
https://example.org:8080/a@b
# https://user:password@host:port/path
BEGIN = "-----BEGIN PRIVATE KEY-----"
if "-----BEGIN RSA PRIVATE KEY-----" in text: return load(text)
"""


@pytest.mark.parametrize("line", HARMLESS.strip().split("\n"))
def test_code_that_handles_secrets_is_not_masked(line: str) -> None:
    code = f"import os\n\n{line}\nprint(1)\n"
    assert mask_secrets(code).text == code


def test_code_that_mentions_the_marks_of_a_key_is_not_masked() -> None:
    code = 'BEGIN = "-----BEGIN PRIVATE KEY-----"\nMORE = 1\nEND = "-----END PRIVATE KEY-----"\n'
    assert mask_secrets(code).text == code


def test_a_masked_private_key_keeps_its_line_ends() -> None:
    key = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nx = 1\n"
    masked = mask_secrets(key)
    assert "MIIE" not in masked.text
    assert masked.text.count("\n") == key.count("\n")
    assert masked.text.endswith("x = 1\n")


KEY_LINES = [f"MIIEowIBAAKCAQEA{number:04}" for number in range(800)]
BEGIN, END = "-----BEGIN RSA " + "PRIVATE KEY-----", "-----END RSA " + "PRIVATE KEY-----"


@pytest.mark.parametrize(
    "shape",
    [
        "{}\n",
        '"{}\\n"\n',
        '    + "{}\\n"\n',
        "# {}\n",
        "    {}\n",
    ],
)
@pytest.mark.parametrize("missing", ["", "begin", "end"])
def test_a_key_is_masked_in_any_shape_even_without_one_of_its_marks(shape: str, missing: str) -> None:
    parts = [BEGIN] * (missing != "begin") + KEY_LINES[:30] + [END] * (missing != "end")
    text = "x = some_call(1)\n" + "".join(shape.format(part) for part in parts) + "y = other_call(2)\n"
    masked = mask_secrets(text).text
    assert "MIIE" not in masked
    assert masked.startswith("x = some_call(1)\n")
    assert masked.endswith("y = other_call(2)\n")


def test_a_key_in_json_is_masked() -> None:
    text = json.dumps({"private_key": "\n".join([BEGIN, *KEY_LINES[:30], END, ""]), "client_id": "1"})
    masked = mask_secrets(text).text
    assert "MIIE" not in masked
    assert masked.endswith('"client_id": "1"}')
    cut = text.index("0010")
    assert "MIIE" not in mask_secrets(text[:cut]).text + mask_secrets(text[cut:]).text


def test_the_surrounding_text_reveals_a_secret_that_is_cut() -> None:
    text = 'API_TOKEN = "abcdef1234567890XYZ"\n'
    assert mask_secrets(text, 20, 25).text == "*****"
    assert mask_secrets(text, 0, 5).kinds == ()
    key = "\n".join([BEGIN, *KEY_LINES[:30], END])
    assert "MIIE" not in mask_secrets(key, 200, 400).text


async def sent(marked: str, settings: Settings = AT_ONCE, editor: EditorDocuments | None = None) -> str:
    engine = ScriptedEngine(says("x"))
    completer = Completer(engine, settings, editor)
    await completer.complete(at(marked, invoked=True))
    await completer.aclose()
    request = engine.requests[0]
    return "\n".join([request.prefix, request.suffix or "", *(item.text for item in request.context)])


@pytest.mark.parametrize(
    "marked",
    [
        'API_TOKEN = "abcdef1234567890XYZ|"\n',
        'API_TOKEN = "abcdef1234567890XYZ|\n',
        'API_TOKEN = "abcdef12345|67890XYZ"\n',
        'API_TOKEN = "|abcdef1234567890XYZ"\n',
        'client = connect("ghp_a1B2a1B2a1B2a1B2a1|B2a1B2a1B2a1B2a1B2")\n',
    ],
)
async def test_a_secret_at_the_cursor_is_masked(marked: str) -> None:
    text = await sent(marked)
    assert "abcd" not in text
    assert "7890" not in text
    assert "a1B2" not in text


@pytest.mark.parametrize(
    ("count", "line"), [(40, 0), (40, 1), (40, 20), (40, 39), (800, 0), (800, 1), (800, 400), (800, 799), (800, 800)]
)
async def test_no_line_of_a_key_is_sent_whatever_the_cursor_and_the_edges(count: int, line: int) -> None:
    lines = ['KEY = """' + BEGIN, *KEY_LINES[:count], END + '"""', ""]
    lines[line] = "|" + lines[line]
    assert "MIIE" not in await sent("\n".join(lines))


async def test_a_key_above_or_below_the_window_cut_by_its_edge_is_masked() -> None:
    key = "\n".join(['KEY = """' + BEGIN, *KEY_LINES, END + '"""', ""])
    assert "MIIE" not in await sent(key + "print(|")
    assert "MIIE" not in await sent("print(|\n" + key)
    assert "MIIE" not in await sent(key + "x = 1\n" * 900 + "print(|")


async def test_a_value_cut_by_an_edge_of_a_long_line_is_masked() -> None:
    line = '{"a":1,"token":"abcdef1234567890XYZ"},' * 3000
    middle = len(line) // 2
    for shift in range(0, 38, 3):
        text = await sent(line[: middle + shift] + "|" + line[middle + shift :])
        assert "7890" not in text
        assert "abcd" not in text


async def test_a_snippet_does_not_show_part_of_a_key_cut_by_its_edge() -> None:
    words = "connect_database open_connection DATABASE_HOST"
    lines = [f"# {words}", 'KEY = """' + BEGIN, *KEY_LINES[:60], END + '"""', f"# {words}", ""]
    editor = EditorDocuments([OpenDocument("file:///vault.py", "python", 1, "\n".join(lines))])
    text = await sent(f"# {words}\n# {words}\nx = |\n", editor=editor)
    assert words in text
    assert "MIIE" not in text


async def test_masking_can_be_switched_off() -> None:
    off = Settings(completion=AT_ONCE.completion, privacy=PrivacySettings(mask_secrets=False))
    assert "abcdef1234567890XYZ" in await sent('API_TOKEN = "abcdef1234567890XYZ"\nx = |\n', off)


@pytest.mark.parametrize(
    ("marked", "text", "is_dropped"),
    [
        ("password = |", '"*****"', True),
        ('password = "|', '*****"', True),
        ("DB_PASSWORD=|", "*****", True),
        ("url = |", '"redis://:****@host"', True),
        ("x = |", "a ** b", False),
        ("def f(|):", "*args, **kwargs", False),
        ("MARK = |", '"**"', False),
        ('A = "***"\nMARK = |', '"***"', False),
        ("# |", "*** stars ***", False),
        ("p = |", "&***q", False),
    ],
)
async def test_the_mask_of_a_short_secret_is_not_suggested(marked: str, text: str, is_dropped: bool) -> None:
    answer = await Completer(ScriptedEngine(says(text)), AT_ONCE).complete(at(marked + "\n", "plaintext", invoked=True))
    assert (not answer.suggestions) == is_dropped


async def test_the_model_does_not_see_a_secret_and_its_mask_is_not_suggested() -> None:
    secret = SECRETS["GitHub token"]
    engine = ScriptedEngine(says('connect("' + "*" * 40 + '")'))
    snapshot = at(f'a = connect("{secret}")\nb = |\n')
    completer = Completer(engine, AT_ONCE)
    answer = await completer.complete(snapshot)
    assert secret not in engine.requests[0].prefix
    assert answer.reason is SkipReason.FILTERED
    explained = await completer.explain(snapshot)
    assert explained.withheld == ("GitHub token",)
    await completer.aclose()
