"""Secrets in every notation are masked, and nothing else: in each line exactly what stands between « and »."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from infill_completion.privacy.masking import mask_secrets

HEX = "0123456789abcdef" * 10
MIXED = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA" * 8
HANG_S = 30


def masked_line(line: str) -> str:
    """Return ``line`` with its secrets between « and »."""
    before, after = "import os\n\n", "\nprint(1)\n"
    masked = mask_secrets(before + line + after).text
    assert masked.startswith(before)
    assert masked.endswith(after)
    shown = masked[len(before) : -len(after)]
    assert len(shown) == len(line)
    return "".join(b if a == b else "\0" for a, b in zip(line, shown, strict=True))


# Assembled here, so that no scanner takes them for real secrets.
ISSUED = {
    "gho_": MIXED[:36],
    "github_pat_": MIXED[:60],
    "glpat-": MIXED[:20],
    "gldt-": MIXED[:20],
    "GR1348941": MIXED[:20],
    "xoxp-": "123456789012-123456789012-" + HEX[:32],
    "xapp-1-": "A0123456789-1234567890123-" + HEX[:40],
    "ya29.": MIXED[:60],
    "GOCSPX-": MIXED[:28],
    "1//0": MIXED[:40],
    "whsec_": MIXED[:32],
    "SK": HEX[:32],
    "SG.": MIXED[:22] + "." + MIXED[:43],
    "abc8Q~": MIXED[:34],
    "npm_": MIXED[:36],
    "pypi-": "AgEIcHlwaS5vcmc" + MIXED[:60],
    "sk-proj-": MIXED[:48],
    "sk-ant-api03-": MIXED[:93],
    "sk-or-v1-": HEX[:64],
    "hf_": MIXED[:34].replace("_", "a"),
    "dop_v1_": HEX[:64],
    "shpat_": HEX[:32],
    "1234567890:AA": MIXED[:33],
    "MTA": MIXED[:21] + ".Gh3jKl." + MIXED[:30],
    "AGE-SECRET-KEY-1": "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L" * 2,
    "dapi": HEX[:32],
    "dp.pt.": MIXED[:43],
    "lin_api_": MIXED[:40],
    "ntn_": MIXED[:46],
    "sntrys_": MIXED[:60],
    "glsa_": MIXED[:32] + "_" + HEX[:8],
    "hvs.": MIXED[:90],
    "abcdefghij1234.atlasv1.": MIXED[:64],
    "dckr_pat_": MIXED[:27],
    "sq0csp-": MIXED[:43],
    "key-": HEX[:32],
    "PMAK-": HEX[:24] + "-" + HEX[:34],
    "pul-": HEX[:40],
    "pscale_tkn_": MIXED[:43],
    "dt0c01.": MIXED[:24].upper() + "." + MIXED[:64].upper(),
    "HRKU-AA": MIXED[:58],
    "NRAK-": MIXED[:27].upper(),
    "ATATT3": MIXED[:180],
    "gsk_": MIXED[:52],
    "rubygems_": HEX[:48],
    "tskey-auth-": "kAbCdEfGh1CNTRL-" + MIXED[:32],
    "figd_": MIXED[:40],
}


@pytest.mark.parametrize("prefix", ISSUED)
@pytest.mark.parametrize("line", ['client = connect("{}")', "+  value: {}", "# use {} for now", "{}"])
def test_tokens_of_issuers_are_masked(prefix: str, line: str) -> None:
    secret = prefix + ISSUED[prefix]
    assert secret not in mask_secrets(line.format(secret)).text
    assert ISSUED[prefix][:12] not in mask_secrets(line.format(secret)).text


WRITTEN_OUT = r"""
pw: «S3cr3tPw1»
# pwd: «S3cr3tPw1»
password = R"(«S3cr3tPw1»)"
auto password = u8R"x(«S3cr3tPw1»)x";
password = "«my secret pass 99»"
"password": "«correct h0rse battery»",
password="«p@ss w0rd»"
password = "«pa\"ss1word»"
password = '«it\'s s3cret»'
password: "«%7Bxyz123»"
user: joe / password: «S3cr3tPw1»
Username: admin, Password: «S3cr3tPw1»
The login: admin password: «S3cr3tPw1».
| password | «S3cr3tPw1» |
| Admin password | `«S3cr3tPw1»` |
| **token** | «a1b2c3d4e5f6» |
curl --data "client_secret=«abcDEF123ghiJKL456mno»&grant=x"
requests.post(url, data='token=«a1b2c3d4e5»&user=a')
variable "db_password" { default = "«S3cr3tPw1»" }
redis://:«s3cr3tpw»@cache:6379/0
CACHE_URL=redis://:«s3cr3tpw»@cache:6379/0
url = "amqp://:«s3cr3tpw»@mq"
postgresql+asyncpg://app:«p@ss-w0rd»@db.internal:5432/app
https://x-access-token:«abc123def456»@github.com/me/repo.git
fetch("https://api.example.com/v1/items?access_token=«abc123def456ghi789»&page=2")
https://me.blob.core.windows.net/c/f?sv=2022-11-02&sr=b&sig=«aB3dE5gH7jK9mN1pQ2rS4tU6v%3D»
https://bucket.s3.amazonaws.com/k?X-Amz-Signature=«0123456789abcdef0123456789abcdef»
curl "https://maps.example.com/js?key=«aB3dE5gH7jK9mN1pQ2rS4tU6»"
https://hooks.slack.com/services/«T00000000/B00000000/aB3dE5gH7jK9mN1pQ2rS4tU6»
https://discord.com/api/webhooks/123456789012345678/«aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zAaB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA»
+DB_PASSWORD=«hunter2secret!»
-DB_PASSWORD=«hunter2secret!»
+password: «s3cr3tPass!»
-    password: «s3cr3tPass!»
+export API_TOKEN=«abc123def456ghi789»
+  "password": "«hunter2!»",
-API_KEY = '«abc123def456ghi789»'
# the admin password is «hunter2!»
// password: «hunter2!» for the staging database
/* old pw: «hunter2!» */
-- password = «hunter2!»
# staging password: «Sup3rSecret» (rotate in May)
<password>«hunter2!»</password>
<ClearTextPassword>«hunter2!»</ClearTextPassword>
<add key="x" password="«hunter2!»" />
docker run -e DB_PASSWORD=«hunter2!secret» app
PGPASSWORD=«hunter2!x9» psql -h db
mysql -u root -p«hunter2!» app
sshpass -p '«hunter2!»' ssh me@host
mysqldump --password=«hunter2!» app
deploy --token «abc123def456ghi789»
deploy --api-key="«abc123def456ghi789»" --verbose
curl -u admin:«hunter2!» https://example.com
curl --user "admin:«hunter2!»" https://example.com
Authorization: Token «9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b»
Authorization: Basic «YWRtaW46aHVudGVy»
"Authorization": "ApiKey «abc123def456ghi789»"
Server=db;Database=app;User Id=me;Password=«hunter2!»;
host=db user=me password=«hunter2» dbname=app
PrivateKey = «yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=»
DefaultEndpointsProtocol=https;AccountName=me;AccountKey=«abcdefghijklmnopqrstuvwxyz0123456789==»;
ENV DB_PASSWORD=«hunter2secret!»
https://api.telegram.org/bot«123456789:AAabcdefghijklmnopqrstuvwxyz0123456»/send
https://user:«pa$$w0rd»@host/x
jdbc:mysql://host/db?user=me&password=«hunter2»
https://host/cb#access_token=«abc123def456ghi789»
curl -H 'X-Api-Key: «abc123def456ghi789»'
curl -H "PRIVATE-TOKEN: «abc123def456ghi789jk»"
headers["Authorization"] = "token «9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b»"
ENV DB_PASSWORD «hunter2secret!»
<property name="password" value="«hunter2!»"/>
machine example.com login me password «hunter2»
# TODO remove: token «abc123def456ghi789jklmno»
openssl rsa -passin pass:«hunter2!»
POSTGRES_PASSWORD: «hunter2»
MYSQL_ROOT_PASSWORD: «Sup3rS3cret»
password: «hunter2»
- password: «tr0ub4dor»
spring.datasource.password=«hunter2»
password=«tr0ub4dor&3»
ALTER USER me WITH PASSWORD '«hunter2!»';
CREATE USER me IDENTIFIED BY '«hunter2!»';
(setq my-password "«hunter2!»")
:password "«hunter2!»"
#define WIFI_PASSWORD "«hunter2!»"
#define API_KEY "«abc123def456ghi789»"
auth: { user: "me", pass: "«hunter2!»" }
pwd = "«hunter2!»"
wpa: psk="«hunter2!phrase»"
requests.get(url, auth=("me", "«hunter2!»"))
server.login("me@example.com", '«hunter2!»')
new NetworkCredential("me", "«hunter2!»")
ConvertTo-SecureString "«hunter2!»" -AsPlainText -Force
{"name": "DB_PASSWORD", "value": "«hunter2!»"}
//registry.example.com/:_authToken=«0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9»
_auth = «bWU6aHVudGVyMiE=»
{"auths": {"reg.example.com": {"auth": "«bWU6aHVudGVyMiE=»"}}}
https://«0123456789abcdef0123456789abcdef01234567»@github.com/me/repo.git
ansible_ssh_pass=«hunter2Secret9»
secret_key_base: «0123456789abcdef0123456789abcdef»
storage_account_key = "«aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA==»"
"""


@pytest.mark.parametrize("line", WRITTEN_OUT.strip().split("\n"))
@pytest.mark.parametrize("indent", ["", "    ", "\t"])
def test_a_secret_is_masked_in_every_notation(line: str, indent: str) -> None:
    if indent and line.startswith(("+", "-")):
        indent = ""
    head, _, rest = line.partition("«")
    secret, _, tail = rest.partition("»")
    assert masked_line(indent + head + secret + tail) == indent + head + "\0" * len(secret) + tail


HARMLESS = r"""
pw: Password1Field
pwd = os.getcwd1()
pw = hash_password2(value)
password = R"([a-z]{8,12})"
password = "Enter your password again"
password = "must be at least 8 characters"
password: "Use 8 to 64 characters"
"password": "The password is too short (min 12)",
password_help = "try a p4ss phrase"
password = "user name 1"
user: str, password: str
login(user: User1, password: Password2)
Username: admin, Password: required
| password | string |
| token | VARCHAR(255) |
| password | sha256-hashed |
| secret | see chapter 12 |
data="grant_type=password&scope=a1b2c3"
data="token=" + token1 + "&x=1"
variable "db_password" { default = "" }
variable "token_count" { default = "three" }
variable "region" { default = "eu-west-1" }
sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="
commit 28f97257b2c3e1d4a5f60718293a4b5c6d7e8f90
index 28f9725..cb8b54a 100644
uses: actions/checkout@8f4b7f84864484a7bf31766abe9204da3cbe65b3
id: 3f2504e0-4f89-11d3-9a0c-0305e82c3301
src="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4"
checksum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
password = "<password>"
password: changeme
DB_PASSWORD=changeme
DB_PASSWORD=your-password-here1
DB_PASSWORD=${DB_PASSWORD}
DB_PASSWORD=$DB_PASSWORD1
password = os.environ["DB_PASSWORD_1"]
const password = process.env.DB_PASSWORD_1;
postgres://user:password@localhost/db
postgres://user:${PASSWORD}@localhost/db
postgres://%(user)s:%(password)s@%(host)s/db
redis://localhost:6379/0
http://localhost:8080/a@b
ssh://git@github.com:22/me/repo.git
https://example.com/search?q=abc123def456&page=2
https://example.com/page?token={token}&key=${key}
https://example.com/login?token=<token>
f"{base}?access_token={access_token1}"
def find(self, &key=default1, token=token2):
if (x && token=next1) {
// password: string
# password: the password of the user
# the password is hashed with bcrypt
// the password is read from stdin
/* password: see docs/login.md */
parser.add_argument("--password", help="the password")
parser.add_argument("--token-file", type=Path)
deploy --token TOKEN --password PASSWORD
deploy --password-stdin < file1
deploy --token $TOKEN1
docker run --user 1000:1000 -u 1000:1000 app
curl -u user:password https://example.com
mkdir -p build/release1
mysql -u root -p app
<password>${password}</password>
<input type="password" id="field1" name="login_2">
<Password>string</Password>
Authorization: Bearer <token>
Authorization: Basic <credentials>
"Authorization": "Basic " + encoded
basic authentication is required
class="sk-circle-fade-dot sk-loading-spinner-container-1"
import { sk_live_mode } from "./stripe"
const key = event.keyCode1;
TOKEN = re.compile(r"(?P<token>[a-z0-9]{8,})")
SECRET_NAME=my-app-secrets
API_KEY_HEADER = "X-Api-Key-1"
MAX_TOKENS=128000
TOKEN_URL=https://auth.example.com/oauth2/token
public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl me@host"
-----BEGIN CERTIFICATE-----
https://user:$PASSWORD1@host/x
url.searchParams.set(`?password=${password1}`)
accept-token: string
"sec-websocket-key": base64.b64encode(token_bytes(16)),
cache-key: ${{ runner.os }}-node-20-build-18
key: ubuntu-22.04-node-20
expected token identifier_with_a_long_name
<property name="password" value="${db.password1}"/>
login with a password of 8 characters
ENV DB_PASSWORD_FILE /run/secrets/db1
password: int32
invalid password '%s1'
raise ValueError("password 'too short'")
#define KEY "up_arrow"
#define MAX_PASSWORD "password_too_long"
pwd = "/home/me/x1"
pass: "login"
auth=("me", password1)
server.login("me", os.environ["PASSWORD1"])
{"name": "token", "value": "string"}
{"name": "SECRET_TOKEN", "value": "${TOKEN1}"}
"auth": "required",
https://my-long-user-name@example.com/repo
token == "identifier_1" == other
password: sha256
password: varchar255
password: user1
password=new_password1
password=self.password1
password: bcrypt12
PASSWORD: Final1[str]
MAX_PASSWORD_LENGTH: 128
version = "1.2.3-rc.1+build.20240101"
"resolved": "https://registry.npmjs.org/left-pad/-/left-pad-1.3.0.tgz#5b8a3a7765dfe001261dde915589e782f8c94d1e",
"""


@pytest.mark.parametrize("line", HARMLESS.strip().split("\n"))
def test_what_only_looks_like_a_secret_stays(line: str) -> None:
    assert masked_line(line) == line


@pytest.mark.parametrize("value", ["«hunter2!»", '"«hunter2!»"', "«hunter2!»  # old"])
@pytest.mark.parametrize("name", ["- name: DB_PASSWORD\n  value: ", "    name: api_key\n    value: "])
def test_a_value_on_the_line_after_its_name_is_masked(name: str, value: str) -> None:
    head, _, rest = (name + value).partition("«")
    secret, _, tail = rest.partition("»")
    assert masked_line(head + secret + tail) == head + "\0" * len(secret) + tail


def test_password_hashes_are_masked() -> None:
    hashed = "$2y$05$" + MIXED[:53]
    assert masked_line(f"me:{hashed}") == "me:" + "\0" * len(hashed)
    assert masked_line(f'stored = "{hashed}"') == f'stored = "{hashed}"'


def test_a_certificate_and_its_key_are_told_apart() -> None:
    lines = [MIXED[:64]] * 5
    certificate = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])
    putty = (
        "PuTTY-User-Key-File-3: ssh-ed25519\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\n" + MIXED[:64] + "\nPrivate-MAC"
    )
    assert mask_secrets(certificate).text == certificate
    assert MIXED[:64] not in mask_secrets(putty).text
    ssh2 = "\n".join(
        ["---- BEGIN SSH2 ENCRYPTED " + "PRIVATE KEY ----", *lines, "---- END SSH2 ENCRYPTED PRIVATE KEY ----"]
    )
    assert MIXED[:64] not in mask_secrets(ssh2).text


@contextmanager
def no_hang() -> Iterator[None]:
    """Fail if the work inside hangs; an ordinary run takes a hundredth of `HANG_S`."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError("the filter hangs")

    former = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


BEGIN = "-----BEGIN RSA " + "PRIVATE KEY-----"
HOSTILE = {
    "plus signs in a key": BEGIN + "\n" + "+" * 100_000 + "!",
    "slashes in a key": BEGIN + "\n" + "/" * 100_000 + "!",
    "backslashes in a key": BEGIN + "\n" + "\\" * 100_000 + "!",
    "many begins": (BEGIN + "\nMIIE\n") * 2_500,
    "many secrets": 'API_TOKEN = "abcdef1234567890XYZ"\n' * 3_000,
    "many secrets on a line": 'token="abcdef1234567890XYZ" ' * 3_500,
    "names": "password" * 12_500,
    "names with dots": "password." * 11_000,
    "names with signs": "password=" * 11_000,
    "names with blanks": "password " * 11_000,
    "names and types": "token: list[" * 9_000,
    "schemes": "a://b:" * 16_000,
    "urls": "http://:" * 12_500,
    "queries": "?token=" * 14_000,
    "options": "--password " * 9_000,
    "options without names": "-" * 100_000,
    "commands": "mysql " * 16_000,
    "elements": "<password>" * 10_000,
    "comments": "# " * 50_000,
    "comment marks": "#" * 100_000,
    "bearer": "bearer " * 14_000,
    "dots": "M" * 27 + ".aaaaaa." * 12_000,
    "capitals": "A" * 100_000,
    "underscores": "A_" * 50_000 + "=",
    "web tokens": "eyJ" * 33_000,
    "cookies": "cookie: " * 12_500,
    "semicolons": ";password" * 11_000,
    "equals": "host=a " * 14_000,
    "statements": "password '" * 10_000,
    "calls": ".login('" * 14_000,
    "pairs": "name: password\n" * 7_000,
    "hashes": "a:$6$" * 20_000,
    "blanks": "password" + " " * 100_000,
    "private lines": "Private-Lines: 1\n" * 6_000,
    "one letter": "a" * 100_000,
}


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs SIGALRM to notice a hang")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_takes_time_in_proportion_to_its_length(name: str) -> None:
    text = HOSTILE[name]
    with no_hang():
        assert len(mask_secrets(text).text) == len(text)
