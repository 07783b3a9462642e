"""Tokens that their issuers mark with a prefix or a fixed shape.

The shapes are those that the issuers document, compared with the default rules of gitleaks 8 (facts only).
"""

from __future__ import annotations

import re

# Kind, hints in lower case of which the text must contain one, and the shape. Each shape has one unbounded part at
# most, which begins after a literal, so searching a text takes time in proportion to its length.
_SHAPES: tuple[tuple[str, str, str], ...] = (
    (
        "GitLab token",
        "gldt-|glrt-|glcbt-|glptt-|glft-|glimt-|glagent-|glsoat-|gloas-|glffct-",
        r"gl[a-z]{2,5}-[\w-]{20,}",
    ),
    ("GitLab token", "gr1348941", r"GR1348941[\w-]{20,}"),
    ("Slack token", "xapp-", r"xapp-\d-[A-Z0-9]{5,}-\d{5,}-[a-z0-9]{20,}"),
    ("Slack webhook", "hooks.slack.com", r"hooks\.slack\.com/\w{4,12}/(?P<secret>[\w/+]{30,})"),
    ("Discord webhook", "/api/webhooks/", r"discord(?:app)?\.com/api/webhooks/\d{5,20}/(?P<secret>[\w-]{40,})"),
    ("Teams webhook", "webhook.office.com", r"webhook\.office\.com/webhookb2/(?P<secret>[\w@/-]{60,})"),
    ("Zapier webhook", "hooks.zapier.com", r"hooks\.zapier\.com/hooks/catch/(?P<secret>\d{3,}/\w{5,})"),
    ("Google token", "ya29.", r"ya29\.[\w-]{20,}"),
    ("Google client secret", "gocspx-", r"GOCSPX-[\w-]{20,}"),
    ("Google refresh token", "1//0", r"1//0[\w-]{30,}"),
    ("Stripe secret", "whsec_", r"whsec_[A-Za-z0-9+/=]{20,}"),
    ("Twilio key", "sk", r"SK[0-9a-f]{32}\b"),
    ("SendGrid key", "sg.", r"SG\.[\w-]{16,32}\.[\w-]{30,64}"),
    ("Azure client secret", "q~", r"(?<![\w.~-])[\w.~]{3}\dQ~[\w.~-]{31,40}"),
    ("AWS Bedrock key", "absk|bedrock-api-key-", r"(?:ABSK|bedrock-api-key-)[A-Za-z0-9+/=]{60,}"),
    ("Hugging Face token", "api_org_", r"api_org_[A-Za-z]{30,}"),
    ("DigitalOcean token", "_v1_", r"do[opr]_v1_[a-f0-9]{60,}"),
    ("Shopify token", "shpat_|shpca_|shppa_|shpss_", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
    ("Telegram token", ":aa", r"(?:bot)?(?P<secret>\d{8,10}:AA[\w-]{30,35})"),
    ("Discord token", ".", r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,40}"),
    ("age key", "age-secret-key-", r"AGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    ("Databricks token", "dapi", r"dapi[a-f0-9]{32}(?:-\d)?"),
    ("Doppler token", "dp.", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.-]{40,}"),
    ("Linear token", "lin_api_|lin_oauth_", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    ("Notion token", "ntn_|secret_", r"(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}\b)"),
    ("Sentry token", "sntrys_|sntryu_", r"sntry[su]_[A-Za-z0-9+/=_]{40,}"),
    ("Grafana token", "glsa_|glc_", r"(?:glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}|glc_[A-Za-z0-9+/=]{32,})"),
    ("Vault token", "hvs.|hvb.|hvr.", r"hv[sbr]\.[\w-]{24,}"),
    ("Terraform token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{50,}"),
    ("Docker token", "dckr_", r"dckr_(?:pat|oat)_[\w-]{20,}"),
    ("Square token", "eaaa|sq0", r"(?:EAAA[\w-]{60}|sq0(?:atp|csp|idp)-[\w-]{22,60})"),
    ("Mailgun key", "key-", r"(?<![\w-])(?:pub)?key-[a-f0-9]{32}\b"),
    ("Mailchimp key", "-us", r"[0-9a-f]{32}-us\d{1,2}\b"),
    ("Postman key", "pmak-", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}"),
    ("Pulumi token", "pul-", r"pul-[a-f0-9]{40}"),
    ("PlanetScale token", "pscale_", r"pscale_(?:tkn|pw|oauth)_[\w.=-]{32,64}"),
    ("Dynatrace token", "dt0", r"dt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("Heroku key", "hrku-", r"HRKU-[\w-]{30,}"),
    ("New Relic key", "nrak-|nrii-|nrjs-|nral-", r"NR(?:AK|II|JS|AL|RA)-[\w-]{19,40}"),
    ("Atlassian token", "atatt3|atctt3", r"AT(?:ATT|CTT)3[\w=-]{60,}"),
    ("Adobe secret", "p8e-", r"p8e-[A-Za-z0-9]{32}"),
    ("Alibaba key", "ltai", r"LTAI[A-Za-z0-9]{17,26}\b"),
    ("Tencent key", "akid", r"AKID[A-Za-z0-9]{32}\b"),
    ("Fly.io token", "fo1_|fm1_|fm1a_|fm1r_|fm2_", r"(?:fo1_[\w-]{43}|fm[12][ar]?_[A-Za-z0-9+/=]{60,})"),
    ("Supabase token", "sbp_|sb_secret_", r"(?:sbp_[a-f0-9]{40}|sb_secret_[\w-]{20,})"),
    ("Netlify token", "nfp_", r"nfp_[A-Za-z0-9]{36,}"),
    ("RubyGems key", "rubygems_", r"rubygems_[a-f0-9]{48}"),
    ("crates.io token", "cio", r"cio[A-Za-z0-9]{32}\b"),
    ("NuGet key", "oy2", r"oy2[a-z0-9]{43}\b"),
    ("Clojars token", "clojars_", r"CLOJARS_[a-z0-9]{60}"),
    ("Artifactory token", "akcp|cmvmdgtu", r"(?:AKCp[A-Za-z0-9]{60,}|cmVmdGtu[A-Za-z0-9]{50,})"),
    ("Prefect key", "pnu_", r"pnu_[a-z0-9]{36}"),
    ("ReadMe key", "rdme_", r"rdme_[a-z0-9]{70}"),
    ("EasyPost key", "ezak|eztk", r"EZ[AT]K[A-Za-z0-9]{54}"),
    ("Duffel token", "duffel_", r"duffel_(?:test|live)_[\w=-]{43}"),
    ("Flutterwave key", "flwseck", r"FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,}"),
    ("Facebook token", "eaac|eaam|eaab|eaag", r"EAA[A-Z][A-Za-z0-9]{80,}"),
    ("Groq key", "gsk_", r"gsk_[A-Za-z0-9]{40,}"),
    ("Perplexity key", "pplx-", r"pplx-[A-Za-z0-9]{40,}"),
    ("Replicate token", "r8_", r"r8_[A-Za-z0-9]{37}\b"),
    ("xAI key", "xai-", r"xai-[A-Za-z0-9]{60,}"),
    ("LangSmith key", "lsv2_", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ("Tailscale key", "tskey-", r"tskey-[a-z]{2,12}-\w{8,}-\w{16,}"),
    ("1Password token", "ops_eyj", r"ops_eyJ[A-Za-z0-9+/=_-]{60,}"),
    ("Typeform token", "tfp_", r"tfp_[\w.=-]{40,}"),
    ("Contentful token", "cfpat-", r"CFPAT-[\w-]{43}"),
    ("Buildkite token", "bkua_", r"bkua_[a-f0-9]{40}"),
    ("CircleCI token", "ccipat_|ccipra_", r"CCIP(?:AT|RA)_[A-Za-z0-9]{22}_[a-f0-9]{40}"),
    ("Figma token", "figd_", r"figd_[\w-]{40,}"),
    ("Airtable token", "pat", r"pat[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    ("Cloudflare key", "v1.0-", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}"),
)
# Kind, hints, pattern: as in `issued`.
KINDS = tuple(
    (kind, tuple(hints.split("|")), re.compile(rf"(?<![A-Za-z0-9_]){shape}")) for kind, hints, shape in _SHAPES
)
