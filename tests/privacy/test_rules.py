from pathlib import Path

import pytest

from infill_completion.document.snapshot import SkipReason
from infill_completion.privacy.rules import Privacy, path_of, relative_path
from infill_completion.settings import CompletionSettings, PrivacySettings, Settings
from infill_completion.suggest.completer import Completer
from tests.suggest.scripted import ScriptedEngine, at, says

DEFAULTS = PrivacySettings().ignore
AT_ONCE = Settings(completion=CompletionSettings(debounce_ms=0))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("# built\nbuild/\n*.log\n!keep.log\n")
    (tmp_path / "src" / ".infillignore").write_text("deep/private_*.py\n")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("main.py", None),
        ("src/deep/main.py", None),
        ("build/main.py", "build/"),
        ("src/x.log", "*.log"),
        ("keep.log", None),
        ("src/deep/private_key.py", "deep/private_*.py"),
        (".env", "**/.env"),
        ("src/.env.local", "**/.env.*"),
        ("certs/server.pem", "**/*.pem"),
        ("config.json", None),
        ("settings.json", None),
    ],
)
def test_ignore_files_and_the_setting_keep_files_private(workspace: Path, name: str, pattern: str | None) -> None:
    rule = Privacy(DEFAULTS).rule_for((workspace / name).as_uri(), [workspace])
    assert (rule.pattern if rule else None) == pattern


def test_outside_the_workspace_only_infillignore_counts(workspace: Path) -> None:
    privacy = Privacy(DEFAULTS)
    assert privacy.rule_for(str(workspace / "src" / "x.log"), []) is None
    assert privacy.rule_for(str(workspace / "src" / "deep" / "private_key.py"), []) is not None
    assert Privacy(DEFAULTS).rule_for("/home/somebody/.netrc", []) is not None


def test_an_invalid_pattern_does_not_disable_the_others() -> None:
    assert Privacy(("!", "*.secret")).rule_for("/x/a.secret", []) is not None


def test_uris_become_paths() -> None:
    assert path_of("file:///home/me/a%20b.py") == Path("/home/me/a b.py")
    assert path_of("untitled:Untitled-1") is None
    assert path_of("vscode-notebook-cell:/home/me/n.ipynb#W0s") == Path("/home/me/n.ipynb")
    assert path_of("file:///c%3A/x.py") == Path("c:/x.py")
    assert relative_path("file:///home/me/src/a.py", [Path("/home/me")]) == "src/a.py"
    assert relative_path("file:///other/lib/a.py", []) == "lib/a.py"


async def test_a_private_file_never_reaches_the_engine_and_the_rule_is_named(workspace: Path) -> None:
    engine = ScriptedEngine(says("x"))
    answer = await Completer(engine, AT_ONCE).complete(at("KEY = |", uri=(workspace / ".env").as_uri()))
    assert answer.reason is SkipReason.PRIVATE_FILE
    assert "**/.env" in str(answer.details["message"])
    assert engine.requests == []


@pytest.mark.parametrize(
    ("uri", "pattern"),
    [
        ("git:{top}/.env?%7B%22ref%22%3A%22HEAD%22%7D", "**/.env"),
        ("untitled:{top}/.env", "**/.env"),
        ("fugitive://{top}/.git//0/.env", "**/.env"),
        ("fugitive://{top}/.git//4f2a1bc/src/deep/private_key.py", "deep/private_*.py"),
        ("gitsigns://{top}/.git//HEAD~1:build/main.py", "build/"),
        ("gitsigns://{top}/.git//:0:.env", "**/.env"),
        ("diffview://{top}/.git/:0:/certs/server.pem", "**/*.pem"),
        ("vscode-remote://ssh-remote+host{top}/.env", "**/.env"),
        ("vscode-vfs://github/me/project/.env", "**/.env"),
        ("zipfile:///backup.zip::.env", "**/.env"),
        ("git:{top}/src/x.log?ref", "*.log"),
        ("git:{top}/src/main.py?ref", None),
        ("file://{top}/a?b/.env", "**/.env"),
        ("untitled:Untitled-1", None),
        ("untitled:", None),
        ("foo://[not-a-host/.env", "**/.env"),
        ("foo:/a%00b/main.py", None),
    ],
)
def test_a_file_is_private_under_any_scheme(workspace: Path, uri: str, pattern: str | None) -> None:
    rule = Privacy(DEFAULTS).rule_for(uri.format(top=workspace), [workspace])
    assert (rule.pattern if rule else None) == pattern


def test_a_name_that_no_file_can_have_is_accepted(workspace: Path) -> None:
    assert Privacy(DEFAULTS).rule_for(f"untitled:{workspace}/{'long/' * 2000}main.py", [workspace]) is None
    assert Privacy(DEFAULTS).rule_for(f"untitled:/{'l' * 5000}/.env", []) is not None


SECRET = """
.env .envrc .env.local .env.production .env-prod .env_staging prod.env config/docker.env env.production .dev.vars
main.tfvars prod.auto.tfvars main.tfvars.json terraform.tfstate terraform.tfstate.backup .terraformrc kubeconfig
.kube/config prod.kubeconfig .docker/config.json .dockercfg .netrc _netrc .htpasswd .authinfo .authinfo.gpg
.bash_history .zsh_history .psql_history .mysql_history .python_history .node_repl_history .sqlite_history
.rediscli_history .vault_pass .vault_pass.txt vault_password.txt vault-pass.sh release.jks debug.keystore a.p12 a.pfx
a.kdbx AuthKey.p8 me.ppk id_rsa id_ed25519 id_ecdsa id_dsa .ssh/work .aws/credentials .aws/config
.config/gcloud/credentials.db .azure/msal_token_cache.json my-service-account.json client_secret_1.json .npmrc .pypirc
.cargo/credentials.toml .gem/credentials .m2/settings.xml NuGet.Config .git-credentials .pgpass .my.cnf wg0.conf
office.ovpn keys.agekey master.key config/master.key secrets.yml db-secret.yaml app_secrets.yaml .secrets
.credentials.json sftp-config.json rclone.conf local.settings.json fish/fish_history
"""
ORDINARY = """
env.py environment.ts env.ts vite-env.d.ts test.env.ts .env.example .env.sample .env.template .env.dist
.env.local.example example.env id_rsa.pub .ssh/config .ssh/known_hosts main.tf variables.tf docker-compose.yml
Dockerfile config.json settings.json settings.xml auth.json package.json kube/config.go docker/config.json history.py
bash_history.md keystore.py vault.py vault_client.go secret_santa.py secret.ts my_secrets.py environment.yml
environments/prod.tf envoy.yaml token.py password.go keyboard.key.ts publickey.ts awsconfig.ts aws/config.py
history/main.rs wg.conf nuget.py hosts.yml
"""


@pytest.mark.parametrize("name", SECRET.split())
def test_files_that_hold_secrets_are_private_by_default(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, tmp_path / "deep" / "down" / name):
        assert Privacy(DEFAULTS).rule_for(path.as_uri(), [tmp_path]) is not None
        assert Privacy(DEFAULTS).rule_for(path.as_uri(), []) is not None


@pytest.mark.parametrize("name", ORDINARY.split())
def test_source_files_with_such_names_are_not_private(tmp_path: Path, name: str) -> None:
    for path in (tmp_path / name, tmp_path / "deep" / "down" / name):
        assert Privacy(DEFAULTS).rule_for(path.as_uri(), [tmp_path]) is None


@pytest.mark.parametrize("name", [".ENV", "certs/Server.PEM", "Credentials.json"])
def test_the_setting_ignores_case(workspace: Path, name: str) -> None:
    assert Privacy(DEFAULTS).rule_for((workspace / name).as_uri(), [workspace]) is not None


@pytest.mark.parametrize("pattern", [".*", "**/.*", "/.*", ".*/", "[.]*", "?", "*."])
def test_a_glob_that_would_match_a_dot_does_not_match_the_workspace_itself(workspace: Path, pattern: str) -> None:
    privacy = Privacy((pattern,))
    for name in ("main.py", "src/main.py", "src/deep/main.py"):
        assert privacy.rule_for((workspace / name).as_uri(), [workspace]) is None


@pytest.mark.parametrize("name", [".env", ".cache/main.py", "src/.env", "src/.cache/deep/main.py"])
def test_a_glob_of_hidden_files_keeps_them_private(workspace: Path, name: str) -> None:
    assert Privacy((".*",)).rule_for((workspace / name).as_uri(), [workspace]) is not None


def test_a_rule_quotes_the_pattern_of_the_setting_as_written() -> None:
    assert str(Privacy(("**/Vault.py",)).rule_for("/x/vault.py", [])) == "**/Vault.py (setting privacy.ignore)"


def test_the_rules_of_the_repository_count_if_only_a_folder_of_it_is_open(workspace: Path) -> None:
    privacy, opened = Privacy(DEFAULTS), [workspace / "src" / "deep"]
    for name in ("x.log", "private_key.py"):
        assert privacy.rule_for((opened[0] / name).as_uri(), opened) is not None
    assert privacy.rule_for((opened[0] / "main.py").as_uri(), opened) is None


def test_a_folder_ignored_by_git_can_be_opened_as_the_workspace(workspace: Path) -> None:
    (workspace / ".gitignore").write_text("*\n")
    opened = [workspace / "src"]
    assert Privacy(DEFAULTS).rule_for((opened[0] / "main.py").as_uri(), opened) is None
    (workspace / ".infillignore").write_text("src/\n")  # but not one that is meant to be private
    assert Privacy(DEFAULTS).rule_for((opened[0] / "main.py").as_uri(), opened) is not None


def test_links_do_not_bypass_the_rules(workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    link = tmp_path_factory.mktemp("links") / "project"
    link.symlink_to(workspace)
    (workspace / ".env").touch()
    (workspace / "conf.txt").symlink_to(workspace / ".env")
    (workspace / "notes.txt").symlink_to(workspace / "src" / "deep" / "private_notes.py")
    privacy = Privacy((*DEFAULTS, "src/own_*.py"))
    for root in (workspace, link):
        for top in (workspace, link):
            for name in ("x.log", "src/own_a.py", "src/deep/private_a.py", "conf.txt", "notes.txt"):
                assert privacy.rule_for((top / name).as_uri(), [root]) is not None, (root, top, name)
            assert privacy.rule_for((top / "src" / "main.py").as_uri(), [root]) is None


def test_a_link_to_a_folder_of_a_repository_has_the_rules_of_the_repository(
    workspace: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    link = tmp_path_factory.mktemp("links") / "deep"
    link.symlink_to(workspace / "src" / "deep")
    assert Privacy(DEFAULTS).rule_for((link / "private_a.py").as_uri(), [link]) is not None


@pytest.mark.parametrize(
    "name", ["config.json", "settings.json", "env/main.py", "tokens.py", "secretary.py", "keys.go"]
)
def test_a_name_that_only_sounds_secret_is_not_private(tmp_path: Path, name: str) -> None:
    assert Privacy(PrivacySettings().ignore).rule_for((tmp_path / name).as_uri(), [tmp_path]) is None
