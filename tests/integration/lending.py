"""The lending policy in force on an Installation, and the evidence that it asks for."""

import samples as s
from samples import DANA, DEV, HOME, PROD, QA, VERA, VICTOR


def govern(site, *more, policy=None):
    """Namespaces, roles of the people of samples.py, and the policy."""
    for namespace in (HOME, DEV, QA, PROD, *more):
        site.cluster.run("create", "namespace", namespace)
    admit_people(site)
    site.apply(policy or s.policy())


def admit_people(site):
    for name, role in (
        ("model-risk", "countersign-approver"),
        ("ds-lending", "countersign-developer"),
    ):
        site.cluster.run(
            "create", "clusterrolebinding", name, f"--clusterrole={role}", f"--group={name}"
        )


def account(site, person):
    return site.cluster.user(*person)


def give_evidence(site, case, model, mdeploy=None, skip=()):
    """All that the lending policy asks for, by the people who may give it."""
    use_case = s.use_case(case)
    mdeploy = mdeploy or s.deployment(case=case, model=model)
    site.apply(use_case)
    if "answers" not in skip:
        site.apply(s.answers_sign_off(use_case), user=account(site, VERA))
    if "snapshot" not in skip:
        site.apply(s.snapshot(f"{case}-snap", model, case), user=account(site, DANA))
    if "bias" not in skip:
        site.apply(s.bias_test(f"{case}-fair", model, case), user=account(site, DANA))
    for signer in (VERA, VICTOR):
        if signer[0] not in skip:
            site.apply(
                s.sign_off(mdeploy, signer, f"{case}-{signer[0]}"), user=account(site, signer)
            )
    return mdeploy


def refusal(site, *objects, user=None, dry_run=False):
    done = site.apply(*objects, user=user, check=False, dry_run=dry_run)
    assert done.returncode != 0, f"was let through: {done.stdout}"
    assert "Forbidden" in done.stderr or "denied the request" in done.stderr, done.stderr
    return done.stderr


def named(mdeploy, name):
    return s.merged(mdeploy, {"metadata": {"name": name}})
