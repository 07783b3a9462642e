"""The default of the setting `privacy.ignore`: files that hold secrets by their nature, whatever their content.

Source files whose names only sound like it (``env.py``, ``environment.ts``, ``tokens.go``) are not among them. A
template of an environment file is made to be shared, so it is not private either; secrets in it are masked like
anywhere.
"""

from __future__ import annotations

_ENVIRONMENT = (
    *("**/*.env", "**/.env", "**/.env.*", "**/.env-*", "**/.env_*", "**/.envrc", "**/.dev.vars", "**/.flaskenv"),
    *("**/env.local", "**/env.production", "**/env.prod", "**/env.development", "**/env.dev", "**/env.staging"),
    *("!**/.env.example", "!**/.env.*.example", "!**/.env.sample", "!**/.env.template", "!**/.env.dist"),
    *("!**/.env-example", "!**/.env-sample", "!**/.env-template", "!**/example.env", "!**/sample.env"),
    *("!**/template.env", "!**/*.example.env"),
)
_KEYS = (
    *("**/*.pem", "**/*.key", "**/*.p8", "**/*.pk8", "**/*.p12", "**/*.pfx", "**/*.pkcs12", "**/*.jks", "**/*.jceks"),
    *("**/*.keystore", "**/*.bks", "**/*.kdb", "**/*.kdbx", "**/*.ppk", "**/*.keychain", "**/*.agekey", "**/*.tfplan"),
    *("**/id_rsa*", "**/id_dsa*", "**/id_ecdsa*", "**/id_ed25519*", "!**/id_*.pub", "**/sops/age/keys.txt"),
    *("**/.ssh/*", "!**/.ssh/config", "!**/.ssh/known_hosts", "!**/.ssh/authorized_keys", "!**/.ssh/*.pub"),
    *("**/.gnupg/", "**/.password-store/", "**/etc/shadow*"),
)
_LOGINS = (
    *("**/.netrc", "**/_netrc", "**/.pgpass", "**/pgpass.conf", "**/.my.cnf", "**/.mylogin.cnf", "**/.htpasswd"),
    *("**/htpasswd", "**/.htdigest", "**/.authinfo", "**/.authinfo.*", "**/.git-credentials", "**/.gitcookies"),
    *("**/.smbcredentials", "**/.msmtprc", "**/.fetchmailrc", "**/sftp-config.json", "**/.ftpconfig"),
    *("**/.vscode/sftp.json", "**/.vault_pass*", "**/.vault-pass*", "**/vault_pass*", "**/vault-pass*"),
    *("**/.vault-token", "**/*.ovpn", "**/wg[0-9]*.conf", "**/wireguard/*.conf", "**/wpa_supplicant.conf"),
    *("**/*.nmconnection",),
)
_SERVICES = (
    *("**/.aws/", "**/.azure/", "**/.oci/", "**/.config/gcloud/", "**/.kube/", "**/kubeconfig", "**/kubeconfig.*"),
    *("**/*.kubeconfig", "**/.docker/config.json", "**/.dockercfg", "**/.dockerconfigjson", "**/.terraformrc"),
    *("**/terraform.rc", "**/*.tfvars", "**/*.tfvars.json", "**/*.tfstate", "**/*.tfstate.*"),
    *("**/application_default_credentials.json", "**/*service-account*.json", "**/*service_account*.json"),
    *("**/client_secret*.json", "**/*.publishsettings", "**/local.settings.json", "**/.s3cfg", "**/.boto"),
    *("**/.passwd-s3fs", "**/rclone.conf", "**/.databrickscfg", "**/.snowsql/config", "**/kaggle.json"),
    *("**/huggingface/token", "**/.sentryclirc", "**/ngrok.yml", "**/gh/hosts.yml", "**/doctl/config.yaml"),
)
_PACKAGES = (
    *("**/.npmrc", "**/.pypirc", "**/.m2/settings.xml", "**/settings-security.xml", "**/nuget.config"),
    *("**/.gradle/gradle.properties", "**/.composer/auth.json", "**/composer/auth.json", "**/.bundle/config"),
)
_SECRETS = (
    *("**/secrets.*", "**/secret.y*ml", "**/*-secret.y*ml", "**/*[-_]secrets.y*ml", "**/.secrets", "**/.secrets.*"),
    *("**/*.secret", "**/*.secrets", "**/arduino_secrets.h", "**/credentials*", "**/.credentials*"),
)
_HISTORIES = (
    *("**/.*_history", "**/.histfile", "**/.zhistory", "**/fish_history", "**/ConsoleHost_history.txt"),
    *("**/.lesshst", "**/.viminfo", "**/.dbshell"),
)
SECRET_FILES = (*_ENVIRONMENT, *_KEYS, *_LOGINS, *_SERVICES, *_PACKAGES, *_SECRETS, *_HISTORIES)
