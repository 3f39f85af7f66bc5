"""Fixtures for tests that bring their own programs to a bare control plane."""

import os

import pytest

from world import controlplane


class Bare:
    """A control plane as the operator's tests see it."""

    def __init__(self, plane):
        self.plane = plane
        self.admin = str(plane.kubeconfig)

    def kubeconfig(self, user, groups=()):
        return str(self.plane.user(user, list(groups)))

    def audit(self):
        return self.plane.audit_events()


@pytest.fixture(scope="module")
def cluster():
    with controlplane.start() as plane:
        # The tests call kubectl by name.
        os.environ["PATH"] = f"{plane.assets}:{os.environ['PATH']}"
        yield Bare(plane)
