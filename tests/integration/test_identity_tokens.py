"""Reauthenticated by a fresh sign-in, on a real API server that believes an identity provider."""

import json
import pathlib
import tempfile
import time

import pytest
import samples as s
from identity_provider import IdentityProvider
from lending import govern
from samples import DANA, HOME, VERA
from world import Installation, run, wait_until


@pytest.fixture(scope="module")
def provider():
    with tempfile.TemporaryDirectory(prefix="countersign-login-") as folder:
        provider = IdentityProvider(pathlib.Path(folder))
        try:
            yield provider
        finally:
            provider.close()


@pytest.fixture(scope="module")
def site(provider):
    flag = f"--authentication-config={provider.authentication_configuration()}"
    site = Installation(operator=True, apiserver=(flag,))
    try:
        govern(site, policy=policy())
        case = s.use_case()
        site.apply(case, user=site.cluster.user(*DANA))
        site.apply(s.answers_sign_off(case), user=site.cluster.user(*VERA))
        # The API server fetches the provider's keys in its own time.
        known = site.cluster.token_user("known", provider.token(*VERA))
        wait_until(
            lambda: site.cluster.run("auth", "whoami", user=known, check=False).returncode == 0,
            "the API server to believe the provider",
        )
        yield site
    finally:
        site.close()


def policy():
    measures = [m for m in s.policy()["spec"]["measures"] if m["name"] == "validation"]
    measures[0]["require"]["signOff"].update(count=1, assurance="Reauthenticated")
    return s.policy({"measures": measures, "identityTokens": {"maxAge": "5m"}})


def signed_in(site, provider, name, signed_in_at=None):
    return site.cluster.token_user(name, provider.token(*VERA, signed_in_at))


def refusal(site, mdeploy):
    done = site.apply(mdeploy, user=site.cluster.user(*DANA), check=False)
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_who_has_just_signed_in_signs_off_without_a_key(site, provider):
    mdeploy = s.deployment("fresh", model="m-fresh")
    why = refusal(site, mdeploy)
    assert "SignOffMissing" in why and "--sign-with" not in why, why
    at = int(time.time()) - 60
    user = signed_in(site, provider, "fresh", at)
    site.apply(s.sign_off(mdeploy, VERA, "fresh-yes"), user=user)
    site.apply(mdeploy, user=site.cluster.user(*DANA))

    told = wait_until(
        lambda: json.loads(
            site.cluster.run("get", "signoff", "fresh-yes", "-n", HOME, "-o", "json").stdout
        ).get("status", {}).get("signedInAt"),
        "the operator to say when the signer had signed in",
    )  # fmt: skip
    assert told == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    shown = run("evidence", "show", "fresh-yes", "-n", HOME, user=site.cluster.kubeconfig)
    assert ["signed", "in", told] in [line.split() for line in shown.stdout.splitlines()]


def test_who_signed_in_long_ago_has_to_sign_in_again(site, provider):
    mdeploy = s.deployment("stale", model="m-stale")
    user = signed_in(site, provider, "stale", time.time() - 3600)
    site.apply(s.sign_off(mdeploy, VERA, "stale-yes"), user=user)
    why = refusal(site, mdeploy)
    assert "SignOffNotReauthenticated" in why and "spec.identityTokens.maxAge" in why, why


def test_a_certificate_or_a_token_without_the_time_does_not_do(site, provider):
    mdeploy = s.deployment("silent", model="m-silent")
    site.apply(s.sign_off(mdeploy, VERA, "silent-1"), user=site.cluster.user(*VERA))
    site.apply(s.sign_off(mdeploy, VERA, "silent-2"), user=signed_in(site, provider, "silent"))
    why = refusal(site, mdeploy)
    assert "the API server did not say when its maker signed in" in why, why


def test_nobody_writes_their_own_sign_in(site, provider):
    """An edit, or a robot's copy under another name, gets its own maker's stamp."""
    mdeploy = s.deployment("copied", model="m-copied")
    user = signed_in(site, provider, "copied", time.time() - 10)
    site.apply(s.sign_off(mdeploy, VERA, "copied-yes"), user=user)
    site.cluster.run("wait", "--for=jsonpath={.status.signedInAt}", "signoff/copied-yes", "-n", HOME)
    stored = json.loads(
        site.cluster.run("get", "signoff", "copied-yes", "-n", HOME, "-o", "json").stdout
    )
    other = s.deployment("copied", model="m-other")
    forged = s.sign_off(other, VERA, "copied-too")
    forged["metadata"]["annotations"] = stored["metadata"]["annotations"]
    site.apply(forged, user=site.cluster.user(*VERA))
    assert "did not say when" in refusal(site, other)
