#!/usr/bin/python3
"""The chart with tls.source CertManager beside cert-manager itself: `make cert-manager`; needs Go.

Good requests go on all the while, and none may be lost; the first thing that does not hold ends the run.
It is run twice, also as cert-manager was before 1.19: a certificate of a new key is not trusted then
until kubelet has brought it, and that alone may lose requests.
"""

import argparse
import json
import pathlib
import tempfile
import time

from cert_manager_site import AUTHORITY, FILES, LEAF, SOURCE, Site  # first: it finds the others
from chart_site import CHART, SYSTEM, helm, wait_until, yaml
from rotation_site import Load
from samples import HOME


def manifests():
    text = helm("template", "release", CHART, "-n", SYSTEM, *SOURCE).stdout
    return "\n---\n".join(json.dumps(o) for o in yaml.safe_load_all(text) if o and "Webhook" in o["kind"])


def story(site, settled):
    site.cluster.run("create", "namespace", HOME)
    load = Load(site.cluster, threads=2, pause=0.05)
    site.check(load, "issued and injected")
    before = site.versions()
    time.sleep(settled)
    assert site.versions() == before, "somebody writes the configurations"
    site.check(load, f"nothing written in {settled} s")
    site.renew(LEAF)
    site.check(load, "the certificate renewed")
    site.replaced(FILES)
    site.check(load, "its Secret deleted")
    root = site.files(AUTHORITY)
    site.renew(AUTHORITY)
    site.renew(LEAF)
    now = site.files(AUTHORITY)
    assert now["tls.key"] == root["tls.key"] and now["tls.crt"] != root["tls.crt"]
    assert site.files()["ca.crt"] == now["tls.crt"]
    site.check(load, "the authority renewed, and a certificate of it")
    before = site.bundles()
    site.helm("upgrade", "release", CHART, "--reset-then-reuse-values")
    assert site.bundles() == before
    site.cluster.run("apply", "--server-side", "--force-conflicts", "--field-manager=sync", "-f", "-",
                     input=manifests())  # fmt: skip
    site.cluster.run("apply", "-f", "-", input=manifests())
    assert site.bundles() == before
    site.check(load, "helm upgrade, server-side and client-side apply")
    site.replaced(AUTHORITY)
    site.check(load, "the authority's Secret deleted")
    site.renew(LEAF)
    assert site.files()["ca.crt"] != now["tls.crt"]
    site.check(load, "a certificate of the new key", lost=site.merging == "false")
    assert site.merging == "true" or load.stop(), "without merging what is served is not trusted for a while"
    load.stop()
    site.cluster.run("replace", "-f", "-", input=manifests())
    wait_until(lambda: "" not in site.bundles() and site.at_rest(), "a caBundle that was taken away to be back")
    site.webhook.stop()
    site.replaced(FILES)  # nothing of cert-manager's waits for us
    assert "caBundle" not in site.operator.log, site.operator.log


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--settled", type=int, default=60, help="seconds in which nothing may be written")
    arguments = parser.parse_args()
    for merging in (True, False):
        print("cainjector", "as it is" if merging else "as before 1.19: it replaces what was trusted", flush=True)
        with tempfile.TemporaryDirectory(prefix="countersign-cert-manager-") as place:
            site = Site(pathlib.Path(place), merging)
            try:
                story(site, arguments.settled)
            finally:
                site.close()


if __name__ == "__main__":
    main()
